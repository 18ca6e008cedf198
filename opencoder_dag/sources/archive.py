"""An archive as one repository.

Belongs here: the tree over `unpack.py`. Members are read from the archive itself wherever a task runs;
nothing is unpacked to disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from opencoder_dag.errors import InputError
from opencoder_dag.sources.decide import UnreadableError, cost
from opencoder_dag.sources.source import Entry, RawFile, Repository, digest_of, sealed_by_reading
from opencoder_dag.sources.unpack import SUFFIXES, ArchiveError, BombError, Member, members


@dataclass(frozen=True)
class ArchiveTree:
    """The members of an archive; with `strip_top` their paths lose the first folder, that of the version."""

    archive: str
    strip_top: bool = False

    def entries(self) -> Iterable[Entry]:
        """Members with digests of their content; of a bomb only one entry, with the error."""
        found: list[Entry] = []
        try:
            for member in members(Path(self.archive)):
                found.append(self._entry(member))
        except BombError as error:
            return [self._refused(error)]
        except (ArchiveError, OSError) as error:
            found.append(self._refused(error))
        return found

    def _entry(self, member: Member) -> Entry:
        entry = Entry(self._path(member.name), member.size, error=member.error)
        if not cost(entry):
            return entry
        try:
            return replace(entry, digest=digest_of(member.load()) or "")
        except BombError:
            raise
        except ArchiveError as error:
            return replace(entry, error=str(error))

    def seal(self, entries: Sequence[Entry]) -> tuple[Entry, ...]:
        """The entries as they are: listing read them already."""
        return sealed_by_reading(self, entries)

    def read(self, entries: Sequence[Entry]) -> Iterator[RawFile]:
        """Read members in one pass over the archive."""
        wanted = {entry.path for entry in entries}
        contents: dict[str, bytes | Exception] = {}
        try:
            for member in members(Path(self.archive)):
                path = self._path(member.name)
                if path in wanted and path not in contents and not member.error:
                    contents[path] = member.load()
                    if len(contents) == len(wanted):
                        break
        except (ArchiveError, OSError) as error:
            problem: Exception = UnreadableError(str(error))
        else:
            problem = UnreadableError("not in the archive any more")
        return (RawFile(entry, contents.get(entry.path, problem)) for entry in entries)

    def _path(self, name: str) -> str:
        return name.split("/", 1)[1] if self.strip_top and "/" in name else name

    def _refused(self, error: Exception) -> Entry:
        return Entry(Path(self.archive).name, 0, error=f"{type(error).__name__}: {error}")


@dataclass(frozen=True)
class Archive:
    """One archive as a repository named after its file."""

    path: str

    def repositories(self) -> list[Repository]:
        """The repository; raises `InputError` when the archive is not there."""
        path = Path(self.path).expanduser().absolute()
        if not path.is_file():
            raise InputError(f"source {self.path}: no such archive")
        suffix = max((each for each in SUFFIXES if path.name.lower().endswith(each)), key=len, default="")
        name = path.name[: len(path.name) - len(suffix)] or path.name
        return [Repository(name=name, source="archive", revision="", tree=ArchiveTree(str(path)))]
