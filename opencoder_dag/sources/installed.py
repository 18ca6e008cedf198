"""The code that is on every machine: the Python standard library and each installed distribution.

A distribution counts as a repository, with version, licence and project address from its metadata and its
files from its RECORD. Belongs here: finding and listing them. What the installer made on this machine (byte
code, scripts with the path of the environment, its own notes) is not listed, so that the same distributions
give the same data wherever they are installed.
"""

from __future__ import annotations

import base64
import csv
import json
import platform
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from opencoder_dag.sources.decide import MAX_FILE_BYTES
from opencoder_dag.sources.metadata import parse_metadata
from opencoder_dag.sources.source import Entry, RawFile, Repository, sealed_by_reading
from opencoder_dag.sources.stars import stars_of
from opencoder_dag.sources.walk import Folders, read_bounded

THIS_PROJECT = "opencoder-dag"
MADE_BY_INSTALLERS = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"})
NOT_LIBRARY = frozenset({"site-packages", "dist-packages", "__pycache__"})


@dataclass(frozen=True)
class InstalledFiles:
    """The files of a distribution as its RECORD lists them, below the folder it is installed in."""

    root: str
    record: str

    def entries(self) -> Iterable[Entry]:
        """Entries with the digests of RECORD; a size that it leaves out is taken from the file."""
        try:
            with Path(self.record).open(encoding="utf-8", errors="surrogateescape", newline="") as handle:
                seen: set[str] = set()
                for row in csv.reader(handle):
                    path, recorded, size = (*row, "", "", "")[:3]
                    if path and path not in seen and not _made_here(path):
                        seen.add(path)
                        yield Entry(path, self._size(path, size), _hex_digest(recorded))
        except (OSError, ValueError, csv.Error) as error:
            yield Entry("RECORD", 0, error=f"{type(error).__name__}: {error}")

    def seal(self, entries: Sequence[Entry]) -> tuple[Entry, ...]:
        """The entries with digests of their content."""
        return sealed_by_reading(self, entries)

    def read(self, entries: Sequence[Entry]) -> Iterator[RawFile]:
        """Read files; links are followed, because RECORD says what they must hold."""
        for entry in entries:
            yield RawFile(entry, read_bounded(Path(self.root, entry.path), MAX_FILE_BYTES, links=True))

    def _size(self, path: str, listed: str) -> int:
        if listed.isascii() and listed.isdecimal():
            return int(listed[:18])
        try:
            return Path(self.root, path).stat().st_size
        except (OSError, ValueError):
            return 1  # it is listed and cannot be read: the reader says why


@dataclass(frozen=True)
class InstalledDistributions:
    """The Python standard library and every distribution in the site folders of this interpreter.

    Editable installations have no files of their own and this project is not part of its own corpus: both
    are left out.
    """

    def repositories(self) -> list[Repository]:
        """One repository a distribution (the first of each name, as Python imports it)."""
        found: dict[str, Repository] = {"python": standard_library()}
        for site in _site_folders():
            for information in sorted(site.glob("*.dist-info")):
                repository = _repository(information)
                if repository is not None:
                    found.setdefault(repository.name, repository)
        return list(found.values())


def standard_library() -> Repository:
    """The library of the running Python, as a repository named python."""
    url = "https://github.com/python/cpython"
    return Repository(
        name="python",
        source="installed",
        revision=platform.python_version(),
        tree=Folders(sysconfig.get_paths()["stdlib"], skip=NOT_LIBRARY),
        license="PSF-2.0",
        stars=stars_of([url]),
        url=url,
    )


def _site_folders() -> list[Path]:
    """The site folders among the import paths; not the current folder, whose content is anybody's."""
    return [path for path in map(Path, sys.path) if path.name in ("site-packages", "dist-packages")]


def _repository(information: Path) -> Repository | None:
    """The repository of a `.dist-info` folder; None when it is not complete or not to be listed."""
    record = information / "RECORD"
    described = read_bounded(information / "METADATA", MAX_FILE_BYTES, links=True)
    if not isinstance(described, bytes) or not record.is_file() or _is_editable(information):
        return None
    metadata = parse_metadata(described.decode("utf-8", "replace"))
    if metadata.name in ("", THIS_PROJECT):
        return None
    return Repository(
        name=metadata.name,
        source="installed",
        revision=metadata.version,
        tree=InstalledFiles(str(information.parent), str(record)),
        license=metadata.license,
        stars=metadata.stars,
        url=metadata.url,
    )


def _is_editable(information: Path) -> bool:
    origin = read_bounded(information / "direct_url.json", MAX_FILE_BYTES, links=True)
    try:
        stated = json.loads(origin) if isinstance(origin, bytes) else {}
        return bool(stated.get("dir_info", {}).get("editable"))
    except (ValueError, AttributeError, RecursionError):
        return False


def _made_here(path: str) -> bool:
    parts = path.split("/")
    return (
        path.startswith("/")
        or ".." in parts
        or "__pycache__" in parts
        or path.endswith((".pyc", ".pyo"))
        or (parts[0].endswith(".dist-info") and parts[-1] in MADE_BY_INSTALLERS)
    )


def _hex_digest(recorded: str) -> str:
    algorithm, _, value = recorded.partition("=")
    if algorithm != "sha256" or not value:
        return ""
    try:
        return "sha256:" + base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex()
    except ValueError:
        return ""
