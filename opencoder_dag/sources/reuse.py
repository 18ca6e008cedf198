"""What an earlier collection holds already, so that a refresh reads only what changed.

Belongs here: the key by which a portion of a repository is recognised, and the slices of the earlier shards
that hold its rows. An equal key means equal rows, so a shard comes out the same whether it was read or
reused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import fsspec
import pyarrow as pa

from opencoder_dag.document import Judged
from opencoder_dag.errors import OpencoderError
from opencoder_dag.lake import PARTS, Lake, Stage, canonical_json, read_table, sha256_text
from opencoder_dag.sources.choose import Portion

INDEX = "portions.json"


@dataclass(frozen=True)
class Slice:
    """Rows of one shard of an earlier stage folder."""

    folder: str
    shard: str
    rows: tuple[tuple[int, int], ...]  # first row and the row after the last, for each of PARTS
    bytes_in: int  # bytes that were read for them


@dataclass(frozen=True)
class Earlier:
    """An earlier collection: the slice of each portion, and the portions of each shard, by their keys."""

    slices: Mapping[str, Slice] = field(default_factory=dict)
    shards: frozenset[tuple[str, ...]] = frozenset()


def portion_key(portion: Portion) -> str:
    """Digest of everything that decides a portion's rows: origin, names, sizes, content digests.

    The revision is not part of it: a new version of a distribution keeps the files that it did not change.
    """
    origin = portion.repository.origin
    described = [origin.source, origin.repo, origin.stars, origin.commit_time, origin.license]
    listed = [[each.path, each.size, each.digest, each.removed, each.error] for each in portion.entries]
    return sha256_text(canonical_json([described, listed]))


def earlier_collection(lake: Lake, stage: Stage) -> Earlier:
    """The newest finished collection of this lake by the same version of the code; empty if there is none."""
    newest = lake.earlier(stage)
    if newest is None:
        return Earlier()
    try:
        with fsspec.open(newest.file(INDEX), "rt", encoding="utf-8") as handle:
            index: dict[str, dict[str, Any]] = json.load(handle)
    except (OSError, ValueError):
        return Earlier()
    slices = {
        key: Slice(newest.path, shard, tuple((first, last) for first, last in held["rows"]), held["bytes_in"])
        for shard, portions in index.items()
        for key, held in portions.items()
    }
    return Earlier(slices, frozenset(tuple(sorted(portions)) for portions in index.values()))


def rows_of(found: Slice) -> Judged | None:
    """The rows of a slice; None when the earlier shard is damaged or gone, so that they are read again."""
    tables: dict[str, pa.Table] = {}
    for part, (first, last) in zip(PARTS, found.rows, strict=True):
        try:
            table = read_table(f"{found.folder}/{part}/{found.shard}")
        except OpencoderError:
            return None
        if last > table.num_rows:
            return None
        tables[part] = table.slice(first, last - first)
    return Judged(**tables, facts={"bytes_in": found.bytes_in})
