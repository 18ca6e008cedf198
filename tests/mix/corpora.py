"""A small corpus with known parts, and datasets cut as a test wishes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from opencoder_dag.document import DOCUMENT_SCHEMA, document_row, judge_rows
from opencoder_dag.lake import Dataset, Lake, Stage
from opencoder_dag.shards import ShardTask, finish, write_shard

_WORDS = """
data list index value count result node graph table row column parse read write open close first last total
width height color shape batch layer token model train test split merge sort find
"""
WORDS = _WORDS.split()


def some_code(name: str, lines: int = 8) -> str:
    """A plausible function, the same for the same name."""
    digest = hashlib.sha256(name.encode()).digest()
    words = [WORDS[byte % len(WORDS)] for byte in digest * 4]
    body = "\n".join(f"    {words[i]}_{i} = {words[i + 1]}({i}, {digest[i % 32]})" for i in range(lines))
    return f"def {name}(argument):\n{body}\n    return {words[0]}_0\n"


def snippet(name: str, factor: int) -> str:
    """A module with a self-contained function whose doctest passes."""
    return (
        f'def {name}(number):\n    """Return the number times {factor}.\n\n'
        f"    >>> {name}(2)\n    {2 * factor}\n    >>> {name}(0)\n    0\n    "
        f'"""\n    result = number * {factor}\n    return result\n'
    )


def page(topic: str) -> str:
    """A documentation page whose section explains something and shows a session that runs."""
    prose = f"How to {topic} is explained here in enough words for a reader to follow along. " * 3
    return (
        f"# About {topic}\n\n{prose}\n\n>>> word = {topic!r}\n>>> len(word)\n{len(topic)}\n\nThat is all.\n"
    )


def code_row(name: str, content: str, repo: str = "", **extra: Any) -> dict[str, Any]:
    """A code document; its repository is taken from the name unless it is given."""
    repo = repo or f"repo-{int(hashlib.sha256(name.encode()).hexdigest(), 16) % 20}"
    return document_row(
        content, source="test", repo=repo, path=f"{name}.py", language="Python", doc_type="code", **extra
    )


def web_row(topic: str) -> dict[str, Any]:
    """A page as the recall leaves it."""
    return document_row(
        page(topic), source="web", repo="example.org", path=f"/{topic}", language="English", doc_type="text"
    )


def corpus_rows(count: int = 120) -> list[dict[str, Any]]:
    """Code in 20 repositories: plain, algorithmic (every tenth) and with doctests (every eighth)."""
    rows = []
    for number in range(count):
        name = f"thing_{number}"
        if number % 10 == 0:
            text = f"# A LeetCode problem, number {number}.\n{some_code(name, 10)}"
        elif number % 8 == 0:
            text = snippet(name, number)
        else:
            text = some_code(name, 4 + number % 9)
        rows.append(code_row(name, text))
    return rows


def put(lake: Lake, stage: str, rows: Sequence[dict[str, Any]], per_shard: int = 1000) -> Dataset:
    """Write documents as the finished output of a stage, so many a shard."""
    identity = Stage(stage, "test", {"per_shard": per_shard, "ids": [row["doc_id"] for row in rows]})
    if (ready := lake.find(identity)) is not None:
        return ready
    folder = lake.folder(identity)
    reports = []
    for index, start in enumerate(range(0, max(len(rows), 1), per_shard)):
        table = pa.Table.from_pylist(list(rows[start : start + per_shard]), schema=DOCUMENT_SCHEMA)
        task = ShardTask("rows", "1", folder, f"part-{index:05d}.parquet")
        judged = judge_rows(table, [None] * table.num_rows)
        reports.append(write_shard(folder, task, judged, table.num_rows, sum(table["size"].to_pylist())))
    return finish(lake, identity, reports, 0.0)
