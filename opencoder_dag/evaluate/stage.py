"""The stage `eval_scores`: every suite drawn, judged and scored, and the held-out text measured."""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from opencoder_dag.engine import Engine
from opencoder_dag.errors import OpencoderError
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
from opencoder_dag.evaluate.statistics import bootstrap_ratio, pass_at_k, share_interval
from opencoder_dag.evaluate.suites import Suite, load_suites
from opencoder_dag.lake import Dataset, Lake, Stage, publish_folder, write_table
from opencoder_dag.recipe import Evaluate
from opencoder_dag.sandbox import Kind, SandboxOptions, sandbox_kind
from opencoder_dag.train.card import add_scores

if TYPE_CHECKING:
    from opencoder_dag.instruct.llm import ChatModel

VERSION = "1"
STAGE = "eval_scores"
PROBLEMS_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string()),  # the problem's id in its suite
        pa.field("suite", pa.string()),
        pa.field("group", pa.string()),
        pa.field("samples", pa.int32()),
        pa.field("correct", pa.int32()),
        pa.field("verdicts", pa.list_(pa.string())),
        pa.field("details", pa.list_(pa.string())),
        pa.field("solutions", pa.list_(pa.large_string())),
        pa.field("reference_bits_per_byte", pa.float64()),
    ]
)
HELD_OUT_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string()),
        pa.field("language", pa.string()),
        pa.field("bits", pa.float64()),
        pa.field("bytes", pa.int64()),
    ]
)
SCORES, PROBLEMS, HELD_OUT = "scores.json", "problems.parquet", "held_out.parquet"


