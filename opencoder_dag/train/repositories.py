"""Samples that are whole repositories: files in the order of their imports, one after the other.

Belongs here: grouping the code of the mix by repository, and where each repository's files lie as one sample.
The order itself is `mix/ordering.py`. A phase takes of a repository the files that the mix chose for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from opencoder_dag.mix.ordering import WithinCycle, order_files

Span = tuple[int, int]  # start and length, in tokens
AddFiles = Callable[["Sequence[File]"], Span]


@dataclass(frozen=True)
class File:
    """One document of the mix; `counts` says how often each phase sees it."""

    repo: str
    path: str
    doc_id: str
    content: str
    counts: tuple[int, ...]


def repositories(files: Sequence[File], within_cycle: WithinCycle) -> Iterator[list[File]]:
    """The files of each repository, dependencies first; repositories by name, whatever order they came in."""
    found: dict[str, list[File]] = {}
    for file in files:
        found.setdefault(file.repo, []).append(file)
    for repo in sorted(found):
        members = sorted(found[repo], key=lambda file: (file.path, file.doc_id))
        order = order_files([file.path for file in members], [file.content for file in members], within_cycle)
        yield [members[index] for index in order]


def repository_samples(
    files: Sequence[File], within_cycle: WithinCycle, phases: int, add: AddFiles
) -> Iterator[tuple[int, str, Span]]:
    """Phase, name and span of each sample; `add` writes some files one after the other.

    The k-th repetition of a repository has the files that the mix repeats at least k times in that phase.
    """
    for members in repositories(files, within_cycle):
        written: dict[tuple[str, ...], Span] = {}
        for phase in range(phases):
            for repetition in range(max(file.counts[phase] for file in members)):
                chosen = [file for file in members if file.counts[phase] > repetition]
                ids = tuple(file.doc_id for file in chosen)
                if ids not in written:
                    written[ids] = add(chosen)
                name = hashlib.sha256("\0".join(ids).encode()).hexdigest()
                yield phase, f"{name}:{repetition}", written[ids]
