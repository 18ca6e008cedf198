"""Walking folders and reading files that nobody vouches for.

Belongs here: the care that foreign trees need. Links are never followed, only regular files are opened, depth
is bounded, no read goes beyond a limit, and what cannot be listed becomes an entry with an error.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opencoder_dag.sources.decide import MAX_FILE_BYTES, UnreadableError
from opencoder_dag.sources.source import Entry, RawFile, sealed_by_reading

MAX_DEPTH = 100  # folders below the root; deeper ones are refused as a whole


@dataclass(frozen=True)
class Folders:
    """The files below a folder; `skip` names what is not listed, `flat` enters no folder."""

    root: str
    skip: frozenset[str] = field(default_factory=frozenset)
    flat: bool = False

    def entries(self) -> Iterable[Entry]:
        """Entries by path relative to the root; only regular files are to be read.

        Virtual environments are not entered.
        """
        pending = [("", 0)]
        while pending:
            folder, depth = pending.pop()
            try:
                with os.scandir(Path(self.root, folder)) as items:
                    found = sorted(items, key=lambda item: item.name)
            except OSError as error:
                yield Entry(folder or ".", 0, error=_reason(error))
                continue
            if folder and any(item.name == "pyvenv.cfg" for item in found):
                continue  # a virtual environment: installed code of others
            for item in found:
                path = f"{folder}/{item.name}" if folder else item.name
                if item.name in self.skip:
                    continue
                if not item.is_dir(follow_symlinks=False):
                    yield _entry(path, item)
                elif self.flat:
                    continue
                elif depth + 1 > MAX_DEPTH:
                    yield Entry(path, 0, error=f"folders nested deeper than {MAX_DEPTH}; not entered")
                else:
                    pending.append((path, depth + 1))

    def seal(self, entries: Sequence[Entry]) -> tuple[Entry, ...]:
        """The entries with digests of their content."""
        return sealed_by_reading(self, entries)

    def read(self, entries: Sequence[Entry]) -> Iterator[RawFile]:
        """Read regular files, never through a link."""
        for entry in entries:
            yield RawFile(entry, read_bounded(Path(self.root, entry.path), MAX_FILE_BYTES))


def read_bounded(path: Path, limit: int, links: bool = False) -> bytes | Exception:
    """Bytes of a regular file of at most `limit` bytes, or the error that says why not.

    Opened without blocking (a pipe would hang) and, unless `links` is true, only if it is no link itself.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if links else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as error:
        return UnreadableError(_reason(error))
    with os.fdopen(descriptor, "rb") as handle:
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return UnreadableError("not a regular file")
            content = handle.read(limit + 1)
        except OSError as error:
            return UnreadableError(_reason(error))
    if len(content) > limit:
        return UnreadableError(f"grew beyond {limit} bytes since it was listed")
    return content


def _entry(path: str, item: os.DirEntry[str]) -> Entry:
    if item.is_symlink():
        return Entry(path, 0, removed="symbolic_link")
    try:
        state = item.stat(follow_symlinks=False)
    except OSError as error:
        return Entry(path, 0, error=_reason(error))
    if not stat.S_ISREG(state.st_mode):
        return Entry(path, 0, error="not a regular file")
    return Entry(path, state.st_size)


def _reason(error: Exception) -> str:
    """An operating system's complaint without the path, which the row names anyway."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
