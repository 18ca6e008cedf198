"""What the sources hold, and what of it is read: listing, choosing, sealing.

Belongs here: the work that is done on every run before anything is collected. It has to be quick for an
unchanged machine and must not miss a change: names and sizes decide what is chosen, content digests seal what
was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from opencoder_dag.errors import InputError
from opencoder_dag.lake import canonical_json, sha256_text
from opencoder_dag.sources.choose import Portion, allowance, choose
from opencoder_dag.sources.decide import cost
from opencoder_dag.sources.reuse import portion_key
from opencoder_dag.sources.source import Entry, Repository, Source


@dataclass(frozen=True)
class Survey:
    """The repositories by name, each with the entries that are looked at, by path; counts of the rest."""

    chosen: list[tuple[Repository, tuple[Entry, ...]]]
    facts: dict[str, Any]

    def digest(self) -> str:
        """Digest of names, revisions, metadata and everything that is read."""
        described = [
            [repository.name, repository.revision, portion_key(Portion(repository, entries))]
            for repository, entries in self.chosen
        ]
        return sha256_text(canonical_json(described))

    def described(self) -> list[dict[str, Any]]:
        """Provenance of each repository, for people."""
        return [
            {
                "name": repository.name,
                "source": repository.source,
                "revision": repository.revision,
                "license": repository.license,
                "stars": repository.stars,
                "commit_time": repository.commit_time,
                "url": repository.url,
                "files": len(entries),
                "bytes": sum(map(cost, entries)),
            }
            for repository, entries in self.chosen
        ]


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
    """The entries with a content digest on each that will be read."""
    sealed_entries = iter(repository.tree.seal([entry for entry in entries if cost(entry)]))
    return tuple(next(sealed_entries) if cost(entry) else entry for entry in entries)


def _uniquely_named(repositories: Sequence[Repository]) -> list[Repository]:
    """Repositories by name; a name that came before gets a number, so that no two share documents' ids."""
    seen: dict[str, int] = {}
    named = []
    for repository in repositories:
        count = seen[repository.name] = seen.get(repository.name, 0) + 1
        named.append(replace(repository, name=f"{repository.name}~{count}") if count > 1 else repository)
    return sorted(named, key=lambda repository: repository.name)
