"""Which files of which repositories are read when there is more code than the budget, and how they are cut.

Belongs here: arithmetic on listings; nothing is read. Every repository contributes, small ones wholly, large
ones by files that a hash chooses, so that the choice is the same every time and a repository's own choice
does not move when another repository changes a little.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from opencoder_dag.sources.decide import cost
from opencoder_dag.sources.source import Entry, Repository

LEVEL_BITS = 4  # significant bits of an allowance: it moves only when the total moves by several per cent


@dataclass(frozen=True)
class Portion:
    """Entries of one repository that are judged together."""

    repository: Repository
    entries: tuple[Entry, ...]

    @property
    def size(self) -> int:
        """Bytes that are read for it."""
        return sum(cost(entry) for entry in self.entries)


def allowance(totals: Iterable[int], budget: int) -> int | None:
    """The water level: bytes that one repository may contribute so that all of them stay within `budget`.

    The largest L, to `LEVEL_BITS` significant bits, with sum(min(total, L)) <= budget; None when everything
    fits.
    """
    ordered = sorted(totals)
    if sum(ordered) <= budget:
        return None
    remaining, left, level = budget, len(ordered), 0
    for total in ordered:
        level = remaining // left
        if total > level:
            break
        remaining -= total
        left -= 1
    shift = max(level.bit_length() - LEVEL_BITS, 0)
    return level >> shift << shift


def choose(name: str, entries: Iterable[Entry], limit: int | None) -> tuple[Entry, ...]:
    """The entries of repository `name` that are looked at, by path.

    Entries are taken in the order of a hash of repository and path until `limit` bytes are used up. What
    needs no reading comes along free, as far as the order got; one file that would take over half of the
    limit is passed over, unless the repository has no other.
    """
    entries = list(entries)
    if limit is not None and sum(map(cost, entries)) > limit:
        entries = _first_by_hash(name, entries, limit)
    return tuple(sorted(entries, key=lambda entry: entry.path))


def _first_by_hash(name: str, entries: Sequence[Entry], limit: int) -> list[Entry]:
    def rank(entry: Entry) -> bytes:
        return hashlib.sha256(f"{name}\0{entry.path}".encode("utf-8", "surrogatepass")).digest()

    largest = limit // 2
    if min(bytes_ for entry in entries if (bytes_ := cost(entry))) > largest:
        largest = limit
    chosen: list[Entry] = []
    used = 0
    for entry in sorted(entries, key=rank):
        wanted = cost(entry)
        if wanted > largest:
            continue
        if used + wanted > limit:
            break
        used += wanted
        chosen.append(entry)
    return chosen


def cut(chosen: Sequence[tuple[Repository, Sequence[Entry]]], shard_bytes: int) -> list[list[Portion]]:
    """Contiguous runs of repositories of about `shard_bytes` each; one that is larger spans several shards.

    A run ends before it would exceed `shard_bytes`, or, once it is half full, before a repository whose
    name's hash says so: after a repository that grew, the cuts fall into their old places again.
    """
    shards: list[list[Portion]] = []
    run: list[Portion] = []
    filled = 0
    for repository, entries in chosen:
        pieces = _pieces(entries, shard_bytes)
        size = sum(map(cost, entries))
        marked = hashlib.sha256(repository.name.encode("utf-8", "surrogatepass")).digest()[0] % 4 == 0
        if run and (filled + size > shard_bytes or (marked and filled >= shard_bytes // 2)):
            shards.append(run)
            run, filled = [], 0
        if len(pieces) > 1:
            shards.extend([Portion(repository, piece)] for piece in pieces)
        elif pieces:
            run.append(Portion(repository, pieces[0]))
            filled += size
    if run:
        shards.append(run)
    return shards


def _pieces(entries: Sequence[Entry], shard_bytes: int) -> list[tuple[Entry, ...]]:
    pieces: list[tuple[Entry, ...]] = []
    piece: list[Entry] = []
    filled = 0
    for entry in entries:
        wanted = cost(entry)
        if piece and filled + wanted > shard_bytes:
            pieces.append(tuple(piece))
            piece, filled = [], 0
        piece.append(entry)
        filled += wanted
    if piece:
        pieces.append(tuple(piece))
    return pieces
