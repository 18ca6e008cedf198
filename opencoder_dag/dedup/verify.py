"""Candidates verified: exact Jaccard similarity to the text that stays.

Belongs here: the sets of shingles of the candidates, exchanged on disk bin by bin; the decision, best text
first, which of them go; and the verdicts that follow for their exact copies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from opencoder_dag.dedup.bands import bands_path, sign_texts
from opencoder_dag.dedup.clusters import members_path
from opencoder_dag.dedup.digests import content_digests
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
class SetsStep:
    """Hand out the shingle sets of the candidates of one shard, or of some remembered ones together."""

    plan: Plan
    shard: int
    last: int  # one after the last shard
    source: str
    bins: int

    @property
    def name(self) -> str:
        """The first shard's number."""
        return f"{self.shard:05d}"


@dataclass(frozen=True)
class ResolveStep(PartStep):
    """Bring exact and near verdicts together in one partition of the content hashes."""

    bins: int


def sets_path(plan: Plan, shard: int) -> str:
    """Run of the shingle sets of the candidates of a step; its partitions are the bins."""
    return f"{plan.work}/sets/{shard:05d}.arrow"


def sets_steps(plan: Plan, sources: Sequence[str], bins: int) -> list[SetsStep]:
    """One step for each shard to be judged, and one for every few of the remembered ones."""
    groups = [(group.start, group.stop, "") for group in chunked(plan.known, KNOWN_TOGETHER)]
    singles = [(shard, shard + 1, source) for shard, source in enumerate(sources, start=plan.known)]
    return [SetsStep(plan, shard, last, source, bins) for shard, last, source in [*groups, *singles]]


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
    """Write the shingle sets and band keys of the candidates of a step."""
    plan = step.plan
    members = read_lookup(members_path(plan), step.shard, last=step.last)
    ordinal, bins = column(members, "ordinal"), column(members, "bin")
    order = np.argsort(bins, kind="stable")
    ordinal, bins = ordinal[order], bins[order]
    schema = _sets_schema(plan)
    found = schema.empty_table()
    if len(ordinal):
        if step.shard < plan.known:
            taken = recall_texts(plan, ordinal)
            keys = sign_texts(taken["content"], np.arange(len(ordinal)), plan)[0].T
        else:
            rows = rows_of(ordinal)
            taken = read_table(step.source, [*ORIGIN_COLUMNS, "content"]).take(pa.array(rows))
            keys = _keys_of(plan, step.shard, rows)
        content = taken["content"]
        bounds, values = shingle_sets(
            *text_buffers(content), np.arange(len(ordinal)), plan.ngram, fold_table()
        )
        tiers = np.array([plan.tier(shard) for shard in range(step.shard, step.last)], np.int32)
        tier = tiers[(ordinal >> SHARD_BITS) - step.shard]
        origin = origin_table(taken, content_digests(content), ordinal, tier)
        flat = np.ascontiguousarray(keys).ravel()
        lists = pa.FixedSizeListArray.from_arrays(pa.array(flat), plan.bands)
        sets = pa.LargeListArray.from_arrays(pa.array(bounds), pa.array(values))
        found = pa.table([*origin.columns, lists, sets], schema=schema)
    write_run(sets_path(plan, step.shard), schema, cut(found, bins, step.bins))
    return {"texts": len(ordinal)}


def _keys_of(plan: Plan, shard: int, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
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
    digests = np.frombuffer(_array(table["sha256"]).buffers()[1], np.uint8).reshape(-1, 32)
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
