"""A folder of repositories on an object store, or on any other file system that fsspec knows.

Belongs here: the same listing as `folder.py` has for local folders, over fsspec.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import fsspec

from opencoder_dag.errors import InputError
from opencoder_dag.sources.decide import MAX_FILE_BYTES, UnreadableError
from opencoder_dag.sources.folder import NOT_SOURCE
from opencoder_dag.sources.source import Entry, RawFile, Repository, printable, sealed_by_reading


@dataclass(frozen=True)
class RemoteFiles:
    """The files below an address; with `flat` only those directly in it."""

    url: str
    flat: bool = False

    def entries(self) -> Iterable[Entry]:
        """Entries by path below the address, with the store's own content tag where it keeps one."""
        fs, root = fsspec.core.url_to_fs(self.url)
        for path, about in fs.find(root, detail=True, maxdepth=1 if self.flat else None).items():
            name = path.removeprefix(root.rstrip("/")).lstrip("/")
            if not NOT_SOURCE.isdisjoint(name.split("/")) or not name:
                continue
            tag = about.get("ETag")
            yield Entry(name, int(about.get("size") or 0), digest=f"etag:{tag}" if tag else "")

    def seal(self, entries: Sequence[Entry]) -> tuple[Entry, ...]:
        """The entries with a digest on each; what the store has no tag for is read."""
        return sealed_by_reading(self, entries)

    def read(self, entries: Sequence[Entry]) -> Iterator[RawFile]:
        """Read files one by one."""
        fs, root = fsspec.core.url_to_fs(self.url)
        for entry in entries:
            try:
                content = fs.cat_file(f"{root.rstrip('/')}/{entry.path}", end=MAX_FILE_BYTES + 1)
            except (FileNotFoundError, PermissionError) as error:
                # Anything else, such as a store that does not answer, fails the task: it is tried again.
                yield RawFile(entry, UnreadableError(f"{type(error).__name__}: {error}"))
                continue
            yield RawFile(entry, content)


@dataclass(frozen=True)
class RemoteFolder:
    """A folder whose subfolders are repositories; files beside them are one named after the folder."""

    url: str

    def repositories(self) -> list[Repository]:
        """The repositories by name; raises `InputError` when nothing is at the address."""
        fs, root = fsspec.core.url_to_fs(self.url)
        try:
            inside = fs.ls(root, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(f"source {self.url}: no such folder") from None
        except Exception as error:  # each store has errors of its own kind
            raise InputError(
                f"source {self.url}: {type(error).__name__}: {' '.join(str(error).split())}"
            ) from None
        folders = [about["name"].rstrip("/") for about in inside if about["type"] == "directory"]
        found = [
            _repository(fs.unstrip_protocol(path))
            for path in sorted(folders)
            if path.rsplit("/", 1)[-1] not in NOT_SOURCE
        ]
        if any(about["type"] == "file" and about["name"].rstrip("/") != root.rstrip("/") for about in inside):
            found.insert(0, _repository(fs.unstrip_protocol(root), flat=True))
        return found


def _repository(url: str, flat: bool = False) -> Repository:
    name = printable(url.rstrip("/").rsplit("/", 1)[-1])
    return Repository(name=name, source="folder", revision="", tree=RemoteFiles(url, flat), url=url)
