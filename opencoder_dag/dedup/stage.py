"""The stage `deduped_corpus`: exact, then near duplicates go; of each group the best text stays.

Belongs here: what the stage is called with, where its files go, and the kept, removed and quarantined parts
of each shard. The search itself is `search.py`; what a text is at the levels above and below the file is in
`repositories.py` and `chunks.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from opencoder_dag import recipe
from opencoder_dag.dedup.chunks import cut_documents, judge_chunks
from opencoder_dag.dedup.digests import DAMAGED, checked_digests
from opencoder_dag.dedup.losses import alarms, losses_of
from opencoder_dag.dedup.memory import remember_kept, with_memories
from opencoder_dag.dedup.presets import curve_facts, preset_of
from opencoder_dag.dedup.repositories import gather_repositories, gather_steps, spread_verdicts
from opencoder_dag.dedup.runs import Plan, column, read_lookup, rows_of
from opencoder_dag.dedup.search import (
    Progress,
    find_duplicates,
    key_partitions_for,
    partitions_for,
    steps_known,
)
from opencoder_dag.dedup.verify import verdicts_path
from opencoder_dag.document import DOCUMENT_SCHEMA, Judged, judge_rows
from opencoder_dag.engine import Engine
from opencoder_dag.errors import InputError
from opencoder_dag.lake import Dataset, Lake, Stage, canonical_json, read_table, sha256_text
from opencoder_dag.shards import ShardReport, add_up, finish, run_shards, write_shard

VERSION = "1"


@dataclass(frozen=True)
class JudgeTask:
    """One shard of the corpus to be split into its three parts."""

    source: str
    edition: str
    folder: str
    name: str
    shard: int
    verdicts: tuple[str, ...]  # lookup tables
    level: str


def deduplicate(
    lake: Lake,
    inputs: Sequence[Dataset],
    config: recipe.Dedup,
    engine: Engine,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    remember: bool = False,
    against: Sequence[Dataset] = (),
) -> Dataset:
    """Remove exact and near duplicates of the kept documents of `inputs` (OpenCoder, sections 2.2 and 9.1).

    Of equal texts, then of texts whose word n-grams have a Jaccard similarity of at least
    that of the preset, the one with the most stars stays, then the latest commit, then the smallest hash. A
    document is removed for its likeness to a document that is kept; the removal names that document, its path
    and the similarity. Near duplicates are looked for by MinHash and LSH (`presets.py`) and verified exactly.

    With `remember` the stage keeps what a later batch needs to be compared with the documents kept here. With
    `against`, earlier results that remember (oldest first), only the inputs are judged, and what those kept
    stays: the outcome is that of one run over everything in which the older documents have precedence.
    Raises `InputError` when an earlier result does not remember, or was made with other settings.
    """
    if (remember or against) and config.level != "file":
        raise InputError(
            f"dedup.level: '{config.level}' has no memory; 'remember' and 'against' need level 'file'"
        )
    given = {f"{index}:{dataset.manifest.stage}": dataset.digest for index, dataset in enumerate(inputs)}
    given |= {f"against:{index}": dataset.digest for index, dataset in enumerate(against)}
    settings = {"dedup": config.config(), **({"remember": True} if remember else {})}
    stage = Stage("deduped_corpus", VERSION, settings, given)
    if (ready := lake.find(stage)) is not None:
        return ready
    started = time.monotonic()
    folder = lake.folder(stage)
    sources = [(path, dataset.manifest.created) for dataset in inputs for path in dataset.shards()]
    documents = sum(dataset.manifest.counts["kept"] for dataset in inputs)
    plan = _plan(
        f"{folder}/work/{sha256_text(canonical_json(sources))[:16]}", config, len(sources), documents
    )
    plan = with_memories(plan, [dataset.path for dataset in against])
    paths = [path for path, _ in sources]
    progress = Progress(on_progress, steps_known(plan, documents) + len(paths))
    units, count = paths, documents
    if config.level == "repository":
        progress.expect(gather_steps(plan))
        units, count = gather_repositories(plan, paths, engine, progress.step)
    elif config.level == "chunk":
        progress.expect(len(paths))
        units, count = cut_documents(plan, paths, engine, progress.step)
    facts = find_duplicates(plan, units, count, engine, progress)
    verdicts = [verdicts_path(plan, partition) for partition in range(plan.partitions)]
    if config.level == "repository":
        verdicts = spread_verdicts(plan, engine, progress.step)
    tasks = [
        JudgeTask(
            path,
            edition,
            folder,
            f"part-{shard:05d}.parquet",
            plan.known + shard,
            tuple(verdicts),
            config.level,
        )
        for shard, (path, edition) in enumerate(sources)
    ]
    reports = run_shards(folder, tasks, judge_shard, engine, _as_steps(progress))
    if remember:
        progress.expect(len(paths))
        remember_kept(plan, paths, verdicts, folder, engine, progress.step)
    found: dict[str, Any] = {}
    for report in reports:
        add_up(found, report.facts)
    plain = [replace(report, facts={}) for report in reports]
    told = {
        "search": facts,
        "detection_curve": curve_facts(preset_of(config)),
        "losses": alarms(found.pop("losses", {}), config.source_loss_alarm),
        **found,
    }
    finished = finish(lake, stage, plain, time.monotonic() - started, told)
    _forget(f"{folder}/work")
    return finished


def _plan(work: str, config: recipe.Dedup, shards: int, documents: int) -> Plan:
    preset = preset_of(config)
    return Plan(
        work=work,
        shards=shards,
        partitions=partitions_for(documents),
        key_partitions=key_partitions_for(documents),
        bands=preset.bands,
        rows=preset.rows,
        permutations=preset.permutations,
        ngram=config.ngram,
        similarity=preset.similarity,
    )


def _as_steps(progress: Progress) -> Callable[[int, int], None]:
    last = 0

    def on_progress(done: int, total: int) -> None:
        nonlocal last
        for _ in range(done - last):
            progress.step()
        last = done

    return on_progress


def _forget(folder: str) -> None:
    fs, path = fsspec.core.url_to_fs(folder)
    if fs.exists(path):
        fs.rm(path, recursive=True)


def judge_shard(task: JudgeTask) -> ShardReport:
    """Write the three parts of one shard."""
    table = read_table(task.source)
    judged = judge(table, _verdicts(task), task.level)
    return write_shard(task.folder, task, judged, table.num_rows, pc.sum(table["size"]).as_py() or 0)


def _verdicts(task: JudgeTask) -> pa.Table:
    return pa.concat_tables([read_lookup(path, task.shard) for path in task.verdicts])


def judge(table: pa.Table, verdicts: pa.Table, level: str) -> Judged:
    """Split the documents of a shard by the lookup table of those that go."""
    _, sound = checked_digests(table)
    rows = rows_of(column(verdicts, "ordinal"))
    goes: dict[int, tuple[str, Mapping[str, Any]]] = {}
    chunks: dict[str, int] = {}
    size = table["size"].to_numpy()
    if level == "chunk":
        table, goes, chunks = judge_chunks(table, verdicts)
    else:
        rows = rows_of(column(verdicts, "ordinal"))
        for row, verdict in zip(rows.tolist(), verdicts.to_pylist(), strict=True):
            goes[row] = (_reason(level, verdict["exact"]), _evidence(verdict))
    judgement: list[tuple[str, Mapping[str, Any]] | Exception | None] = [
        goes.get(row) for row in range(table.num_rows)
    ]
    for row in np.flatnonzero(~sound).tolist():
        judgement[row] = InputError(DAMAGED)
    lost = np.where(np.isin(np.arange(table.num_rows), list(goes)), size, size - table["size"].to_numpy())
    return judge_rows(
        table.select(DOCUMENT_SCHEMA.names), judgement, {"losses": losses_of(table, size, lost), **chunks}
    )


def _reason(level: str, exact: bool) -> str:
    if level == "repository":
        return "repository_duplicate"
    return "exact_duplicate" if exact else "near_duplicate"


def _evidence(verdict: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "duplicate_of": verdict["keeper_id"],
        "path": verdict["keeper_path"],
        "similarity": round(verdict["similarity"], 6),
    }
