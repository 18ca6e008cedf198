"""Documents that no model is trained on: whole repositories, chosen by the hash of their name.

Belongs here: choosing them from the raw code (stage "held_out", the same for every recipe) and telling
whether a document of a later stage is one of them or a copy of one.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from opencoder_dag.document import judge_rows
from opencoder_dag.engine import Engine
from opencoder_dag.lake import (
    Dataset,
    Lake,
    Stage,
    canonical_json,
    read_table,
    read_text,
    sha256_text,
    write_bytes,
)
from opencoder_dag.mix.draw import draw
from opencoder_dag.shards import ShardReport, finish, run_shards, write_shard

VERSION = "1"
PURPOSE = "held_out"
COPY = "held_out_copy"  # reason of documents elsewhere with the very content of a held-out one
_ORIGIN = ["doc_id", "sha256", "repo", "language", "doc_type", "size"]


@dataclass(frozen=True)
class HoldOut:
    """How much is held out, and which documents are worth it."""

    share: float = 0.03  # of repositories
    repositories: int = 3  # at least
    most_repositories: int = 2000
    repository_bytes: int = 200_000  # at most, of each
    repository_code: int = 10_000  # bytes of suitable documents, at least, where there are such repositories
    repository_share: float = 0.05  # of all bytes: larger repositories stay in training
    min_size: int = 200
    max_size: int = 50_000

    def fits(self, document: Mapping[str, Any]) -> bool:
        """Whether a document is code of a size that says something about a model."""
        return document["doc_type"] == "code" and self.min_size <= document["size"] <= self.max_size


def select_held_out(
    lake: Lake,
    raw_code: Dataset,
    engine: Engine,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    settings: HoldOut = HoldOut(),
) -> Dataset:
    """Stage "held_out": code documents of whole repositories, each content once.

    Kept are the documents to evaluate on. Everything else is listed as removed: `not_held_out`; of the
    chosen repositories `unsuitable` (type or size), `duplicate` and `over_bytes`; and, from any other
    repository, `held_out_copy`: the same content as a held-out document.
    """
    stage = Stage("held_out", VERSION, asdict(settings), {"raw_code": raw_code.digest})
    if (ready := lake.find(stage)) is not None:
        return ready
    started = time.monotonic()
    folder = lake.folder(stage)
    verdicts, chosen = _choose(raw_code, settings)
    plan = canonical_json({"verdicts": verdicts, "repositories": sorted(chosen)})
    write_bytes(f"{folder}/plan.json", plan.encode())
    tasks = [
        HoldOutTask(path, raw_code.manifest.created, folder, f"part-{index:05d}.parquet", sha256_text(plan))
        for index, path in enumerate(raw_code.shards())
    ]
    reports = run_shards(folder, tasks, _write, engine, on_progress)
    facts = {"repositories": {repo: chosen[repo] for repo in sorted(chosen)}}
    return finish(lake, stage, reports, time.monotonic() - started, facts)


def _choose(raw_code: Dataset, settings: HoldOut) -> tuple[dict[str, str], dict[str, int]]:
    """Verdicts other than `not_held_out` (empty: kept) by doc_id, and the bytes kept of each repository."""
    repositories: dict[str, list[int]] = {}  # name to [bytes, bytes of documents that fit]
    for table in raw_code.tables(columns=_ORIGIN):
        for row in table.to_pylist():
            sizes = repositories.setdefault(row["repo"], [0, 0])
            sizes[0] += row["size"]
            sizes[1] += row["size"] if settings.fits(row) else 0
    total = sum(sizes[0] for sizes in repositories.values())
    limit = max(total * settings.repository_share, 1)
    suitable = [repo for repo, sizes in repositories.items() if sizes[1]]
    for wish in (lambda sizes: sizes[0] <= limit, lambda sizes: sizes[1] >= settings.repository_code):
        suitable = [repo for repo in suitable if wish(repositories[repo])] or suitable
    wanted = max(settings.repositories, math.ceil(settings.share * len(repositories)))
    wanted = min(wanted, settings.most_repositories)
    # Never more than a quarter: with few repositories training still needs most of them.
    wanted = min(wanted, max(len(repositories) // 4, 1 if len(repositories) > 1 else 0))
    order = sorted(suitable, key=lambda repo: (draw(0, PURPOSE, repo), repo))
    chosen = dict.fromkeys(order[:wanted], 0)

    found: list[dict[str, Any]] = []
    for table in raw_code.tables(columns=_ORIGIN):
        mask = pc.is_in(table["repo"], value_set=pa.array(list(chosen), pa.string()))
        found.extend(table.filter(mask).to_pylist())
    verdicts: dict[str, str] = {}
    contents: set[str] = set()
    for row in sorted(found, key=lambda row: (row["repo"], draw(0, PURPOSE, row["doc_id"]), row["doc_id"])):
        if not settings.fits(row):
            verdict = "unsuitable"
        elif row["sha256"] in contents:
            verdict = "duplicate"
        elif chosen[row["repo"]] + row["size"] > settings.repository_bytes:
            verdict = "over_bytes"
        else:
            verdict = ""
            chosen[row["repo"]] += row["size"]
            contents.add(row["sha256"])
        verdicts[row["doc_id"]] = verdict
    for table in raw_code.tables(columns=["doc_id", "sha256"]):
        mask = pc.is_in(table["sha256"], value_set=pa.array(sorted(contents), pa.string()))
        for doc_id in table.filter(mask)["doc_id"].to_pylist():
            verdicts.setdefault(doc_id, COPY)
    return verdicts, chosen


@dataclass(frozen=True)
class HoldOutTask:
    """One shard of raw code to split by the plan that lies in the stage's folder."""

    source: str
    edition: str
    folder: str
    name: str
    plan_digest: str