def evaluate_model(
    lake: Lake,
    model: Dataset,
    tokenizer_folder: str,
    held_out: Dataset,
    config: Evaluate,
    form: Form,
    seed: int,
    sandbox: SandboxOptions,
    engine: Engine,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Dataset:
    """Score a model on the suites of a recipe and on held-out documents.

    The folder has `scores.json` (scores and their 95 % intervals), `problems.parquet` (one row a problem) and
    `held_out.parquet` (one row a document). `manifest.facts`: `scores` ({suite.metric: value}: pass@k as a
    share, bits_per_byte of reference solutions and of held-out text, overall and by language), `intervals`
    (the same keys, [low, high]), `sandbox` (the containment), `completions` (their folders). The scores also
    go into the model's card.

    `engine` is not used: a model is one process's work. Raises `InputError` for unknown suites and unreadable
    models.
    """
    suites, missing = load_suites(config.suites, config.problems, config.missing == "skip")
    kind = _containment(suites, sandbox)
    identity = {"model": model.digest, "tokenizer": _tokenizer_digest(tokenizer_folder)}
    stage = Stage(
        STAGE,
        VERSION,
        config={
            "evaluate": config.config(),
            "form": form,
            "seed": seed,
            "suites": {suite.name: suite.digest for suite in suites},
            "sandbox": kind,
        },
        inputs={**identity, "held_out": held_out.digest},
    )
    if (ready := lake.find(stage)) is not None:
        return ready
    started = time.monotonic()
    results = _Results(seed)
    steps = _Steps(on_progress, [*(2 * len(suite.problems) for suite in suites), config.held_out_documents])
    with ExitStack() as stack:
        load = cache(lambda: _load(stack, model.path, tokenizer_folder))
        for suite in suites:
            if suite.spec.task == "choice":
                judged = _choose(load(), suite)
                steps.next(len(suite.problems))
            else:
                draw = partial(_draw, load, steps.report)
                drawn = complete_suite(lake, suite, identity, draw, config, form, seed)
                results.completions[suite.name] = drawn.path
                steps.next(len(suite.problems))
                judged = judge_suite(suite, read_completions(drawn), form, sandbox)
            pairs = [(problem.prompt, problem.reference) for problem in suite.problems]
            known = all(reference for _, reference in pairs)
            results.add_suite(suite, judged, load().continuation_bits(pairs) if known else None)
            steps.next(len(suite.problems))
        documents = pick_documents(held_out, config.held_out_documents, seed)
        results.add_held_out(documents, load().document_bits([row["content"] for row in documents]))
        steps.next(config.held_out_documents)
    facts = {"sandbox": kind, "missing": missing, "form": form, "held_out_documents": len(documents)}
    published = _publish(lake, stage, results, facts, started)
    add_scores(model, published.manifest.facts["scores"], published.manifest.facts["intervals"])
    return published


def evaluate_endpoint(
    lake: Lake,
    model: ChatModel,
    config: Evaluate,
    seed: int,
    sandbox: SandboxOptions,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Dataset:
    """Score a chat model behind an OpenAI-compatible address on the suites of a recipe: `eval_scores`.

    Likelihoods cannot be had over a chat address: suites of multiple choice are left out and named in
    `manifest.facts["missing"]`, and there are no bits per byte. Raises as `evaluate_model`.
    """
    suites, missing = load_suites(config.suites, config.problems, config.missing == "skip")
    missing |= {suite.name: "needs likelihoods" for suite in suites if suite.spec.task == "choice"}
    suites = [suite for suite in suites if suite.spec.task != "choice"]
    kind = _containment(suites, sandbox)
    identity = {"endpoint": f"{model.url} {model.model}"}
    digests = {suite.name: suite.digest for suite in suites}
    stage = Stage(
        STAGE,
        VERSION,
        config={
            "evaluate": config.config(),
            "form": "chat",
            "seed": seed,
            "suites": digests,
            "sandbox": kind,
        },
        inputs=identity,
    )
    if (ready := lake.find(stage)) is not None:
        return ready
    started = time.monotonic()
    results = _Results(seed)
    steps = _Steps(on_progress, [len(suite.problems) for suite in suites])
    for suite in suites:
        draw = partial(draw_by_endpoint, model, steps.report)
        drawn = complete_suite(lake, suite, identity, draw, config, "chat", seed)
        results.completions[suite.name] = drawn.path
        results.add_suite(suite, judge_suite(suite, read_completions(drawn), "chat", sandbox), None)
        steps.next(len(suite.problems))
    return _publish(lake, stage, results, {"sandbox": kind, "missing": missing, "form": "chat"}, started)


def _publish(lake: Lake, stage: Stage, results: _Results, facts: dict[str, Any], started: float) -> Dataset:
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


def _draw(load: Callable[[], LocalModel], report: Callable[[int, int], None]) -> Draw:
    return draw_locally(load(), report)


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


class _Results:
    """Scores, intervals and tables, gathered suite by suite."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.scores: dict[str, float] = {}
        self.intervals: dict[str, tuple[float, float]] = {}
        self.verdicts: dict[str, dict[str, int]] = {}
        self.completions: dict[str, str] = {}
        self.problems: list[dict[str, Any]] = []
        self.documents: list[dict[str, Any]] = []

    def add_suite(self, suite: Suite, judged: Sequence[Judgement], bits: Sequence[Bits] | None) -> None:
        groups: dict[str, list[int]] = {"": list(range(len(judged)))}
        for index, judgement in enumerate(judged):
            if judgement.problem.group:
                groups.setdefault(judgement.problem.group, []).append(index)
        samples = min(len(one.verdicts) for one in judged)
        for k in (k for k in (1, 10, 100) if k <= samples):
            shares = [pass_at_k(len(one.verdicts), one.correct, k) for one in judged]
            metric = "accuracy" if suite.spec.metric == "accuracy" else f"pass@{k}"
            for group, members in groups.items():
                name = ".".join(filter(None, (suite.name, group, metric)))
                values = [shares[index] for index in members]
                self._add(name, sum(values) / len(values), share_interval(values, self.seed))
        if bits is not None:
            for group, members in groups.items():
                name = ".".join(filter(None, (suite.name, group, "bits_per_byte")))
                self._add_bits(name, [bits[index] for index in members])
        counts = self.verdicts.setdefault(suite.name, {})
        costs: Sequence[Bits | None] = bits or [None] * len(judged)
        for judgement, cost in zip(judged, costs, strict=True):
            for verdict in judgement.verdicts:
                counts[verdict] = counts.get(verdict, 0) + 1
            self.problems.append(
                {
                    "doc_id": judgement.problem.task_id,
                    "suite": suite.name,
                    "group": judgement.problem.group,
                    "samples": len(judgement.verdicts),
                    "correct": judgement.correct,
                    "verdicts": list(judgement.verdicts),
                    "details": list(judgement.details),
                    "solutions": list(judgement.solutions),
                    "reference_bits_per_byte": round(cost.bits / max(cost.bytes, 1), 6) if cost else None,
                }
            )

    def add_held_out(self, documents: Sequence[dict[str, Any]], bits: Sequence[Bits]) -> None:
        languages: dict[str, list[Bits]] = {}
        for document, cost in zip(documents, bits, strict=True):
            languages.setdefault(document["language"], []).append(cost)
            self.documents.append(
                {
                    "doc_id": document["doc_id"],
                    "language": document["language"],
                    "bits": round(cost.bits, 3),
                    "bytes": cost.bytes,
                }
            )
        if documents:
            self._add_bits("held_out.bits_per_byte", bits)
        for language in sorted(languages):
            self._add_bits(f"held_out.bits_per_byte.{language.lower()}", languages[language])

    def _add(self, name: str, value: float, interval: tuple[float, float]) -> None:
        self.scores[name] = round(value, 6)
        self.intervals[name] = (round(interval[0], 6), round(interval[1], 6))

    def _add_bits(self, name: str, costs: Sequence[Bits]) -> None:
        bits, sizes = [cost.bits for cost in costs], [float(cost.bytes) for cost in costs]
        if sum(sizes) > 0:
            self._add(name, sum(bits) / sum(sizes), bootstrap_ratio(bits, sizes, self.seed))

    def counts(self) -> dict[str, int]:
        return {"in": len(self.problems), "kept": len(self.problems), "removed": 0, "quarantined": 0}

    def write(self, folder: Path) -> None:
        content = {"scores": self.scores, "intervals": self.intervals, "verdicts": self.verdicts}
        (folder / SCORES).write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")
        write_table(str(folder / PROBLEMS), pa.Table.from_pylist(self.problems, schema=PROBLEMS_SCHEMA))
        write_table(str(folder / HELD_OUT), pa.Table.from_pylist(self.documents, schema=HELD_OUT_SCHEMA))


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
