"""Candidates into clusters: union-find on an integer array, then bins of clusters to be verified together.

Belongs here: what is done once for the whole corpus. Memory is 8 bytes a text of the corpus, whatever its
length; pairs are read file by file.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from opencoder_dag.dedup.bands import MeetStep, bands_path, edges_path
from opencoder_dag.dedup.runs import SHARD_BITS, Plan, Run, column, rows_of, write_lookup
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
    parent = _join(step, base, np.arange(base[-1], dtype=np.int64))
    members, weight = _members(plan, parent, base)
    heavy = np.flatnonzero(np.bincount(parent[members], weight, base[-1]) > BIN_SHINGLES)
    if len(heavy):
        # One common header can chain half a corpus together. Such a cluster is linked again, by strong pairs.
        free = np.isin(parent, heavy)
        parent = _join(step, base, np.where(free, np.arange(len(parent)), parent), free)
        members, weight = _members(plan, parent, base)
    roots, cluster = np.unique(parent[members], return_inverse=True)
    total = np.bincount(cluster, weight, len(roots))
    # A cluster belongs to the bin in which it starts, so it is never cut.
    bins = ((np.cumsum(total) - total) // BIN_SHINGLES).astype(np.int64)
    numbers, of_cluster = np.unique(bins, return_inverse=True)
    shard = np.searchsorted(base, members, side="right") - 1
    ordinal = (shard.astype(np.int64) << SHARD_BITS) + members - base[shard]
    table = pa.table(
        [pa.array(ordinal), pa.array(of_cluster[cluster].astype(np.int32))], schema=MEMBERS_SCHEMA
    )
    write_lookup(members_path(plan), table)
    return {
        "members": len(members),
        "clusters": len(roots),
        "relinked": len(heavy),
        "bins": len(numbers),
        "largest": int(np.bincount(cluster).max(initial=0)) if len(members) else 0,
    }


def _join(
    step: ClusterStep,
    base: NDArray[np.int64],
    parent: NDArray[np.int64],
    free: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """Union-find over all meetings; over the strong pairs between `free` texts when they are given."""
    for meeting in step.meetings:
        with Run(edges_path(meeting)) as run:
            edges = run.partition(0)
            left, right = (_dense(column(edges, name), base) for name in ("left", "right"))
            if free is not None:
                chosen = column(edges, "strong") & free[left]  # both ends are in one cluster
                left, right = left[chosen], right[chosen]
            unite(parent, left, right)
    flatten(parent)
    return parent


def _dense(ordinal: NDArray[np.int64], base: NDArray[np.int64]) -> NDArray[np.int64]:
    return base[ordinal >> SHARD_BITS] + rows_of(ordinal)


def _members(
    plan: Plan, parent: NDArray[np.int64], base: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Texts that share a cluster with another, and the shingles (with repeats) of each."""
    members = np.flatnonzero(np.bincount(parent, minlength=len(parent))[parent] > 1)
    weight = np.zeros(len(members), np.float64)
    bounds = np.searchsorted(members, base)
    for shard, (low, high) in enumerate(pairwise(bounds.tolist())):
        if low == high:
            continue
        with Run(bands_path(plan, shard)) as run:
            batch = run.partition(0)
            counts = np.zeros(base[shard + 1] - base[shard], np.float64)
            counts[column(batch, "row")] = column(batch, "key")
        weight[low:high] = counts[members[low:high] - base[shard]]
    return members, weight
