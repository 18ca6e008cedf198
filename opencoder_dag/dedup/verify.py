"""Candidates verified: exact Jaccard similarity to the text that stays.

Belongs here: the sets of shingles of the candidates, exchanged on disk bin by bin; the decision, best text
first, which of them go; and the verdicts that follow for their exact copies.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from opencoder_dag.dedup.bands import bands_path, sign_texts
from opencoder_dag.dedup.clusters import members_path
from opencoder_dag.dedup.digests import binary_digests, spelled_digests
from opencoder_dag.dedup.exact import settled_path
from opencoder_dag.dedup.histogram import size_label
from opencoder_dag.dedup.memory import recall_texts
from opencoder_dag.dedup.merit import (
    ORIGIN_COLUMNS,
    ORIGIN_FIELDS,
    by_merit,
    hash_partition,
    origin_table,
)
from opencoder_dag.dedup.runs import (
    SHARD_BITS,
    PartStep,
    Plan,
    Run,
    ShardStep,
    chunked,
    column,
    cut,
    read_lookup,
    read_partition,
    rows_of,
    write_lookup,
    write_run,
)
from opencoder_dag.kernels.sets import choose_kept
from opencoder_dag.kernels.shingles import fold_table, shingle_sets, text_buffers
from opencoder_dag.lake import read_table

KNOWN_TOGETHER = 64  # remembered shards whose candidates one step reads
COMPARED_IN_BUCKET = 32  # kept texts of one bucket that a text is compared with; bounds a full bucket's cost

VERDICT_SCHEMA = pa.schema(
    [
        pa.field("ordinal", pa.int64()),
        pa.field("keeper_id", pa.string()),
        pa.field("keeper_path", pa.string()),
        pa.field("exact", pa.bool_()),
        pa.field("similarity", pa.float64()),
    ]
)


@dataclass(frozen=True)
class SetsStep(ShardStep):
    """Hand out the shingle sets of the candidates of one shard."""

    bins: int


@dataclass(frozen=True)
class RecallStep:
    """Hand out the shingle sets of the candidates of some remembered shards."""

    plan: Plan
    first: int
    last: int  # one after the last shard
    bins: int

    @property
    def name(self) -> str:
        """The first shard's number."""
        return f"{self.first:05d}"


@dataclass(frozen=True)
class ResolveStep(PartStep):
    """Bring exact and near verdicts together in one partition of the content hashes."""

    bins: int


def sets_path(plan: Plan, shard: int) -> str:
    """Run of the shingle sets of the candidates of a step; its partitions are the bins."""
    return f"{plan.work}/sets/{shard:05d}.arrow"


def recall_steps(plan: Plan, bins: int) -> list[RecallStep]:
    """One step for every few of the remembered shards."""
    return [RecallStep(plan, group.start, group.stop, bins) for group in chunked(plan.known, KNOWN_TOGETHER)]


def _all_sets(plan: Plan) -> list[str]:
    firsts = [*range(0, plan.known, KNOWN_TOGETHER), *range(plan.known, plan.shards)]
    return [sets_path(plan, first) for first in firsts]


def near_path(plan: Plan, number: int) -> str:
    """Run of the near duplicates of a bin; its partitions are those of the content hashes."""
    return f"{plan.work}/near/{number:05d}.arrow"


def verdicts_path(plan: Plan, partition: int) -> str:
    """Lookup table of everything that goes."""
    return f"{plan.work}/verdicts/{partition:05d}.parquet"


def _sets_schema(plan: Plan) -> pa.Schema:
    return pa.schema(
        [
            *ORIGIN_FIELDS,
            pa.field("keys", pa.list_(pa.uint64(), plan.bands)),
            pa.field("shingles", pa.large_list(pa.uint64())),
        ]
    )


def collect_sets(step: SetsStep) -> dict[str, Any]:
    """Write the shingle sets and band keys of the candidates of one shard."""
    plan = step.plan
    ordinal, bins = _candidates(plan, step.shard, step.shard + 1)
    if len(ordinal) == 0:
        return _write_sets(plan, step.shard, None, bins, step.bins)
    rows = rows_of(ordinal)
    taken = read_table(step.source, [*ORIGIN_COLUMNS, "content"]).take(pa.array(rows))
    tier = np.full(len(rows), plan.tier(step.shard), np.int32)
    origin = origin_table(taken, spelled_digests(taken["sha256"]), ordinal, tier)  # checked when hashed
    found = _sets_table(plan, origin, _keys_of(plan, step.shard, rows), taken["content"])
    return _write_sets(plan, step.shard, found, bins, step.bins)


def recall_sets(step: RecallStep) -> dict[str, Any]:
    """Write the shingle sets and band keys of the candidates among some remembered shards."""
    plan = step.plan
    ordinal, bins = _candidates(plan, step.first, step.last)
    if len(ordinal) == 0:
        return _write_sets(plan, step.first, None, bins, step.bins)
    taken = recall_texts(plan, ordinal)
    tiers = np.array([plan.tier(shard) for shard in range(step.first, step.last)], np.int32)
    tier = tiers[(ordinal >> SHARD_BITS) - step.first]
    origin = origin_table(taken, binary_digests(taken["sha256"]), ordinal, tier)
    # To sign the few texts again is quicker than to find their keys among all that are remembered.
    keys = sign_texts(taken["content"], np.arange(len(ordinal)), plan)[0].T
    found = _sets_table(plan, origin, keys, taken["content"])
    return _write_sets(plan, step.first, found, bins, step.bins)


