"""LSH band by band on disk: signatures are cut into band keys, and equal keys make candidates.

Belongs here: the run of band keys of each shard, and the search of one band (in one partition of its keys)
over all shards. What goes on from here are pairs of ordinals: n - 1 for a bucket of n texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from opencoder_dag.dedup.exact import damaged_rows, settled_path
from opencoder_dag.dedup.runs import (
    Plan,
    Run,
    ShardStep,
    chunked,
    column,
    ordinals,
    read_lookup,
    rows_of,
    whole_batch,
    write_run,
)
from opencoder_dag.dedup.wanted import Wanted
from opencoder_dag.kernels.minhash import band_keys, permutations, sign
from opencoder_dag.kernels.shingles import fold_table, text_buffers
from opencoder_dag.lake import read_table

# `also` is half of the next band's key: two texts that agree in it as well agree in two bands.
KEYS_SCHEMA = pa.schema(
    [pa.field("key", pa.uint64()), pa.field("row", pa.uint32()), pa.field("also", pa.uint32())]
)
EDGES_SCHEMA = pa.schema(
    [pa.field("left", pa.int64()), pa.field("right", pa.int64()), pa.field("strong", pa.bool_())]
)
SMALL_BUCKET = 16  # texts; in a larger bucket only a second band makes a pair strong
SIGNED_AT_ONCE = 2048  # texts whose signatures are in memory together


@dataclass(frozen=True)
class MeetStep:
    """Find equal keys in some bands, in one partition of the keys."""

    plan: Plan
    first: int
    last: int  # one after the last band
    partition: int

    @property
    def name(self) -> str:
        """The bands and the partition."""
        return f"{self.first:04d}-{self.last:04d}-{self.partition:05d}"


class Keys(NamedTuple):
    """Records of one band in memory."""

    key: NDArray[np.uint64]
    owner: NDArray[np.int64]
    also: NDArray[np.uint32]


def bands_path(plan: Plan, shard: int) -> str:
    """Run of a shard's band keys.

    Partition 0 counts the shingles of each text. Then partition `1 + band * partitions + p` of a shard to be
    judged, and `1 + p` of a remembered one, holds the keys of one band, and of all bands, in partition p.
    """
    return plan.run_path("bands", shard)


def edges_path(step: MeetStep) -> str:
    """Run with one partition: pairs of ordinals that share a bucket."""
    return f"{step.plan.work}/edges/{step.name}.arrow"


def sign_shard(step: ShardStep) -> dict[str, Any]:
    """Write the band keys of one shard, each band sorted by key and cut into partitions."""
    plan = step.plan
    table = read_table(step.source, ["content"])
    valid = np.ones(table.num_rows, bool)
    valid[damaged_rows(plan, step.shard)] = False
    for partition in range(plan.partitions):
        copies = read_lookup(settled_path(plan, partition), step.shard, ["ordinal"])
        valid[rows_of(column(copies, "ordinal"))] = False
    keys, counts, rows = sign_texts(table["content"], np.flatnonzero(valid), plan)
    write_run(
        bands_path(plan, step.shard), KEYS_SCHEMA, band_batches(keys, counts, rows, plan.key_partitions)
    )
    return {"signed": len(rows), "shingles": int(counts.sum())}


def sign_texts(
    content: pa.ChunkedArray, rows: NDArray[np.int64], plan: Plan
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
    """Band keys [bands, texts], shingle counts and rows of those of the `rows` that have a shingle."""
    offsets, data = text_buffers(content)
    width = plan.bands * plan.rows  # what is left over of the permutations has no band
    a, b = (values[:width] for values in permutations(plan.permutations))
    keys, counts = [np.zeros((plan.bands, 0), np.uint64)], [np.zeros(0, np.int64)]
    for piece in chunked(len(rows), SIGNED_AT_ONCE):
        some = rows[piece.start : piece.stop]
        signatures, shingles = sign(offsets, data, some, plan.ngram, fold_table(), a, b)
        keys.append(band_keys(signatures, plan.bands, plan.rows))
        counts.append(shingles)
    count = np.concatenate(counts)
    full = count > 0
    return np.concatenate(keys, axis=1)[:, full], count[full], rows[full]


def band_batches(
    keys: NDArray[np.uint64], counts: NDArray[np.int64], rows: NDArray[np.int64], partitions: int
) -> list[pa.RecordBatch]:
    """The partitions of a run of band keys [bands, texts]: each band sorted by key."""
    numbers = rows.astype(np.uint32)
    batches = []
    for number, band in enumerate(keys):
        order = np.argsort(band)
        ordered, also = band[order], keys[(number + 1) % len(keys)][order].astype(np.uint32)
        bounds = np.searchsorted(
            (ordered >> np.uint64(32)) * np.uint64(partitions) >> np.uint64(32), np.arange(partitions + 1)
        )
        whole = pa.record_batch(
            [pa.array(ordered), pa.array(numbers[order]), pa.array(also)], schema=KEYS_SCHEMA
        )
        batches += [whole.slice(low, high - low) for low, high in pairwise(bounds.tolist())]
    counted = [
        pa.array(counts.astype(np.uint64)),
        pa.array(numbers),
        pa.array(np.zeros(len(rows), np.uint32)),
    ]
    return [pa.record_batch(counted, schema=KEYS_SCHEMA), *batches]


def find_meetings(step: MeetStep) -> dict[str, Any]:
    """Write the pairs of neighbours in each bucket of some bands; reports the buckets and the largest."""
    plan = step.plan
    found: list[list[Keys]] = [[] for _ in range(step.first, step.last)]
    for shard in range(plan.known, plan.shards):
        with Run(bands_path(plan, shard)) as run:
            for of_band, band in zip(found, range(step.first, step.last), strict=True):
                of_band.append(_keys(run.partition(1 + band * plan.key_partitions + step.partition), shard))
    by_band = [_joined(of_band) for of_band in found]
    if plan.known:  # keys of different bands differ, so those of all bands can be looked for together
        new = _joined(by_band)
        by_band = [_joined([new, *remembered_company(plan, step.partition, new.key)])]
    edges, buckets, largest = [EDGES_SCHEMA.empty_table()], 0, 0
    for keys in by_band:
        left, right, strong, sizes = _neighbours(keys)
        edges.append(pa.table([pa.array(left), pa.array(right), pa.array(strong)], schema=EDGES_SCHEMA))
        buckets += len(sizes)
        largest = max(largest, int(sizes.max(initial=0)))
    write_run(edges_path(step), EDGES_SCHEMA, [whole_batch(pa.concat_tables(edges))])
    return {"buckets": buckets, "largest": largest}


def remembered_company(plan: Plan, partition: int, keys: NDArray[np.uint64]) -> list[Keys]:
    """What is remembered of the buckets that the `keys` are in: of each shard the few records that matter."""
    wanted, company = Wanted(keys), []
    for shard in range(plan.known):
        with Run(bands_path(plan, shard)) as run:
            batch = run.partition(1 + partition)
            company.append(_keys(batch, shard, wanted.positions(column(batch, "key"))))
    return company


def _keys(batch: pa.RecordBatch, shard: int, positions: NDArray[np.int64] | None = None) -> Keys:
    """Records of a batch, or those at some positions, copied out of the run."""
    chosen: Any = slice(None) if positions is None else positions
    key, row, also = (column(batch, name)[chosen].copy() for name in KEYS_SCHEMA.names)
    return Keys(key, ordinals(shard, row.astype(np.int64)), also)


def _joined(parts: Sequence[Keys]) -> Keys:
    return Keys(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _neighbours(
    keys: Keys,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    """Pairs of neighbours in each bucket of one band, which of them are strong, and the bucket sizes."""
    order = np.argsort(keys.key)
    same = np.diff(keys.key[order]) == 0
    bucket = np.cumsum(np.concatenate([[0], ~same])) if len(order) else order
    sizes = np.bincount(bucket) if len(order) else order
    large = np.flatnonzero(sizes[bucket] > SMALL_BUCKET)
    # Inside a large bucket, texts that agree in the second band become neighbours.
    order[large] = order[large][np.lexsort((keys.also[order[large]], bucket[large]))]
    left, right = order[:-1][same], order[1:][same]
    strong = (sizes[bucket[1:][same]] <= SMALL_BUCKET) | (keys.also[left] == keys.also[right])
    return keys.owner[left], keys.owner[right], strong, sizes[sizes > 1]
