"""The shards of a stage: written whole, reported on, added up, and not redone after an interruption.

Belongs here: what happens between a stage's input and its manifest, shard by shard. Where it all lies is
`lake.py`.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Protocol, TypeVar, cast

import pyarrow as pa
import pyarrow.compute as pc

from opencoder_dag.document import Judged
from opencoder_dag.engine import Engine
from opencoder_dag.errors import OpencoderError
from opencoder_dag.lake import (
    PARTS,
    Dataset,
    Lake,
    Stage,
    canonical_json,
    exists,
    publish,
    read_table,
    read_text,
    sha256_text,
    write_bytes,
    write_table,
)

DIGEST_MODULUS = 1 << 256

# --- digests: sums of row digests, so that neither shards nor the order of arrival matter ---


def rows_digest(table: pa.Table) -> int:
    """Sum modulo 2**256 of one SHA-256 a row over every column but `content` (which `sha256` stands for)."""
    columns = [name for name in sorted(table.column_names) if name != "content"]
    if not columns or table.num_rows == 0:
        return 0
    texts = [pc.fill_null(table[name].cast(pa.string()), "\x00") for name in columns]
    joined = pc.binary_join_element_wise(*texts, "\x1f") if len(texts) > 1 else texts[0]
    total = 0
    for chunk in joined.chunks:
        for text in chunk.to_pylist():
            digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
            total += int.from_bytes(digest, "big")
    return total % DIGEST_MODULUS


@dataclass(frozen=True)
class ShardReport:
    """What a task says of the shard it wrote: its counts, its reasons and its part of the digests."""

    name: str
    task: str  # identity of the task, so that a shard cut differently is not taken for this one
    counts: Mapping[str, int]
    reasons: Mapping[str, int]
    facts: Mapping[str, Any]
    digests: Mapping[str, int]  # one sum a part
    made_from: str = ""  # digest of the rows that went in, where they alone decide what comes out


class Task(Protocol):
    """A dataclass that says all there is to know about one shard's work."""

    @property
    def name(self) -> str:
        """File name of the shard in each part of the stage's folder."""
        ...


def task_identity(task: Task) -> str:
    """Digest of everything a task says."""
    return sha256_text(canonical_json(asdict(cast(Any, task))))


def write_shard(
    folder: str, task: Task, judged: Judged, rows_in: int, bytes_in: int, made_from: str = ""
) -> ShardReport:
    """Write the three parts of one shard and then its report.

    Raises `OpencoderError` when a document was lost or doubled (in = kept + removed + quarantined).
    """
    name = task.name
    if judged.rows != rows_in:
        raise OpencoderError(f"{folder}: shard {name}: {rows_in} documents in, {judged.rows} out")
    parts = {"kept": judged.kept, "removed": judged.removed, "quarantined": judged.quarantined}
    for part, table in parts.items():
        write_table(f"{folder}/{part}/{name}", table)
    reasons = {row["values"]: row["counts"] for row in pc.value_counts(judged.removed["reason"]).to_pylist()}
    report = ShardReport(
        name=name,
        task=task_identity(task),
        counts={
            "in": rows_in,
            **{part: table.num_rows for part, table in parts.items()},
            "bytes_in": bytes_in,
            "bytes_kept": pc.sum(judged.kept["size"]).as_py() or 0,
        },
        reasons=reasons,
        facts=judged.facts,
        digests={part: rows_digest(table) for part, table in parts.items()},
        made_from=made_from,
    )
    _write_report(folder, report)
    return report


def _write_report(folder: str, report: ShardReport) -> None:
    write_bytes(f"{folder}/reports/{report.name}.json", canonical_json(report.__dict__).encode())


def shard_report(folder: str, name: str) -> ShardReport | None:
    """The report of a shard; None when it is not there or damaged, so that the shard is made again."""
    path = f"{folder}/reports/{name}.json"
    if not exists(path):
        return None
    try:
        return ShardReport(**json.loads(read_text(path)))
    except (ValueError, TypeError):
        return None


def shard_reports(dataset: Dataset) -> list[ShardReport]:
    """The reports of all shards of a finished stage, as far as they are there."""
    reports = (shard_report(dataset.path, name) for name in dataset.manifest.shards)
    return [report for report in reports if report is not None]


def finished_shard(folder: str, task: Task) -> ShardReport | None:
    """The report of a shard that an earlier, interrupted run finished with this very task."""
    report = shard_report(folder, task.name)
    return report if report is not None and report.task == task_identity(task) else None


