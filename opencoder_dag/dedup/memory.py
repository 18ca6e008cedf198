"""What a run remembers of the documents it kept, so that a later batch can be compared with them.

Belongs here: writing and reading the folder `known/` of a finished stage. For each shard it has the run of
content hashes, the run of band keys, and the texts, each compressed by itself, so that the few that become
candidates are read without the rest. A memory numbers its shards by itself. Its band keys are joined, all
bands of a partition in one record batch, so that one pass finds the few keys that a new text shares.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from opencoder_dag.dedup.bands import KEYS_SCHEMA
from opencoder_dag.dedup.merit import ORIGIN_COLUMNS, ORIGIN_FIELDS, ORIGIN_SCHEMA
from opencoder_dag.dedup.runs import (
    SHARD_BITS,
    Memory,
    Plan,
    Run,
    ShardStep,
    column,
    read_lookup,
    rows_of,
    run_phase,
    write_run,
)
from opencoder_dag.engine import Engine
from opencoder_dag.errors import InputError
from opencoder_dag.lake import canonical_json, read_table, read_text, write_bytes

FORM = 2  # of the files of a memory; raised when older ones can no longer be read
CODEC = "lz4_raw"  # texts are short: zstd sets up longer than it unpacks, and packs slower
TEXTS_SCHEMA = pa.schema([*ORIGIN_FIELDS, pa.field("size", pa.int64()), pa.field("text", pa.large_binary())])


@dataclass(frozen=True)
class RememberStep(ShardStep):
    """Keep what is known of the documents of one shard that stay."""

    folder: str  # of the memory
    verdicts: tuple[str, ...]  # lookup tables

    @property
    def local(self) -> int:
        """The shard's number in the memory."""
        return self.shard - self.plan.known


def _settings(plan: Plan) -> dict[str, Any]:
    """What must be equal for keys and verdicts to be comparable."""
    names = ("bands", "rows", "permutations", "ngram", "similarity")
    return {"form": FORM, **{name: getattr(plan, name) for name in names}}


def with_memories(plan: Plan, folders: Sequence[str]) -> Plan:
    """A plan that also compares with what the stage folders remember.

    Raises `InputError` when one of them remembers nothing, or was made with other settings.
    """
    memories = []
    cuts = {}
    for folder in folders:
        try:
            told = json.loads(read_text(f"{folder}/known/memory.json"))
        except FileNotFoundError:
            raise InputError(f"{folder}: remembers nothing; make it again with 'remember'") from None
        if told["settings"] != _settings(plan):
            raise InputError(f"{folder}: made with {told['settings']}, which must equal {_settings(plan)}")
        memories.append(Memory(f"{folder}/known", len(told["rows"])))
        cuts[folder] = (told["partitions"], told["key_partitions"])
    if not memories:
        return plan
    if len(set(cuts.values())) > 1:
        raise InputError(f"{folders[-1]}: was not compared with {folders[0]} when it was made")
    known = sum(memory.shards for memory in memories)
    hashes, keys = cuts[folders[0]]
    shards = plan.shards + known
    return replace(plan, shards=shards, partitions=hashes, key_partitions=keys, memories=tuple(memories))


def rows_known(memory: Memory) -> list[int]:
    """Rows of each remembered shard, those that went included."""
    rows: list[int] = json.loads(read_text(f"{memory.folder}/memory.json"))["rows"]
    return rows


def remember_kept(
    plan: Plan,
    sources: Sequence[str],
    verdicts: Sequence[str],
    folder: str,
    engine: Engine,
    on_step: Callable[[], None],
) -> None:
    """Write the memory of a stage into its folder."""
    steps = [
        RememberStep(plan, plan.known + index, source, f"{folder}/known", tuple(verdicts))
        for index, source in enumerate(sources)
    ]
    reports = run_phase("known", steps, remember_shard, engine, on_step)
    told = {
        "rows": [report["rows"] for report in reports],
        "partitions": plan.partitions,
        "key_partitions": plan.key_partitions,
        "settings": _settings(plan),
    }
    write_bytes(f"{folder}/known/memory.json", canonical_json(told).encode())


