"""The stage "annealing_mix": which documents the model sees, and how often in each of its two phases.

Belongs here: the order of the steps and writing the shards. Measuring is in `measure.py`, documents that are
added in `generated.py`, the decision over the whole corpus in `plan.py`.

Pre-training draws code (parts corpus and algorithmic, as they come) and web pages; annealing draws the four
parts of OpenCoder, section 5, by their shares. Without `high_quality` it draws the code alone (section 9.3).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from opencoder_dag.document import DOCUMENT_SCHEMA, judge_rows
from opencoder_dag.engine import Engine
from opencoder_dag.errors import InputError
from opencoder_dag.lake import (
    Dataset,
    Lake,
    Stage,
    exists,
    read_table,
    read_text,
    sha256_text,
    write_bytes,
    write_table,
)
from opencoder_dag.mix.generated import generated_documents
from opencoder_dag.mix.held_out import HeldOut
from opencoder_dag.mix.measure import MEASURED_SCHEMA, MeasureTask, measure
from opencoder_dag.mix.plan import PLAN_COLUMNS, plan_mix
from opencoder_dag.shards import ShardReport, finish, run_shards, write_shard

if TYPE_CHECKING:
    from opencoder_dag.instruct.llm import ChatModel
    from opencoder_dag.recipe import InstructionSet, Mix, Train
    from opencoder_dag.sandbox import SandboxOptions

VERSION = "3"


def build_mix(
    lake: Lake,
    corpus: Dataset,
    web: Dataset,
    held_out: Dataset,
    tokenizer_folder: str,
    config: Mix,
    train: Train,
    seed: int,
    sandbox: SandboxOptions,
    engine: Engine,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    model: ChatModel | None = None,
) -> Dataset:
    """Stage "annealing_mix": kept documents with `part`, `tokens`, `pretrain` and `anneal` (times seen).

    Input is corpus, web and the documents added here (source "snippets", "textbooks" or "instructions").
    Removed are `held_out`, `language_cap`, `empty` and `over_budget`. `manifest.facts["parts"]` is the table
    of tokens asked, available and used, a row for each part in each phase; `manifest.facts["generated"]`
    counts the candidates that were run. A language `model`, if given, writes some of them. Raises
    `InputError` when the folder holds no fast tokenizer.
    """
    tokenizer = f"{tokenizer_folder}/tokenizer.json"
    if not exists(tokenizer):
        raise InputError(f"{tokenizer_folder}: no tokenizer.json; a fast Hugging Face tokenizer is needed")
    tokenizer_digest = sha256_text(read_text(tokenizer))
    stage = Stage(
        "annealing_mix",
        VERSION,
        {
            "mix": config.config(),
            "sets": [_digest_of_set(given) for given in config.sets],
            "tokens": train.tokens,
            "anneal_tokens": train.anneal_tokens,
            "seed": seed,
            "model": None if model is None else model.model,
        },
        {
            "corpus": corpus.digest,
            "web": web.digest,
            "held_out": held_out.digest,
            "tokenizer": tokenizer_digest,
        },
    )
    if (ready := lake.find(stage)) is not None:
        return ready
    started = time.monotonic()
    if model is not None:
        model.cache = model.cache or f"{lake.root}/answers"
    folder = lake.folder(stage)
    sources = [(dataset, path) for dataset in (corpus, web) for path in dataset.shards()]
    steps = 2 * len(sources) + 2

    held = HeldOut.read(held_out).to_json()
    write_bytes(f"{folder}/work/held_out.json", held.encode())
    tasks = [
        MeasureTask(
            source=path,
            edition=dataset.manifest.created,
            web=dataset is web,
            seed=seed,
            tokenizer=tokenizer,
            tokenizer_digest=tokenizer_digest,
            held_out=f"{folder}/work/held_out.json",
            held_out_digest=sha256_text(held),
            work=f"{folder}/work",
        )
        for dataset, path in sources
    ]
    for done, _ in enumerate(engine.map(measure, tasks), 1):
        on_progress(done, steps)

    generated, facts = generated_documents(tasks, tokenizer, config, train, seed, sandbox, model)
    write_table(f"{folder}/work/generated.parquet", generated)
    on_progress(len(sources) + 1, steps)

    measured = [read_table(task.measured) for task in tasks]
    measured.append(
        generated.select([name for name in MEASURED_SCHEMA.names if name in generated.column_names])
    )
    table = pa.concat_tables(measured, promote_options="default")
    plan, parts = plan_mix(table, config, train, seed)
    writes = []
    start = 0
    for index, (path, rows) in enumerate(
        zip(
            [*(task.source for task in tasks), f"{folder}/work/generated.parquet"],
            map(len, measured),
            strict=True,
        )
    ):
        mine = plan.slice(start, rows)
        digest = sha256_text(repr(mine.to_pydict()))
        plan_path = f"{folder}/work/plan-{digest[:24]}.parquet"
        write_table(plan_path, mine)
        writes.append(WriteTask(path, folder, f"part-{index:05d}.parquet", plan_path, digest))
        start += rows

    def on_shards(done: int, total: int) -> None:
        on_progress(len(sources) + 1 + done, steps)

    reports = run_shards(folder, writes, _write, engine, on_shards)
    facts = {"parts": parts, "generated": facts}
    return finish(lake, stage, reports, time.monotonic() - started, facts)


def _digest_of_set(given: InstructionSet) -> str:
    # Imported here: the instruction room stands on this one.
    from opencoder_dag.instruct.readers import digest_of

    return digest_of(given.source)


# --- writing ---


@dataclass(frozen=True)
class WriteTask:
    """One shard of documents and the part of the plan that is about it."""

    source: str
    folder: str
    name: str
    plan: str
    plan_digest: str


def _write(task: WriteTask) -> ShardReport:
    table = read_table(task.source)
    plan = read_table(task.plan)
    verdicts: list[tuple[str, Mapping[str, Any]] | Exception | None] = []
    for verdict, evidence, tokens in zip(
        *(plan[name].to_pylist() for name in ("verdict", "evidence", "tokens")), strict=True
    ):
        if verdict is None:
            verdicts.append(None)
        elif verdict == "error":
            verdicts.append(ValueError(f"cannot be tokenised: {evidence}"))
        else:
            verdicts.append((verdict, json.loads(evidence) if evidence else {"tokens": tokens}))
    documents = table.select(DOCUMENT_SCHEMA.names)
    for name in PLAN_COLUMNS[2:]:
        documents = documents.append_column(name, plan[name])
    judged = judge_rows(documents, verdicts, _facts(documents.filter(pc.equal(_kept(plan), True))))
    return write_shard(task.folder, task, judged, table.num_rows, pc.sum(table["size"]).as_py() or 0)


def _kept(plan: pa.Table) -> pa.ChunkedArray:
    return pc.is_null(plan["verdict"])


def _facts(kept: pa.Table) -> dict[str, Any]:
    """Documents and tokens kept, by part and by language."""
    facts: dict[str, Any] = {"documents": {}, "tokens": {}, "languages": {}}
    for part, language, tokens in zip(
        *(kept[name].to_pylist() for name in ("part", "language", "tokens")), strict=True
    ):
        facts["documents"][part] = facts["documents"].get(part, 0) + 1
        facts["tokens"][part] = facts["tokens"].get(part, 0) + tokens
        facts["languages"][language] = facts["languages"].get(language, 0) + tokens
    return facts
