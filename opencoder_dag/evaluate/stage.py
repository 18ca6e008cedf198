"""The stage `eval_scores`: every suite drawn, judged and scored, and the held-out text measured."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.evaluate.generate import (
    Draw,
    Form,
    complete_suite,
    draw_by_endpoint,
    draw_locally,
    read_completions,
)
from opencoder_dag.evaluate.judge import Judgement, judge_choices, judge_suite
from opencoder_dag.evaluate.local_model import Bits, LocalModel, local_folder
from opencoder_dag.evaluate.results import HELD_OUT, PROBLEMS, SCORES, Results
from opencoder_dag.evaluate.suites import Suite, load_suites
from opencoder_dag.lake import Dataset, Lake, Stage, publish_folder
from opencoder_dag.recipe import Evaluate
from opencoder_dag.sandbox import Kind, SandboxOptions, sandbox_kind
from opencoder_dag.train.card import add_scores

if TYPE_CHECKING:
    from opencoder_dag.instruct.llm import ChatModel

VERSION = "3"
STAGE = "eval_scores"


@dataclass(frozen=True)
class _Subject:
    """What is evaluated: its identity for fingerprints, how it is drawn from, and, where likelihoods can be
    had, the model itself (loaded when it is first needed)."""

    identity: dict[str, str]
    form: Form
    draw: Callable[[Callable[[int, int], None]], Draw]
    load: Callable[[], LocalModel] | None = None


def evaluate_model(
    lake: Lake,
    model: Dataset,
    tokenizer_folder: str,
    held_out: Dataset,
    config: Evaluate,
    form: Form,
    seed: int,
    sandbox: SandboxOptions,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    completions: Lake | None = None,
) -> Dataset:
    """Score a model on the suites of a recipe and on held-out documents.

    The folder has `scores.json` (scores and their 95 % intervals), `problems.parquet` (one row a problem) and
    `held_out.parquet` (one row a document). `manifest.facts`: `scores` ({suite.metric: value}: pass@k as a
    share, bits_per_byte of reference solutions and of held-out text, overall and by language), `intervals`
    (the same keys, [low, high]), `sandbox` (the containment), `completions` (their folders). The scores also
    go into the model's card.

    `completions` is where drawn completions are kept and looked for, by default the lake itself. Raises
    `InputError` for unknown suites and unreadable models.
    """
    identity = {"model": model.digest, "tokenizer": _tokenizer_digest(tokenizer_folder)}
    with ExitStack() as stack:
        load = cache(lambda: _load(stack, model.path, tokenizer_folder))
        subject = _Subject(identity, form, lambda report: draw_locally(load(), report), load)
        found = _evaluate(lake, completions or lake, subject, held_out, config, seed, sandbox, on_progress)
    if not found.reused:
        add_scores(model, found.manifest.facts["scores"], found.manifest.facts["intervals"])
    return found


def evaluate_endpoint(
    lake: Lake,
    model: ChatModel,
    config: Evaluate,
    seed: int,
    sandbox: SandboxOptions,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    form: Form = "chat",
    completions: Lake | None = None,
) -> Dataset:
    """Score a model behind an OpenAI-compatible address on the suites of a recipe: `eval_scores`.

    In chat form it answers requests, in base form it continues prompts. Likelihoods are not asked for: suites
    of multiple choice are named in `manifest.facts["missing"]`, and there are no bits per byte. All that is
    known of the model is its address and its name there. Raises as `evaluate_model`, `InputError` when every
    suite needs likelihoods, and `OpencoderError` when the server does not answer; nothing is stored then.
    """
    identity = {"endpoint": f"{model.url} {model.model}"}
    subject = _Subject(identity, form, lambda report: draw_by_endpoint(model, report))
    return _evaluate(lake, completions or lake, subject, None, config, seed, sandbox, on_progress)


def _evaluate(
    lake: Lake,
    completions: Lake,
    subject: _Subject,
    held_out: Dataset | None,
    config: Evaluate,
    seed: int,
    sandbox: SandboxOptions,
    on_progress: Callable[[int, int], None],
) -> Dataset:
    suites, missing = load_suites(config.suites, config.problems, config.missing == "skip")
    if subject.load is None:
        missing |= {suite.name: "needs likelihoods" for suite in suites if suite.spec.task == "choice"}
        suites = [suite for suite in suites if suite.spec.task != "choice"]
        if not suites and "needs likelihoods" in missing.values():
            raise InputError("evaluate.suites: likelihoods cannot be had over an address; name other suites")
    kind = _containment(suites, sandbox)
    stage = Stage(
        STAGE,
        VERSION,
        config={
            "evaluate": config.config(),
            "form": subject.form,
            "seed": seed,
            "suites": {suite.name: suite.digest for suite in suites},
            "sandbox": kind,
        },
        inputs=subject.identity | ({"held_out": held_out.digest} if held_out else {}),
    )
    if (ready := lake.find(stage)) is not None:
        return ready
    started = time.monotonic()
    results = Results(seed)
    documents = pick_documents(held_out, config.held_out_documents, seed) if held_out else []
    steps = _Steps(on_progress, [*(2 * len(suite.problems) for suite in suites), len(documents)])
    for suite in suites:
        if suite.spec.task == "choice" and subject.load:
            judged = _choose(subject.load(), suite)
            steps.next(len(suite.problems))
        else:
            draw = partial(subject.draw, steps.report)
            drawn = complete_suite(completions, suite, subject.identity, draw, config, subject.form, seed)
            results.completions[suite.name] = drawn.path
            steps.next(len(suite.problems))
            judged = judge_suite(suite, read_completions(drawn), subject.form, sandbox)
        results.add_suite(suite, judged, _reference_bits(subject.load, suite))
        steps.next(len(suite.problems))
    if documents and subject.load:
        results.add_held_out(documents, subject.load().document_bits([row["content"] for row in documents]))
        steps.next(len(documents))
    facts = {"sandbox": kind, "missing": missing, "form": subject.form, "held_out_documents": len(documents)}
    return _publish(lake, stage, results, facts, started)


def _publish(lake: Lake, stage: Stage, results: Results, facts: dict[str, Any], started: float) -> Dataset:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        results.write(folder)
        return publish_folder(
            lake,
            stage,
            folder,
            digest_of=[SCORES, PROBLEMS, HELD_OUT],
            counts=results.counts(),
            facts={
                "scores": results.scores,
                "intervals": results.intervals,
                "verdicts": results.verdicts,
                "completions": results.completions,
                **facts,
            },
            seconds=time.monotonic() - started,
        )


def _containment(suites: Sequence[Suite], sandbox: SandboxOptions) -> Kind:
    """The containment to be had here; raises `OpencoderError` when it is too weak for a suite and was not
    asked for by name."""
    kind = sandbox_kind(sandbox)
    for suite in suites:
        if kind == "process" and sandbox.kind == "auto" and not suite.spec.trusted:
            raise OpencoderError(
                f"suite '{suite.name}' runs programs of unknown origin and bubblewrap does not work here; "
                "set the sandbox to 'process' to run them with limits only"
            )
    return kind


def _reference_bits(load: Callable[[], LocalModel] | None, suite: Suite) -> list[Bits] | None:
    """Bits of the reference solutions after their prompts; None where there are none, or no likelihoods."""
    pairs = [(problem.prompt, problem.reference) for problem in suite.problems]
    return load().continuation_bits(pairs) if load and all(reference for _, reference in pairs) else None


def _choose(model: LocalModel, suite: Suite) -> list[Judgement]:
    """Judge multiple choice by the bits that each choice costs after the prompt."""
    pairs = [(problem.prompt, choice) for problem in suite.problems for choice in problem.choices]
    bits = iter(model.continuation_bits(pairs))
    return [judge_choices(problem, [next(bits).bits for _ in problem.choices]) for problem in suite.problems]


class _Steps:
    """Progress over parts of different size."""

    def __init__(self, on_progress: Callable[[int, int], None], sizes: Sequence[int]) -> None:
        self.on_progress, self.total, self.done = on_progress, sum(sizes), 0

    def report(self, done: int, _: int) -> None:
        self.on_progress(self.done + done, self.total)

    def next(self, size: int) -> None:
        self.done += size
        self.on_progress(self.done, self.total)


def pick_documents(held_out: Dataset, count: int, seed: int) -> list[dict[str, Any]]:
    """The documents of smallest hash of seed and id: doc_id, language and content, in that order."""
    ranked = []
    for shard, table in enumerate(held_out.tables(columns=["doc_id"])):
        for row, doc_id in enumerate(table["doc_id"].to_pylist()):
            key = hashlib.sha256(f"evaluate:{seed}:{doc_id}".encode()).hexdigest()
            ranked.append((key, shard, row))
    wanted = {(shard, row): place for place, (_, shard, row) in enumerate(sorted(ranked)[:count])}
    found: dict[int, dict[str, Any]] = {}
    for shard, table in enumerate(held_out.tables(columns=["doc_id", "language", "content"])):
        rows = [row for in_shard, row in wanted if in_shard == shard]
        for row, values in zip(rows, table.take(pa.array(rows, pa.int64())).to_pylist(), strict=True):
            found[wanted[shard, row]] = values
    return [found[place] for place in sorted(found)]


def _load(stack: ExitStack, model_folder: str, tokenizer_folder: str) -> LocalModel:
    model = stack.enter_context(local_folder(model_folder))
    tokenizer = stack.enter_context(local_folder(tokenizer_folder))
    return LocalModel(model, tokenizer)


def _tokenizer_digest(folder: str) -> str:
    digest = hashlib.sha256()
    with local_folder(folder) as local:
        for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
            with contextlib.suppress(FileNotFoundError):
                digest.update(f"{name}\0".encode() + hashlib.sha256((local / name).read_bytes()).digest())
    return digest.hexdigest()