def remember_shard(step: RememberStep) -> dict[str, Any]:
    """Write the memory of one shard."""
    plan = step.plan
    table = read_table(step.source, [*ORIGIN_COLUMNS, "content"])
    stays = np.ones(table.num_rows, bool)
    for path in step.verdicts:
        stays[rows_of(column(read_lookup(path, step.shard, ["ordinal"]), "ordinal"))] = False
    with Run(plan.run_path("hashes", step.shard)) as run:
        batches = [run.partition(number) for number in range(plan.partitions + 1)]
        stays[rows_of(column(batches.pop(), "ordinal"))] = False  # damaged ones
        kept = [batch.filter(pa.array(stays[rows_of(column(batch, "ordinal"))])) for batch in batches]
        write_run(
            _path(step, "hashes"),
            ORIGIN_SCHEMA,
            [*kept, pa.RecordBatch.from_pylist([], schema=ORIGIN_SCHEMA)],
        )
    with Run(plan.run_path("bands", step.shard)) as run:
        every = range(plan.bands * plan.key_partitions + 1)
        kept = [run.partition(number) for number in every]
        kept = [batch.filter(pa.array(stays[column(batch, "row")])) for batch in kept]
        joined = [
            pa.concat_batches(kept[1 + part :: plan.key_partitions]) for part in range(plan.key_partitions)
        ]
        write_run(_path(step, "bands"), KEYS_SCHEMA, [kept[0], *joined])
    write_run(_path(step, "texts"), TEXTS_SCHEMA, [_texts(table, np.flatnonzero(stays))])
    return {"rows": table.num_rows}


def _path(step: RememberStep, kind: str) -> str:
    return f"{step.folder}/{kind}/{step.local:05d}.arrow"


def _texts(table: pa.Table, rows: np.ndarray[Any, Any]) -> pa.RecordBatch:
    codec = pa.Codec(CODEC)
    taken = table.take(pa.array(rows))
    encoded = [text.encode() for text in taken["content"].to_pylist()]
    columns = {
        "ordinal": pa.array(rows),
        "tier": pa.array(np.zeros(len(rows), np.int32)),
        "sha256": pa.array([bytes.fromhex(digest) for digest in taken["sha256"].to_pylist()], pa.binary(32)),
        **{name: taken[name].combine_chunks() for name in ORIGIN_COLUMNS[1:]},
        "size": pa.array([len(text) for text in encoded], pa.int64()),
        "text": pa.array([codec.compress(text, asbytes=True) for text in encoded], pa.large_binary()),
    }
    return pa.record_batch(
        [columns[field.name].cast(field.type) for field in TEXTS_SCHEMA], schema=TEXTS_SCHEMA
    )


def recall_texts(plan: Plan, ordinal: np.ndarray[Any, Any]) -> pa.Table:
    """Remembered documents by ordinal, in that order: `ORIGIN_COLUMNS` and `content`."""
    codec = pa.Codec(CODEC)
    shards = ordinal >> SHARD_BITS
    tables, places = [], []
    for shard in np.unique(shards).tolist():
        mine = np.flatnonzero(shards == shard)
        with Run(plan.run_path("texts", shard)) as run:
            batch = run.partition(0)
            rows = np.searchsorted(column(batch, "ordinal"), rows_of(ordinal[mine]))
            tables.append(pa.Table.from_batches([batch]).take(pa.array(rows)))
        places.append(mine)
    table = pa.concat_tables(tables).take(pa.array(np.argsort(np.concatenate(places))))
    packed = zip(table["text"].to_pylist(), table["size"].to_pylist(), strict=True)
    content = [codec.decompress(text, size, asbytes=True).decode() for text, size in packed]
    return table.append_column("content", pa.array(content, pa.large_string()))
