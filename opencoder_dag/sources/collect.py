"""The stage `raw_code`: sources in, one shard of documents and verdicts a task.

Belongs here: listing the sources, sealing what was chosen with content digests, and the task that reads a
shard. The fingerprint is over names, revisions and digests of everything that is read, so an unchanged
machine is recognised without doing the work, and a changed file is never missed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from opencoder_dag.engine import Engine
from opencoder_dag.errors import InputError
from opencoder_dag.lake import (
    Dataset,
    Lake,
    ShardReport,
    Stage,
    canonical_json,
    finish,
    run_shards,
    sha256_text,
    write_shard,
)
from opencoder_dag.sources.choose import Portion, allowance, choose, cost, cut
from opencoder_dag.sources.decide import judge_all
from opencoder_dag.sources.source import Entry, Origin, RawFile, Repository, Source, digest_of

VERSION = "1"


@dataclass(frozen=True)
class Survey:
    """What the sources hold and what of it is read. `chosen` is in corpus order: by name, then path."""

    chosen: list[tuple[Repository, tuple[Entry, ...]]]
    facts: dict[str, Any]

    def digests(self) -> dict[str, str]:
        """Repository name to a digest over its revision, its metadata and everything of it that is read."""
        return {
            repository.name: repository_digest(repository, entries) for repository, entries in self.chosen
        }


@dataclass(frozen=True)
class CollectTask:
    """One shard to read."""

    folder: str
    name: str
    portions: tuple[Portion, ...]


def collect(
    lake: Lake,
    sources: Sequence[Source],
    source_bytes: int,
    shard_bytes: int,
    engine: Engine,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Dataset:
    """Collect at most `source_bytes` of raw code into shards of about `shard_bytes` of content each.

    Raises `InputError` when a source does not exist. What is listed and chosen is kept, removed or
    quarantined; what the budget leaves out is counted in the manifest's facts.
    """
    started = time.monotonic()
    survey = survey_sources(sources, source_bytes)
    stage = Stage("raw_code", VERSION, inputs={"sources": sha256_text(canonical_json(survey.digests()))})
    if (ready := lake.find(stage)) is not None:
        return ready
    folder = lake.folder(stage)
    tasks = [
        CollectTask(folder, f"part-{index:05d}.parquet", tuple(portions))
        for index, portions in enumerate(cut(survey.chosen, shard_bytes))
    ]
    reports = run_shards(folder, tasks, collect_shard, engine, on_progress)
    return finish(lake, stage, reports, time.monotonic() - started, facts=survey.facts)


def survey_sources(sources: Sequence[Source], source_bytes: int) -> Survey:
    """List all sources and choose what is read: at most `source_bytes`, every repository contributing."""
    repositories = _uniquely_named([each for source in sources for each in source.repositories()])
    if not repositories:
        raise InputError("sources: no repository found; give a folder with files, or 'installed'")
    listed = [(repository, list(repository.tree.entries())) for repository in repositories]
    totals = [sum(map(cost, entries)) for _, entries in listed]
    limit = allowance(totals, source_bytes)
    chosen = [(repository, choose(repository.name, entries, limit)) for repository, entries in listed]
    facts = {
        "repositories": len(listed),
        "files_listed": sum(len(entries) for _, entries in listed),
        "files_chosen": sum(len(entries) for _, entries in chosen),
        "bytes_listed": sum(totals),
        "bytes_chosen": sum(cost(entry) for _, entries in chosen for entry in entries),
        "bytes_allowed_each": limit,
    }
    return Survey([(repository, sealed(repository, entries)) for repository, entries in chosen], facts)


def sealed(repository: Repository, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The entries with a content digest on each that will be read; those that lack one are read for it."""
    bare = [entry for entry in entries if not entry.digest and cost(entry)]
    digests = {
        file.entry.path: digest_of(file.content) or ""
        for file in repository.tree.read(bare)
        if isinstance(file.content, bytes)
    }
    return tuple(replace(entry, digest=digests.get(entry.path, entry.digest)) for entry in entries)


def repository_digest(repository: Repository, entries: Sequence[Entry]) -> str:
    """Digest of everything that decides what a repository contributes."""
    origin = repository.origin
    described = [
        origin.source,
        origin.repo,
        origin.stars,
        origin.commit_time,
        origin.license,
        repository.revision,
    ]
    listed = [[entry.path, entry.size, entry.digest, entry.removed, entry.error] for entry in entries]
    return sha256_text(canonical_json([described, listed]))


def collect_shard(task: CollectTask) -> ShardReport:
    """Read the files of one shard, judge each and write the shard."""
    judged, bytes_in = judge_all(_files(task.portions))
    return write_shard(task.folder, task, judged, judged.rows, bytes_in)


def _files(portions: Sequence[Portion]) -> Iterator[tuple[RawFile, Origin]]:
    """Every entry of the portions as a file, in order; only what needs reading is read."""
    for portion in portions:
        origin = portion.repository.origin
        contents = portion.repository.tree.read([entry for entry in portion.entries if cost(entry)])
        for entry in portion.entries:
            file = next(contents) if cost(entry) else RawFile(entry, b"")
            yield file, file.origin or origin


def _uniquely_named(repositories: Sequence[Repository]) -> list[Repository]:
    """Repositories by name; a name that came before gets a number, so that no two share documents' ids."""
    seen: dict[str, int] = {}
    named = []
    for repository in repositories:
        count = seen[repository.name] = seen.get(repository.name, 0) + 1
        named.append(replace(repository, name=f"{repository.name}~{count}") if count > 1 else repository)
    return sorted(named, key=lambda repository: repository.name)
