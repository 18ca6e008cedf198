"""Chunk level: each run of 4096 words of a document is a text of its own (OpenCoder, section 9.1).

Belongs here: cutting documents into chunks, and putting those that stay together again. A document is kept
with what is left of it, under its own identifier, and goes when nothing is left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from opencoder_dag.dedup.digests import checked_digests
from opencoder_dag.dedup.merit import ORIGIN_COLUMNS
from opencoder_dag.dedup.repositories import UNIT_SCHEMA
from opencoder_dag.dedup.runs import Plan, ShardStep, column, rows_of, run_phase
from opencoder_dag.engine import Engine
from opencoder_dag.kernels.shingles import fold_table, text_buffers, word_cuts
from opencoder_dag.lake import read_table, write_table

CHUNK_WORDS = 4096


def chunks_path(plan: Plan, shard: int) -> str:
    """Parquet file of the chunks of a shard, in the order of its documents."""
    return f"{plan.work}/units/{shard:05d}.parquet"


def cut_documents(
    plan: Plan, sources: Sequence[str], engine: Engine, on_step: Callable[[], None]
) -> tuple[list[str], int]:
    """Write the chunks of each shard; returns the paths and the number of chunks."""
    steps = [ShardStep(plan, shard, source) for shard, source in enumerate(sources)]
    reports = run_phase("chunks", steps, cut_shard, engine, on_step)
    return [chunks_path(plan, shard) for shard in range(plan.shards)], sum(
        report["chunks"] for report in reports
    )


def cut_shard(step: ShardStep) -> dict[str, Any]:
    """Write the chunks of one shard."""
    table = read_table(step.source, [*ORIGIN_COLUMNS, "content"])
    chunks = [
        {
            "doc_id": f"{origin['doc_id']}#{number}",
            "content": text,
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "path": origin["path"],
            "stars": origin["stars"],
            "commit_time": origin["commit_time"],
        }
        for origin, texts in zip(table.select(ORIGIN_COLUMNS).to_pylist(), pieces(table), strict=True)
        for number, text in enumerate(texts)
    ]
    write_table(chunks_path(step.plan, step.shard), pa.Table.from_pylist(chunks, schema=UNIT_SCHEMA))
    return {"chunks": len(chunks)}


def pieces(table: pa.Table) -> list[list[str]]:
    """The chunks of each document of a shard; none of a document whose digest is damaged."""
    offsets, data = text_buffers(table["content"])
    _, valid = checked_digests(table)
    found: list[list[str]] = []
    for row in range(table.num_rows):
        cuts = word_cuts(data, offsets[row], offsets[row + 1], CHUNK_WORDS, fold_table()).tolist()
        spans = pairwise(cuts) if valid[row] else ()
        found.append([data[low:high].tobytes().decode() for low, high in spans])
    return found


Verdict = tuple[str, Mapping[str, Any]]


def judge_chunks(table: pa.Table, verdicts: pa.Table) -> tuple[pa.Table, dict[int, Verdict], dict[str, int]]:
    """Documents without the chunks that go; the verdict on those with none left, by row; counts of chunks."""
    texts = pieces(table)
    first = np.concatenate([[0], np.cumsum([len(of_document) for of_document in texts])]).astype(np.int64)
    unit = rows_of(column(verdicts, "ordinal"))
    owner = np.searchsorted(first, unit, side="right") - 1
    lost: dict[int, dict[int, Mapping[str, Any]]] = {}
    for row, number, verdict in zip(
        owner.tolist(), (unit - first[owner]).tolist(), verdicts.to_pylist(), strict=True
    ):
        lost.setdefault(row, {})[number] = verdict
    gone: dict[int, Verdict] = {}
    content, sha256, size = (table[name].to_pylist() for name in ("content", "sha256", "size"))
    for row, chunks in lost.items():
        if len(chunks) == len(texts[row]):
            gone[row] = ("chunk_duplicate", _evidence(chunks))
            continue
        content[row] = "".join(text for number, text in enumerate(texts[row]) if number not in chunks)
        encoded = content[row].encode()
        sha256[row], size[row] = hashlib.sha256(encoded).hexdigest(), len(encoded)
    for name, values in (("content", content), ("sha256", sha256), ("size", size)):
        place = table.schema.get_field_index(name)
        table = table.set_column(
            place, table.schema.field(place), pa.array(values, table.schema.field(place).type)
        )
    return table, gone, {"chunks": int(first[-1]), "chunks_removed": len(unit)}


def _evidence(chunks: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """The first chunk speaks for the document."""
    keeper, _, number = chunks[0]["keeper_id"].rpartition("#")
    return {
        "duplicate_of": keeper,
        "path": chunks[0]["keeper_path"],
        "similarity": round(chunks[0]["similarity"], 6),
        "chunk": int(number),
        "chunks": len(chunks),
    }