def _candidates(plan: Plan, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ordinals and bins of the candidates in some shards, in the order of the bins."""
    members = read_lookup(members_path(plan), first, last=last)
    ordinal, bins = column(members, "ordinal"), column(members, "bin")
    order = np.argsort(bins, kind="stable")
    return ordinal[order], bins[order]


def _sets_table(plan: Plan, origin: pa.Table, keys: NDArray[np.uint64], content: pa.ChunkedArray) -> pa.Table:
    bounds, values = shingle_sets(*text_buffers(content), np.arange(len(content)), plan.ngram, fold_table())
    flat = np.ascontiguousarray(keys).ravel()
    lists = pa.FixedSizeListArray.from_arrays(pa.array(flat), plan.bands)
    sets = pa.LargeListArray.from_arrays(pa.array(bounds), pa.array(values))
    return pa.table([*origin.columns, lists, sets], schema=_sets_schema(plan))


def _write_sets(
    plan: Plan, shard: int, found: pa.Table | None, of_row: NDArray[np.int64], bins: int
) -> dict[str, Any]:
    schema = _sets_schema(plan)
    table = schema.empty_table() if found is None else found
    write_run(sets_path(plan, shard), schema, cut(table, of_row, bins))
    return {"texts": table.num_rows}


def _keys_of(plan: Plan, shard: int, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Band keys [texts, bands] of some rows of a shard, from its run."""
    place = np.full(int(rows.max()) + 1, -1, np.int64)
    place[rows] = np.arange(len(rows))
    keys = np.zeros((len(rows), plan.bands), np.uint64)
    with Run(bands_path(plan, shard)) as run:
        for band in range(plan.bands):
            for partition in range(plan.key_partitions):
                batch = run.partition(1 + band * plan.key_partitions + partition)
                owner = column(batch, "row").astype(np.int64)
                inside = np.flatnonzero(owner < len(place))
                inside = inside[place[owner[inside]] >= 0]
                keys[place[owner[inside]], band] = column(batch, "key")[inside]
    return keys


def verify_bin(step: PartStep) -> dict[str, Any]:
    """Write the near duplicates of one bin with the texts they are like; reports counts and cluster sizes."""
    plan = step.plan
    table = read_partition(_all_sets(plan), step.number).combine_chunks()
    table = table.take(pa.array(by_merit(table.drop_columns(["keys", "shingles"])))).combine_chunks()
    keys = _flat(table["keys"]).reshape(-1, plan.bands)
    sets = _array(table["shingles"])
    keeper, similarity, pairs = choose_kept(
        np.ascontiguousarray(keys.T),
        sets.offsets.to_numpy(),
        sets.values.to_numpy(),
        plan.similarity,
        COMPARED_IN_BUCKET,
        int((column(table, "tier") < len(plan.memories)).sum()),
    )
    gone = np.flatnonzero(keeper >= 0)
    digests = binary_digests(table["sha256"])
    part = hash_partition(digests[gone], plan.partitions)
    order = np.argsort(part, kind="stable")
    gone = gone[order]
    stay = pa.array(keeper[gone])
    near = pa.table(
        [
            table["ordinal"].take(pa.array(gone)),
            table["doc_id"].take(stay),
            table["path"].take(stay),
            pa.array(np.zeros(len(gone), bool)),
            pa.array(similarity[gone]),
        ],
        schema=VERDICT_SCHEMA,
    )
    parts = cut(near, part[order], plan.partitions)
    write_run(near_path(plan, step.number), VERDICT_SCHEMA, parts)
    sizes = np.unique(keeper[gone], return_counts=True)[1] + 1
    return {
        "compared": int(pairs),
        "near": len(gone),
        "clusters": dict(Counter(size_label(int(size)) for size in sizes)),
    }


def _array(values: pa.ChunkedArray) -> Any:
    return pa.concat_arrays(values.chunks) if values.num_chunks != 1 else values.chunk(0)


def _flat(values: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    flat: np.ndarray[Any, Any] = _array(values).flatten().to_numpy()
    return flat


def resolve_partition(step: ResolveStep) -> dict[str, Any]:
    """Write the final verdicts of one partition.

    Copies of a text that goes itself as a near duplicate are near duplicates of the text that stays, so that
    every verdict names a text that is kept.
    """
    plan = step.plan
    near = VERDICT_SCHEMA.empty_table()
    if step.bins:
        near = read_partition([near_path(plan, number) for number in range(step.bins)], step.number)
    copies = read_lookup(settled_path(plan, step.number))
    order = np.argsort(column(near, "ordinal"))
    known = column(near, "ordinal")[order]
    keeper = column(copies, "keeper")
    place = np.searchsorted(known, keeper)
    moved = np.zeros(len(keeper), bool)
    inside = place < len(known)
    moved[inside] = known[place[inside]] == keeper[inside]
    still = copies.filter(pa.array(~moved))
    follow = near.take(pa.array(order[place[moved]]))
    table = pa.concat_tables(
        [
            near,
            pa.table(
                [
                    still["ordinal"],
                    still["keeper_id"],
                    still["keeper_path"],
                    pa.array(np.ones(len(still), bool)),
                    pa.array(np.ones(len(still), np.float64)),
                ],
                schema=VERDICT_SCHEMA,
            ),
            follow.set_column(0, VERDICT_SCHEMA.field(0), copies["ordinal"].filter(pa.array(moved))),
        ]
    )
    write_lookup(verdicts_path(plan, step.number), table)
    return {"gone": table.num_rows}
