"""Exact duplicates: texts with one SHA-256.

Belongs here: the exchange of content hashes on disk, partition by partition, and the choice of the copy that
stays.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from opencoder_dag.dedup.digests import checked_digests
from opencoder_dag.dedup.histogram import size_label
from opencoder_dag.dedup.merit import (
    ORIGIN_COLUMNS,
    ORIGIN_FIELDS,
    ORIGIN_SCHEMA,
    by_merit,
    hash_partition,
    origin_table,
)
from opencoder_dag.dedup.runs import (
    PartStep,
    Plan,
    Run,
    ShardStep,
    column,
    cut,
    ordinals,
    read_partition,
    rows_of,
    write_lookup,
    write_run,
)
from opencoder_dag.dedup.wanted import Wanted
from opencoder_dag.lake import read_table

SETTLED_SCHEMA = pa.schema(
    [
        pa.field("ordinal", pa.int64()),
        pa.field("keeper", pa.int64()),
        pa.field("keeper_id", pa.string()),
        pa.field("keeper_path", pa.string()),
    ]
)


def hashes_path(plan: Plan, shard: int) -> str:
    """Run of the content hashes of a shard, cut into their partitions; one more holds the damaged ones."""
    return plan.run_path("hashes", shard)


def settled_path(plan: Plan, partition: int) -> str:
    """Lookup table of the exact copies that go, with the copy that stays."""
    return f"{plan.work}/settled/{partition:05d}.parquet"


def hash_shard(step: ShardStep) -> dict[str, Any]:
    """Write the run of content hashes of one shard; reports its rows."""
    table = read_table(step.source, [*ORIGIN_COLUMNS, "content"])
    digests, sound = checked_digests(table)
    part = np.where(sound, hash_partition(digests, step.plan.partitions), step.plan.partitions)
    rows = np.argsort(part, kind="stable")
    taken = table.select(ORIGIN_COLUMNS).take(rows)
    tier = np.full(len(rows), step.plan.tier(step.shard), np.int32)
    origin = origin_table(taken, digests[rows], ordinals(step.shard, rows), tier)
    batches = cut(origin, part[rows], step.plan.partitions + 1)
    write_run(hashes_path(step.plan, step.shard), origin.schema, batches)
    return {"rows": table.num_rows, "damaged": int((~sound).sum())}


def damaged_rows(plan: Plan, shard: int) -> NDArray[np.int64]:
    """Rows of a shard whose hash does not fit their text."""
    with Run(hashes_path(plan, shard)) as run:
        return rows_of(column(run.partition(plan.partitions), "ordinal"))


def settle_partition(step: PartStep) -> dict[str, Any]:
    """Write the lookup table of the copies that go; reports how many, and how large the groups are."""
    plan = step.plan
    table = _with_company(_origins(plan, step.number))
    order = by_merit(table, "sha256")
    digests = _digest_view(table)[order]
    first = np.ones(len(order), bool)
    first[1:] = digests[1:] != digests[:-1]
    group = np.cumsum(first) - 1
    best = order[first][group] if len(order) else order
    gone = ~first
    settled = pa.table(
        [
            pa.array(column(table, "ordinal")[order[gone]]),
            pa.array(column(table, "ordinal")[best[gone]]),
            table["doc_id"].take(pa.array(best[gone])),
            table["path"].take(pa.array(best[gone])),
        ],
        schema=SETTLED_SCHEMA,
    )
    write_lookup(settled_path(plan, step.number), settled)
    sizes = Counter(size_label(int(size)) for size in np.bincount(group)) if len(group) else Counter()
    return {"copies": int(gone.sum()), "groups": dict(sizes)}


def _origins(plan: Plan, partition: int) -> pa.Table:
    """All new texts in one partition of the hashes, and the remembered ones that may be equal to one."""
    new = [hashes_path(plan, shard) for shard in range(plan.known, plan.shards)]
    tables = [ORIGIN_SCHEMA.empty_table(), *(read_partition([path], partition) for path in new)]
    wanted = Wanted(_prefixes(pa.concat_tables(tables)))
    for shard in range(plan.known):
        table = read_partition([hashes_path(plan, shard)], partition)
        table = table.take(pa.array(wanted.positions(_prefixes(table))))
        numbers = ordinals(shard, rows_of(column(table, "ordinal")))  # a memory numbers its shards by itself
        tiers = np.full(len(numbers), plan.tier(shard), np.int32)
        table = table.set_column(0, ORIGIN_FIELDS[0], pa.array(numbers))
        tables.append(table.set_column(1, ORIGIN_FIELDS[1], pa.array(tiers)))
    return pa.concat_tables(tables).combine_chunks()


def _prefixes(table: pa.Table) -> NDArray[np.uint64]:
    """The first eight bytes of each hash."""
    return np.ascontiguousarray(_digest_view(table)).view("<u8")[::4]


def _digest_view(table: pa.Table) -> np.ndarray[Any, Any]:
    array = table["sha256"].combine_chunks()
    array = array if isinstance(array, pa.Array) else pa.concat_arrays(array.chunks)
    if len(array) == 0:
        return np.zeros(0, "V32")
    return np.frombuffer(array.buffers()[1], "V32")[array.offset : array.offset + len(array)]


def _with_company(table: pa.Table) -> pa.Table:
    """Only rows whose hash occurs more than once: nearly always few, and only they need the full sort."""
    prefix = _prefixes(table)
    order = np.argsort(prefix)
    same = prefix[order][1:] == prefix[order][:-1]
    shared = np.zeros(len(order), bool)
    shared[1:] |= same
    shared[:-1] |= same
    candidates = table.take(pa.array(np.sort(order[shared])))
    return candidates if len(candidates) else ORIGIN_SCHEMA.empty_table()
