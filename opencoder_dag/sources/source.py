"""What every source of raw code looks like: repositories, their entries, and the files read from them.

Belongs here: the interface between a source (`installed.py`, `folder.py`, `git.py` ...) and the stage that
collects (`collect.py`). A source lists; the stage chooses what to read; a task reads, on whatever worker.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Entry:
    """One thing that a tree lists, usually a file; `size` in bytes is known before anything is read.

    `digest` is `ALGORITHM:HEX` of the bytes where the source knows it without reading (a RECORD, a Git tree).
    `removed` (a reason) or `error` says why the entry must not be read at all. A `bundle` holds many files,
    each judged by itself when the bundle is read.
    """

    path: str
    size: int
    digest: str = ""
    removed: str = ""
    error: str = ""
    bundle: bool = False


@dataclass(frozen=True)
class Origin:
    """What a document says of where it comes from."""

    source: str
    repo: str
    stars: int | None = None
    commit_time: datetime | None = None
    license: str | None = None


@dataclass(frozen=True)
class RawFile:
    """One file as it was read: its bytes, or the error that came instead of them.

    `entry` is what it was listed as. `origin` and `language` are set only where a row of a data set brings
    its own.
    """

    entry: Entry
    content: bytes | Exception
    origin: Origin | None = None
    language: str | None = None


@runtime_checkable
class Tree(Protocol):
    """The files of one repository. Picklable: it holds where things are, never open handles."""

    def entries(self) -> Iterable[Entry]:
        """All entries, in any order; what cannot be listed is an entry with an error."""
        ...

    def seal(self, entries: Sequence[Entry]) -> tuple[Entry, ...]:
        """The entries with a digest of its content on each that will be read and has none yet."""
        ...

    def read(self, entries: Sequence[Entry]) -> Iterator[RawFile]:
        """Read entries that were listed, in their order; never raises for a single file.

        Each file of a bundle comes with an entry of its own.
        """
        ...


@dataclass(frozen=True)
class Repository:
    """One repository at one revision (a version or a commit; empty where there is none)."""

    name: str
    source: str
    revision: str
    tree: Tree
    license: str | None = None
    stars: int | None = None
    commit_time: datetime | None = None
    url: str | None = None

    @property
    def origin(self) -> Origin:
        """Origin of its documents."""
        return Origin(self.source, self.name, self.stars, self.commit_time, self.license)


class Source(Protocol):
    """Where repositories come from. Raises `InputError` when that place does not exist."""

    def repositories(self) -> list[Repository]:
        """The repositories as they are now."""
        ...


def digest_of(content: bytes, like: str = "sha256:") -> str | None:
    """Digest of file bytes in the scheme of `like`; None for a scheme that is not over a file's bytes.

    Schemes: `sha256`, and `git` for Git's object id (SHA-1, or SHA-256 in repositories that use it).
    """
    scheme, _, value = like.partition(":")
    if scheme == "sha256":
        return f"sha256:{hashlib.sha256(content).hexdigest()}"
    if scheme == "git":
        header = b"blob %d\0" % len(content)
        algorithm = hashlib.sha256 if len(value) == 64 else hashlib.sha1
        return f"git:{algorithm(header + content).hexdigest()}"
    return None


def sealed_by_reading(tree: Tree, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """What most trees do to seal: read entries that have no digest; one that cannot be read keeps none."""
    bare = [entry for entry in entries if not entry.digest]
    digests = {
        file.entry.path: digest_of(file.content) or ""
        for file in tree.read(bare)
        if isinstance(file.content, bytes)
    }
    return tuple(replace(entry, digest=digests.get(entry.path, entry.digest)) for entry in entries)


def printable(path: str) -> str:
    """A path as valid text: bytes of a file name that are not UTF-8 are written as `\\xNN`."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
