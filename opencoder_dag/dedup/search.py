"""The search for duplicates among texts, phase by phase.

Belongs here: the order of the phases and what each needs to know of the one before. The texts ("units") are
rows of Parquet shards: files, or whole repositories, or chunks. The outcome is a set of lookup tables that
name every unit that goes and the unit that stays for it.

Each phase is a set of independent steps. A step reads and writes files below the work folder and reports
counts, so an interrupted run goes on where it was, and a step that is done twice does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opencoder_dag.dedup.bands import MeetStep, find_meetings, sign_shard
from opencoder_dag.dedup.clusters import ClusterStep, cluster_candidates
from opencoder_dag.dedup.exact import hash_shard, settle_partition
from opencoder_dag.dedup.histogram import size_order
from opencoder_dag.dedup.memory import rows_known
from opencoder_dag.dedup.runs import AnyStep, PartStep, Plan, ShardStep, run_phase
from opencoder_dag.dedup.verify import (
    ResolveStep,
    SetsStep,
    collect_sets,
    recall_sets,
    recall_steps,
    resolve_partition,
    verify_bin,
)
from opencoder_dag.engine import Engine

KEYS_AT_ONCE = 1 << 22  # hashes (about 150 bytes each) or band keys (24 bytes each) that one step holds
# Every step of an exchange reads a piece of every shard's run. Beyond these numbers the pieces would become
# too small, so steps grow instead; it takes a hundred million texts to get there.
MOST_PARTITIONS = 128
MOST_KEY_PARTITIONS = 32
LEAST_MEETINGS = 4  # steps a band search is cut into at least, so that several workers share it,
SHARED_KEYS = 1 << 20  # unless there are fewer keys than this


class Progress:
    """Counts steps; the total grows when a phase finds out how many steps the next has."""

    def __init__(self, on_progress: Callable[[int, int], None], total: int) -> None:
        self._on_progress = on_progress
        self._done = 0
        self._total = total

    def expect(self, steps: int) -> None:
        """More steps have become known."""
        self._total += steps

    def step(self) -> None:
        """One more step is done."""
        self._done += 1
        self._on_progress(self._done, max(self._total, self._done))


def partitions_for(units: int) -> int:
    """How many partitions the content hashes of so many units are cut into."""
    return min(max(1, -(-units // KEYS_AT_ONCE)), MOST_PARTITIONS)


def key_partitions_for(units: int) -> int:
    """How many partitions the keys of each band are cut into."""
    return min(max(1, -(-units // KEYS_AT_ONCE)), MOST_KEY_PARTITIONS)


def meetings_of(plan: Plan, units: int) -> list[MeetStep]:
    """The steps that search the bands: as many bands a step as fit `KEYS_AT_ONCE`."""
    shared = 1 if units * plan.bands < SHARED_KEYS else LEAST_MEETINGS
    together = max(1, min(KEYS_AT_ONCE // max(units // plan.key_partitions, 1), -(-plan.bands // shared)))
    return [
        MeetStep(plan, first, min(first + together, plan.bands), partition)
        for first in range(0, plan.bands, together)
        for partition in range(plan.key_partitions)
    ]


def steps_known(plan: Plan, units: int) -> int:
    """Steps of a search that are known before it starts."""
    shards = 3 * (plan.shards - plan.known) + len(recall_steps(plan, 0))
    return shards + 2 * plan.partitions + len(meetings_of(plan, units)) + 1


def find_duplicates(
    plan: Plan, sources: Sequence[str], units: int, engine: Engine, progress: Progress
) -> dict[str, Any]:
    """Run all phases over the shards `sources` (`units` texts in all); returns the facts of the search.

    The verdicts are in the files `verify.verdicts_path(plan, partition)`.
    """
    numbered = list(enumerate(sources, start=plan.known))

    def phase(
        name: str, steps: Sequence[AnyStep], do: Callable[[AnyStep], dict[str, Any]]
    ) -> list[dict[str, Any]]:
        return run_phase(name, steps, do, engine, progress.step)

    hashed = phase("hashes", [ShardStep(plan, shard, source) for shard, source in numbered], hash_shard)
    settled = phase("settled", [PartStep(plan, part) for part in range(plan.partitions)], settle_partition)
    signed = phase("bands", [ShardStep(plan, shard, source) for shard, source in numbered], sign_shard)
    meetings = meetings_of(plan, units)
    met = phase("edges", meetings, find_meetings)
    rows = (
        *(count for memory in plan.memories for count in rows_known(memory)),
        *(report["rows"] for report in hashed),
    )
    [clustered] = phase("clusters", [ClusterStep(plan, tuple(meetings), rows)], cluster_candidates)
    bins = clustered["bins"]
    progress.expect(bins)
    phase("recalled", recall_steps(plan, bins), recall_sets)
    phase("sets", [SetsStep(plan, shard, source, bins) for shard, source in numbered], collect_sets)
    verified = phase("near", [PartStep(plan, number) for number in range(bins)], verify_bin)
    phase("verdicts", [ResolveStep(plan, part, bins) for part in range(plan.partitions)], resolve_partition)
    return {
        "units": sum(report["rows"] for report in hashed),
        "signed": sum(report["signed"] for report in signed),
        "shingles": sum(report["shingles"] for report in signed),
        "buckets": sum(report["buckets"] for report in met),
        "largest_bucket": max((report["largest"] for report in met), default=0),
        "candidates": clustered["members"],
        "candidate_clusters": clustered["clusters"],
        "largest_candidate_cluster": clustered["largest"],
        "relinked_clusters": clustered["relinked"],
        "exact_copies": sum(report["copies"] for report in settled),
        "pairs_compared": sum(report["compared"] for report in verified),
        "pairs_verified": sum(report["near"] for report in verified),
        "exact_clusters": _histogram(report["groups"] for report in settled),
        "near_clusters": _histogram(report["clusters"] for report in verified),
    }


def _histogram(parts: Any) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        part_of: Mapping[str, int] = part
        for label, count in part_of.items():
            total[label] = total.get(label, 0) + count
    return dict(sorted(total.items(), key=lambda item: size_order(item[0])))
