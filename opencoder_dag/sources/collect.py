"""The stage `raw_code`: sources in, one shard of documents and verdicts a task.

Belongs here: planning the shards of a survey, and the task that fills one. A portion whose rows an earlier
collection holds is taken from there; everything else is read, wherever the task runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from opencoder_dag.document import Judged
from opencoder_dag.engine import Engine
from opencoder_dag.lake import PARTS, Dataset, Lake, Stage, canonical_json, write_bytes
from opencoder_dag.shards import ShardReport, finish, run_shards, write_shard
from opencoder_dag.sources.choose import Portion, cut
from opencoder_dag.sources.decide import cost, judge_all
from opencoder_dag.sources.reuse import INDEX, Earlier, Slice, earlier_collection, portion_key, rows_of
from opencoder_dag.sources.source import Origin, RawFile, Source
from opencoder_dag.sources.survey import Survey, survey_sources

STAGE = "raw_code"
VERSION = "2"


@dataclass(frozen=True)
class Piece:
    """A portion with its key, and where its rows are already, if they are."""

    portion: Portion
    key: str
    earlier: Slice | None


@dataclass(frozen=True)
class CollectTask:
    """One shard to fill."""

    folder: str
    name: str
    pieces: tuple[Piece, ...]


def collect(
    lake: Lake,
    sources: Sequence[Source],
    source_bytes: int,
    shard_bytes: int,
    engine: Engine,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Dataset:
    """Collect at most `source_bytes` of raw code into shards of about `shard_bytes` of content each.

    Raises `InputError` when a source does not exist. What is listed and chosen is kept, removed or
    quarantined; what the budget leaves out is counted in the manifest's facts, and so is what had to be read
    and what an earlier collection in the same lake already held.
    """
    started = time.monotonic()
    survey = survey_sources(sources, source_bytes)
    stage = Stage(STAGE, VERSION, inputs={"sources": survey.digest()})
    if (ready := lake.find(stage)) is not None:
        return ready
    folder = lake.folder(stage)
    earlier = earlier_collection(lake, stage)
    tasks = plan(survey, shard_bytes, folder, earlier)
    reports = run_shards(folder, tasks, collect_shard, engine, on_progress)
    index = {report.name: report.facts["portions"] for report in reports}
    write_bytes(f"{folder}/{INDEX}", canonical_json(index).encode())
    write_bytes(f"{folder}/repositories.json", canonical_json(survey.described()).encode())
    return finish(
        lake,
        stage,
        [_without_index(report) for report in reports],
        time.monotonic() - started,
        facts={**survey.facts, "refresh": refresh_facts(tasks, earlier)},
    )


def plan(survey: Survey, shard_bytes: int, folder: str, earlier: Earlier) -> list[CollectTask]:
    """The shards of a survey as tasks, in corpus order."""
    tasks = []
    for number, portions in enumerate(cut(survey.chosen, shard_bytes)):
        keyed = [(portion, portion_key(portion)) for portion in portions]
        pieces = tuple(Piece(portion, key, earlier.slices.get(key)) for portion, key in keyed)
        tasks.append(CollectTask(folder, f"part-{number:05d}.parquet", pieces))
    return tasks


def refresh_facts(tasks: Sequence[CollectTask], earlier: Earlier) -> dict[str, int]:
    """How many repositories are read (wholly or in part) or reused, and how many shards stay as they were."""
    read = {piece.portion.repository.name for task in tasks for piece in task.pieces if piece.earlier is None}
    every = {piece.portion.repository.name for task in tasks for piece in task.pieces}
    unchanged = sum(tuple(sorted(piece.key for piece in task.pieces)) in earlier.shards for task in tasks)
    return {
        "repositories_read": len(read),
        "repositories_reused": len(every - read),
        "shards_changed": len(tasks) - unchanged,
        "shards_unchanged": unchanged,
    }


def collect_shard(task: CollectTask) -> ShardReport:
    """Fill one shard and write it; its report says which rows belong to which portion."""
    filled = [_fill(piece) for piece in task.pieces]
    tables = {part: _joined([getattr(judged, part) for judged in filled]) for part in PARTS}
    facts = {
        "languages": _languages(tables["kept"]),
        "portions": _index(task.pieces, filled),
    }
    bytes_in = sum(judged.facts["bytes_in"] for judged in filled)
    judged = Judged(**tables, facts=facts)
    return write_shard(task.folder, task, judged, judged.rows, bytes_in)


def _fill(piece: Piece) -> Judged:
    if piece.earlier is not None and (judged := rows_of(piece.earlier)) is not None:
        return judged
    return judge_all(_files(piece.portion))


def _files(portion: Portion) -> Iterator[tuple[RawFile, Origin]]:
    """What a portion holds: first the entries that are judged unread, then the files that are read."""
    origin = portion.repository.origin
    yield from ((RawFile(entry, b""), origin) for entry in portion.entries if not cost(entry))
    for file in portion.repository.tree.read([entry for entry in portion.entries if cost(entry)]):
        yield file, file.origin or origin


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    # One chunk a column: how rows were gathered must not show in the bytes of the file.
    return pa.concat_tables(tables).combine_chunks()


def _languages(kept: pa.Table) -> dict[str, dict[str, int]]:
    sums = kept.group_by("language").aggregate([("size", "count"), ("size", "sum")]).to_pylist()
    return {row["language"]: {"files": row["size_count"], "bytes": row["size_sum"]} for row in sums}


def _index(pieces: Sequence[Piece], filled: Sequence[Judged]) -> dict[str, dict[str, Any]]:
    """Where the rows of each portion are, and the bytes that were read for them."""
    index: dict[str, dict[str, Any]] = {}
    first = [0] * len(PARTS)
    for piece, judged in zip(pieces, filled, strict=True):
        last = [start + getattr(judged, part).num_rows for start, part in zip(first, PARTS, strict=True)]
        index[piece.key] = {"rows": list(zip(first, last, strict=True)), "bytes_in": judged.facts["bytes_in"]}
        first = last
    return index


def _without_index(report: ShardReport) -> ShardReport:
    facts: Mapping[str, Any] = {key: value for key, value in report.facts.items() if key != "portions"}
    return replace(report, facts=facts)
