"""Files between the phases of a stage, and the phases themselves.

Belongs here: runs (Arrow IPC files whose record batches are partitions, so that a reader fetches the one it
needs), tables that are looked up by a range of documents, and phases that an interrupted run takes over.

A document is named by its ordinal: number of its shard * 2**32 + row in the shard. Ordinals follow the
order of the corpus; what is decided never depends on them unless two documents are equal in all that counts.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Protocol, TypeVar

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from opencoder_dag.engine import Engine
from opencoder_dag.errors import OpencoderError
from opencoder_dag.lake import canonical_json, read_text, write_bytes

SHARD_BITS = 32
LOOKUP_ROWS = 1 << 16  # rows of a row group of a lookup table


def ordinals(shard: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ordinals of rows of a shard."""
    return np.int64(shard << SHARD_BITS) + rows


def rows_of(ordinal: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows, inside their shard, of ordinals."""
    return ordinal & ((1 << SHARD_BITS) - 1)


# --- runs ---


def write_run(
    path: str, schema: pa.Schema, partitions: Sequence[pa.RecordBatch], compression: str | None = None
) -> None:
    """Write one record batch a partition (they may be empty), atomically.

    Hashes do not compress, and an uncompressed run is read without a copy; `compression` is for texts.
    """
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_file(sink, schema, options=options) as writer:
        for batch in partitions:
            writer.write_batch(batch)
    write_bytes(path, sink.getvalue())


class Run:
    """A run opened for reading; local files are mapped into memory."""

    def __init__(self, path: str) -> None:
        try:
            if "://" not in path and "::" not in path:  # most runs are small: fsspec would take longer
                self._source: Any = pa.memory_map(path)
            else:
                self._source = pa.PythonFile(fsspec.open(path, "rb").open(), mode="r")
            self._reader = pa.ipc.open_file(self._source)
        except (OSError, pa.ArrowInvalid) as error:
            raise OpencoderError(f"{path}: cannot be read ({' '.join(str(error).split())})") from None

    def partition(self, index: int) -> pa.RecordBatch:
        """One partition."""
        return self._reader.get_batch(index)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()


def whole_batch(table: pa.Table) -> pa.RecordBatch:
    """A table as one batch."""
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def cut(table: pa.Table, part: NDArray[np.int64], partitions: int) -> list[pa.RecordBatch]:
    """A table whose rows are sorted by the partition they belong to, as one batch a partition."""
    whole = whole_batch(table)
    bounds = np.searchsorted(part, np.arange(partitions + 1)).tolist()
    return [whole.slice(low, high - low) for low, high in pairwise(bounds)]


def read_partition(paths: Sequence[str], index: int) -> pa.Table:
    """The same partition of several runs as one table."""
    batches = []
    for path in paths:
        with Run(path) as run:
            batches.append(run.partition(index))
    return pa.Table.from_batches(batches)


def column(table: pa.Table | pa.RecordBatch, name: str) -> NDArray[Any]:
    """A column of numbers as a NumPy array."""
    values = table[name]
    return values.to_numpy() if isinstance(values, pa.ChunkedArray) else values.to_numpy(zero_copy_only=False)


# --- tables that are looked up by shard ---


def write_lookup(path: str, table: pa.Table) -> None:
    """Write a table, its first column `ordinal`, sorted by it: the part of one shard can be read alone."""
    buffer = io.BytesIO()
    pq.write_table(table.sort_by("ordinal"), buffer, compression="zstd", row_group_size=LOOKUP_ROWS)
    write_bytes(path, buffer.getvalue())


def read_lookup(
    path: str, shard: int | None = None, columns: list[str] | None = None, last: int | None = None
) -> pa.Table:
    """Rows of a lookup table; of one shard, or of the shards from `shard` up to `last`, when one is named.

    `columns`, when named, include the ordinal.
    """
    with fsspec.open(path, "rb") as handle:
        file = pq.ParquetFile(handle)
        if shard is None:
            return file.read(columns=columns)
        low, high = shard << SHARD_BITS, (shard + 1 if last is None else last) << SHARD_BITS
        groups = [group for group in range(file.num_row_groups) if _overlaps(file, group, low, high)]
        table = file.read_row_groups(groups, columns=columns)
    first, after = np.searchsorted(column(table, "ordinal"), [low, high]).tolist()
    return table.slice(first, after - first)


def _overlaps(file: pq.ParquetFile, group: int, low: int, high: int) -> bool:
    found = file.metadata.row_group(group)
    held = found.column(0).statistics  # of no rows there are none
    return found.num_rows > 0 and held.min < high and held.max >= low


# --- phases ---


@dataclass(frozen=True)
class Memory:
    """What an earlier run left in a folder about the documents it kept (`memory.py`)."""

    folder: str
    shards: int


@dataclass(frozen=True)
class Plan:
    """What every step of a search shares.

    Shards are numbered through: first those that are remembered from earlier runs, then those to be judged.
    """

    work: str  # folder of the intermediate files
    shards: int  # of the units that are compared, the remembered ones included
    partitions: int  # of the content hashes
    key_partitions: int  # of each band's keys
    bands: int
    rows: int
    permutations: int
    ngram: int
    similarity: float
    memories: tuple[Memory, ...] = ()  # oldest first

    @property
    def known(self) -> int:
        """Number of remembered shards, which is the number of the first shard to be judged."""
        return sum(memory.shards for memory in self.memories)

    def tier(self, shard: int) -> int:
        """Which memory a shard belongs to; their number when it is new. Lower tiers stay for higher ones."""
        for tier, memory in enumerate(self.memories):
            if shard < memory.shards:
                return tier
            shard -= memory.shards
        return len(self.memories)

    def run_path(self, kind: str, shard: int) -> str:
        """Path of a shard's run of a kind."""
        for memory in self.memories:
            if shard < memory.shards:
                return f"{memory.folder}/{kind}/{shard:05d}.arrow"
            shard -= memory.shards
        return f"{self.work}/{kind}/{shard:05d}.arrow"


class Step(Protocol):
    """All that one unit of work needs to know; inside a phase, equal names do equal work."""

    @property
    def plan(self) -> Plan:
        """The search it belongs to."""
        ...

    @property
    def name(self) -> str:
        """Its name inside its phase."""
        ...


AnyStep = TypeVar("AnyStep", bound=Step)


@dataclass(frozen=True)
class ShardStep:
    """Work on one shard of the units."""

    plan: Plan
    shard: int
    source: str

    @property
    def name(self) -> str:
        """The shard's number."""
        return f"{self.shard:05d}"


@dataclass(frozen=True)
class PartStep:
    """Work on one partition of whatever the phase cuts into partitions."""

    plan: Plan
    number: int

    @property
    def name(self) -> str:
        """The partition's number."""
        return f"{self.number:05d}"


def _take_step(
    do: Callable[[AnyStep], dict[str, Any]], phase: str, step: AnyStep
) -> tuple[str, dict[str, Any]]:
    report = do(step)
    write_bytes(f"{step.plan.work}/done/{phase}/{step.name}.json", canonical_json(report).encode())
    return step.name, report


def run_phase(
    phase: str,
    steps: Sequence[AnyStep],
    do: Callable[[AnyStep], dict[str, Any]],
    engine: Engine,
    on_step: Callable[[], None] = lambda: None,
) -> list[dict[str, Any]]:
    """Do every step that has no report yet; returns the reports in the order of the steps.

    A step writes its files first and its report (counts, nothing big) last, so a step with a report is done.
    """
    reports: dict[str, dict[str, Any]] = {}
    for step in steps:
        if (report := _report(step, phase)) is not None:
            reports[step.name] = report
            on_step()
    missing = [step for step in steps if step.name not in reports]
    for name, report in engine.map(partial(_take_step, do, phase), missing):
        reports[name] = report
        on_step()
    return [reports[step.name] for step in steps]


def _report(step: Step, phase: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(read_text(f"{step.plan.work}/done/{phase}/{step.name}.json"))
    except FileNotFoundError:
        return None
    return found


def chunked(count: int, size: int) -> Iterator[range]:
    """`range(count)` in pieces of at most `size`."""
    return (range(start, min(start + size, count)) for start in range(0, count, size))