def add_up(total: dict[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    """Add nested mappings of numbers; lists are joined, other values must be equal or the first is kept."""
    for key, value in part.items():
        if isinstance(value, Mapping):
            total[key] = add_up(dict(total.get(key, {})), value)
        elif isinstance(value, bool | str) or value is None:
            total.setdefault(key, value)
        elif isinstance(value, list):
            total[key] = [*total.get(key, []), *value]
        else:
            total[key] = total.get(key, 0) + value
    return total


def finish(
    lake: Lake,
    stage: Stage,
    reports: Sequence[ShardReport],
    seconds: float,
    facts: Mapping[str, Any] | None = None,
) -> Dataset:
    """Write the manifest over all shard reports: from then on the stage's output exists.

    Where the lake holds an earlier output of the same stage from other inputs, the fact `refresh` tells how
    many shards came out as they were.
    """
    ordered = sorted(reports, key=lambda report: report.name)
    counts: dict[str, Any] = {}
    reasons: dict[str, Any] = {}
    summed: dict[str, Any] = {}
    digests = dict.fromkeys(PARTS, 0)
    for report in ordered:
        add_up(counts, report.counts)
        add_up(reasons, report.reasons)
        add_up(summed, report.facts)
        for part in PARTS:
            digests[part] = (digests[part] + report.digests[part]) % DIGEST_MODULUS
    rows = {part: counts.get(part, 0) for part in PARTS}
    identity = canonical_json(
        {"digests": {part: f"{value:064x}" for part, value in digests.items()}, "rows": rows}
    )
    return publish(
        lake,
        stage,
        content_digest=sha256_text(identity),
        counts={"in": 0, "bytes_in": 0, "bytes_kept": 0, **rows, **counts},
        reasons=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        facts={**_refresh(lake, stage, ordered), **summed, **(facts or {})},
        shards=[report.name for report in ordered],
        seconds=seconds,
    )


def _refresh(lake: Lake, stage: Stage, reports: Sequence[ShardReport]) -> dict[str, Any]:
    earlier = lake.earlier(stage)
    if earlier is None:
        return {}
    before = {canonical_json(report.digests) for report in shard_reports(earlier)}
    unchanged = sum(canonical_json(report.digests) in before for report in reports)
    return {"refresh": {"shards_changed": len(reports) - unchanged, "shards_unchanged": unchanged}}


# --- the plain stage: one task a shard ---

AnyTask = TypeVar("AnyTask", bound=Task)


@dataclass(frozen=True)
class ShardTask:
    """One shard to judge: where it is read, the digest of its rows, where its parts go.

    `earlier` is the folder and the name of a shard that was made from the same rows before.
    """

    source: str
    rows: str
    folder: str
    name: str
    earlier: tuple[str, str] | None = None


def _judge_shard(judge: Callable[[pa.Table], Judged], task: ShardTask) -> ShardReport:
    if (report := _take_over(task)) is not None:
        return report
    table = read_table(task.source)
    bytes_in = pc.sum(table["size"]).as_py() or 0
    return write_shard(task.folder, task, judge(table), table.num_rows, bytes_in, made_from=task.rows)


def _take_over(task: ShardTask) -> ShardReport | None:
    """Copy the shard that was made from the same rows before; None when there is none, or it is damaged."""
    if task.earlier is None:
        return None
    folder, name = task.earlier
    report = shard_report(folder, name)
    try:
        parts = {part: read_table(f"{folder}/{part}/{name}") for part in PARTS}
    except OpencoderError:
        return None
    if report is None or {part: rows_digest(table) for part, table in parts.items()} != report.digests:
        return None
    for part, table in parts.items():
        write_table(f"{task.folder}/{part}/{task.name}", table)
    report = replace(report, name=task.name, task=task_identity(task))
    _write_report(task.folder, report)
    return report


def map_shards(
    lake: Lake,
    stage: Stage,
    inputs: Sequence[Dataset],
    judge: Callable[[pa.Table], Judged],
    engine: Engine,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Dataset:
    """Run `judge` (picklable, deterministic) over every shard of the inputs and finish the stage.

    An equal fingerprint is reused without work; shards that an interrupted run finished are not redone; and
    of an earlier output by the same configuration those are taken over whose rows are as they were.
    """
    if (ready := lake.find(stage)) is not None:
        return ready
    started = time.monotonic()
    folder = lake.folder(stage)
    earlier = lake.earlier(stage)
    made = (
        {report.made_from: (earlier.path, report.name) for report in shard_reports(earlier)}
        if earlier
        else {}
    )
    sources = [
        (path, rows)
        for dataset in inputs
        for path, rows in zip(dataset.shards(), rows_of(dataset), strict=True)
    ]
    tasks = [
        ShardTask(path, rows, folder, f"part-{index:05d}.parquet", made.get(rows))
        for index, (path, rows) in enumerate(sources)
    ]
    reports = run_shards(folder, tasks, partial(_judge_shard, judge), engine, on_progress)
    return finish(lake, stage, reports, time.monotonic() - started)


def rows_of(dataset: Dataset) -> list[str]:
    """A digest of the kept rows of each shard; of a folder without reports, of where and when it was made."""
    digests = {report.name: f"{report.digests['kept']:064x}" for report in shard_reports(dataset)}
    made = f"{dataset.path} {dataset.manifest.created} "
    return [digests.get(name, made + name) for name in dataset.manifest.shards]


def run_shards(
    folder: str,
    tasks: Sequence[AnyTask],
    work: Callable[[AnyTask], ShardReport],
    engine: Engine,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[ShardReport]:
    """Run the tasks (each with a `name`) whose report is not in `folder` yet; returns all reports."""
    reports, missing = [], []
    for task in tasks:
        report = finished_shard(folder, task)
        if report is None:
            missing.append(task)
        else:
            reports.append(report)
    on_progress(len(reports), len(tasks))
    for report in engine.map(work, missing):
        reports.append(report)
        on_progress(len(reports), len(tasks))
    return reports
