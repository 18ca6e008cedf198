"""Candidates into clusters: union-find on an integer array, then bins of clusters to be verified together.

Belongs here: what is done once for the whole corpus. Memory is 8 bytes a text of the corpus, whatever its
length; pairs are read file by file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from opencoder_dag.dedup.bands import MeetStep, bands_path, edges_path
from opencoder_dag.dedup.runs import SHARD_BITS, Plan, Run, column, ordinals, rows_of, write_lookup
from opencoder_dag.kernels.unionfind import flatten, unite

BIN_SHINGLES = 1 << 24  # shingles (8 bytes each) that one task of verification holds in memory
MEMBERS_SCHEMA = pa.schema([pa.field("ordinal", pa.int64()), pa.field("bin", pa.int32())])


@dataclass(frozen=True)
class ClusterStep:
    """Join all meetings of candidates."""

    plan: Plan
    meetings: tuple[MeetStep, ...]
    rows: tuple[int, ...]  # of each shard

    @property
    def name(self) -> str:
        """There is one such step."""
        return "all"


def members_path(plan: Plan) -> str:
    """Lookup table: every text that has a candidate, and the bin in which it is verified."""
    return f"{plan.work}/members.parquet"


def cluster_candidates(step: ClusterStep) -> dict[str, Any]:
    """Write the lookup table of cluster members; reports their number and the number of bins."""
    plan = step.plan
    base = np.concatenate([[0], np.cumsum(step.rows)]).astype(np.int64)

    def dense(ordinal: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return base[ordinal >> SHARD_BITS] + rows_of(ordinal)

    parent = np.arange(base[-1], dtype=np.int64)
    for meeting in step.meetings:
        with Run(edges_path(meeting)) as run:
            edges = run.partition(0)
            unite(parent, dense(column(edges, "left")), dense(column(edges, "right")))
    flatten(parent)
    sizes = np.bincount(parent, minlength=len(parent))
    members = np.flatnonzero(sizes[parent] > 1)
    shard = np.searchsorted(base, members, side="right") - 1
    roots, cluster = np.unique(parent[members], return_inverse=True)
    weight = np.bincount(cluster, weights=_shingles_of(plan, members, shard, base), minlength=len(roots))
    # A cluster belongs to the bin in which it starts, so it is never cut.
    bins = ((np.cumsum(weight) - weight) // BIN_SHINGLES).astype(np.int64)
    numbers, of_cluster = np.unique(bins, return_inverse=True)
    table = pa.table(
        [
            pa.array(ordinals(0, (shard.astype(np.int64) << SHARD_BITS) + members - base[shard])),
            pa.array(of_cluster[cluster].astype(np.int32)),
        ],
        schema=MEMBERS_SCHEMA,
    )
    write_lookup(members_path(plan), table)
    return {
        "members": len(members),
        "clusters": len(roots),
        "bins": len(numbers),
        "largest": int(sizes.max(initial=0)) if len(members) else 0,
    }


def _shingles_of(
    plan: Plan, members: np.ndarray[Any, Any], shard: np.ndarray[Any, Any], base: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """Shingles (with repeats) of each member."""
    weights = np.zeros(len(members), np.float64)
    for number in np.unique(shard):
        with Run(bands_path(plan, int(number))) as run:
            batch = run.partition(plan.bands * plan.partitions)
            counts = np.zeros(base[number + 1] - base[number], np.float64)
            counts[column(batch, "row")] = column(batch, "key")
        mine = shard == number
        weights[mine] = counts[members[mine] - base[number]]
    return weights