def _write(task: HoldOutTask) -> ShardReport:
    plan = _plan(f"{task.folder}/plan.json", task.plan_digest)
    table = read_table(task.source)
    verdicts: list[tuple[str, Mapping[str, Any]] | Exception | None] = []
    for doc_id, repo in zip(table["doc_id"].to_pylist(), table["repo"].to_pylist(), strict=True):
        verdict = plan["verdicts"].get(doc_id, "not_held_out")
        verdicts.append((verdict, {"repository": repo}) if verdict else None)
    judged = judge_rows(table, verdicts)
    return write_shard(task.folder, task, judged, table.num_rows, pc.sum(table["size"]).as_py() or 0)


@lru_cache(maxsize=2)
def _plan(path: str, digest: str) -> dict[str, Any]:
    plan: dict[str, Any] = json.loads(read_text(path))
    return plan


@dataclass(frozen=True)
class HeldOut:
    """Tells whether a document must not be trained on."""

    repositories: frozenset[str] = frozenset()
    contents: frozenset[str] = field(default=frozenset(), repr=False)  # hex SHA-256
    copies: frozenset[str] = field(default=frozenset(), repr=False)  # doc_id: contents edited since

    @classmethod
    def read(cls, held_out: Dataset) -> HeldOut:
        """What stage "held_out" kept, and the copies it knows of."""
        repositories: set[str] = set(held_out.manifest.facts.get("repositories", {}))
        contents: set[str] = set()
        copies: set[str] = set()
        for table in held_out.tables(columns=["repo", "sha256"]):
            repositories.update(table["repo"].to_pylist())
            contents.update(table["sha256"].to_pylist())
        for table in held_out.tables("removed", columns=["doc_id", "reason"]):
            copies.update(table.filter(pc.equal(table["reason"], COPY))["doc_id"].to_pylist())
        return cls(frozenset(repositories), frozenset(contents), frozenset(copies))

    def to_json(self) -> str:
        """As text, for the tasks of a stage."""
        return canonical_json({name: sorted(value) for name, value in self.__dict__.items()})

    @classmethod
    def from_json(cls, text: str) -> HeldOut:
        """The inverse of `to_json`."""
        return cls(**{name: frozenset(value) for name, value in json.loads(text).items()})

    def why(self, doc_id: str, repo: str, sha256: str) -> dict[str, str] | None:
        """Evidence that a document is held out, or None."""
        if repo in self.repositories:
            return {"repository": repo}
        if sha256 in self.contents:
            return {"content": sha256}
        return {"copy": doc_id} if doc_id in self.copies else None
