"""Small corpora for the tests, and a plain reference of what dedup should decide."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from opencoder_dag.document import DOCUMENT_SCHEMA, QUARANTINED_SCHEMA, REMOVED_SCHEMA, Judged, document_row
from opencoder_dag.lake import Dataset, Lake, Stage
from opencoder_dag.shards import finish, write_shard

START = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Cut:
    """A task for `write_shard`."""

    name: str


def document(
    content: str, repo: str = "r", path: str = "a.py", stars: int | None = None, day: int | None = None
) -> dict[str, Any]:
    """One row; `day` counts from a fixed date."""
    return document_row(
        content,
        source="test",
        repo=repo,
        path=path,
        language="Python",
        doc_type="code",
        stars=stars,
        commit_time=None if day is None else START + timedelta(days=day),
    )


def words(seed: int, count: int) -> list[str]:
    """Words of a text nobody else has."""
    draw = random.Random(seed)
    return [f"w{draw.randrange(10**9)}" for _ in range(count)]


def dataset(root: Path, rows: Sequence[dict[str, Any]], shards: int = 1, name: str = "raw_code") -> Dataset:
    """Rows as a finished stage in `shards` shards, in order."""
    lake = Lake(str(root / f"in-{name}-{shards}"))
    stage = Stage(name, "1", {"shards": shards})
    reports = []
    size = -(-len(rows) // shards) if rows else 1
    for index in range(shards):
        part = list(rows[index * size : (index + 1) * size])
        table = pa.Table.from_pylist(part, schema=DOCUMENT_SCHEMA)
        judged = Judged(table, REMOVED_SCHEMA.empty_table(), QUARANTINED_SCHEMA.empty_table(), {})
        reports.append(
            write_shard(
                lake.folder(stage),
                Cut(f"part-{index:05d}.parquet"),
                judged,
                len(part),
                sum(row["size"] for row in part),
            )
        )
    return finish(lake, stage, reports, 0.0)


def shingles(text: str, size: int = 5) -> set[tuple[str, ...]]:
    """Word n-grams the plain way."""
    found = re.findall(r"\w+", text.lower())
    return {tuple(found[i : i + size]) for i in range(len(found) - size + 1)}


def alike(left: str, right: str, size: int = 5) -> float:
    """Exact Jaccard similarity the plain way."""
    a, b = shingles(left, size), shingles(right, size)
    return len(a & b) / len(a | b) if a | b else 0.0


def merit(row: dict[str, Any]) -> tuple[Any, ...]:
    """Sort key: best first."""
    stars = row["stars"] if row["stars"] is not None else -1
    time = row["commit_time"].timestamp() if row["commit_time"] is not None else -1
    return (-stars, -time, row["sha256"], row["doc_id"])


def survivors(rows: Sequence[dict[str, Any]], similarity: float) -> list[str]:
    """Documents that stay when every pair is compared: quadratic, for small corpora."""
    kept: list[dict[str, Any]] = []
    for row in sorted(rows, key=merit):
        if any(
            row["sha256"] == other["sha256"] or alike(row["content"], other["content"]) >= similarity
            for other in kept
        ):
            continue
        kept.append(row)
    return sorted(row["doc_id"] for row in kept)


def near_copies(seed: int, groups: int = 12, length: int = 300) -> list[dict[str, Any]]:
    """Texts with exact copies and copies with some words changed, in a mixed order."""
    draw = random.Random(seed)
    rows = []
    for group in range(groups):
        base = words(seed * 1000 + group, length)
        stars = [None, 3, 50, draw.randrange(100)]
        for copy in range(draw.randrange(1, 6)):
            text = list(base)
            for _ in range(draw.choice([0, 0, 1, 3, 8, 20])):
                text[draw.randrange(length)] = f"x{draw.randrange(10**6)}"
            content = "\n".join(" ".join(text[i : i + 7]) for i in range(0, length, 7))
            rows.append(
                document(
                    content,
                    f"repo{draw.randrange(8)}",
                    f"{group}/{copy}.py",
                    draw.choice(stars),
                    draw.choice([None, 1, 2, 9]),
                )
            )
    draw.shuffle(rows)
    return rows
