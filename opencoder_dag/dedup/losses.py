"""What each source and each repository lost, and which of them lost alarmingly much.

Belongs here: sums of bytes by origin, and the alarm. A source made from one template can vanish nearly whole
in near dedup; that should be seen, not found out later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

LISTED = 50  # repositories named in the alarm, those with the greatest loss first
LEAST_FILES = 10  # a repository with fewer files raises no alarm


def losses_of(
    table: pa.Table, size: NDArray[np.int64], lost: NDArray[np.int64]
) -> dict[str, dict[str, dict[str, int]]]:
    """Files and bytes, before and lost, by `source` and by `repo`; nested counts that add up over shards.

    `size` are the bytes that each document came with, `lost` those it lost; one that lost all is a file lost.
    """
    numbers = pa.table(
        {
            "source": table["source"],
            "repo": table["repo"],
            "files": np.ones(len(size), np.int64),
            "bytes": size,
            "files_lost": ((lost == size) & (size > 0)).astype(np.int64),
            "bytes_lost": lost,
        }
    )
    counted = ["files", "bytes", "files_lost", "bytes_lost"]
    losses: dict[str, dict[str, dict[str, int]]] = {}
    for origin in ("source", "repo"):
        sums = numbers.group_by(origin).aggregate([(name, "sum") for name in counted])
        losses[origin] = {
            row[origin]: {name: row[f"{name}_sum"] for name in counted} for row in sums.to_pylist()
        }
    return losses


def alarms(losses: Mapping[str, Mapping[str, Mapping[str, int]]], threshold: float) -> dict[str, Any]:
    """Sources and repositories whose lost share of bytes exceeds `threshold`, and what each source lost.

    At most `LISTED` repositories are named; `repositories_alarming` says how many there are.
    """
    listed: dict[str, list[dict[str, Any]]] = {}
    for origin, numbers in losses.items():
        over: list[dict[str, Any]] = [
            {"name": name, **count, "share": round(count["bytes_lost"] / count["bytes"], 4)}
            for name, count in numbers.items()
            if count["bytes_lost"] > threshold * count["bytes"]
            and (origin == "source" or count["files"] >= LEAST_FILES)
        ]
        listed[origin] = sorted(over, key=lambda item: (-item["bytes_lost"], item["name"]))
    return {
        "threshold": threshold,
        "by_source": {name: dict(count) for name, count in sorted(losses.get("source", {}).items())},
        "sources": listed.get("source", []),
        "repositories": listed.get("repo", [])[:LISTED],
        "repositories_alarming": len(listed.get("repo", [])),
    }
