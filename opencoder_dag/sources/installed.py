"""The code that is on every machine: the Python standard library and each installed distribution.

A distribution counts as a repository, with version, licence and project address from its metadata and its
files from its RECORD. Belongs here: reading that metadata. What the installer made on this machine (byte
code, scripts with the path of the environment, its own notes) is not listed, so that the same distributions
give the same data wherever they are installed.
"""

from __future__ import annotations

import base64
import csv
import json
import platform
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageMetadata, distributions
from pathlib import Path

from opencoder_dag.sources.decide import MAX_FILE_BYTES
from opencoder_dag.sources.source import Entry, RawFile, Repository, sealed_by_reading
from opencoder_dag.sources.stars import github_project, stars_of
from opencoder_dag.sources.walk import Folders, read_bounded

THIS_PROJECT = "opencoder-dag"
MADE_BY_INSTALLERS = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"})
NOT_LIBRARY = frozenset({"site-packages", "dist-packages", "__pycache__"})
URL_LABELS = ("source", "source code", "repository", "code", "github", "homepage", "home")


@dataclass(frozen=True)
class InstalledFiles:
    """The files of a distribution as its RECORD lists them, below the folder it is installed in."""

    root: str
    record: str

    def entries(self) -> Iterable[Entry]:
        """Entries with the digests of RECORD; a size that it leaves out is taken from the file."""
        with Path(self.record).open(encoding="utf-8", errors="surrogateescape", newline="") as handle:
            for row in csv.reader(handle):
                path, recorded, size = (*row, "", "")[:3]
                if path and not _made_here(path):
                    yield Entry(
                        path, int(size) if size.isdigit() else self._size(path), _hex_digest(recorded)
                    )

    def seal(self, entries: Sequence[Entry]) -> tuple[Entry, ...]:
        """The entries with digests of their content."""
        return sealed_by_reading(self, entries)

    def read(self, entries: Sequence[Entry]) -> Iterator[RawFile]:
        """Read files; links are followed, because RECORD says what they must hold."""
        for entry in entries:
            yield RawFile(entry, read_bounded(Path(self.root, entry.path), MAX_FILE_BYTES, links=True))

    def _size(self, path: str) -> int:
        try:
            return (Path(self.root) / path).stat().st_size
        except OSError:
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
        for distribution in distributions(path=_site_folders()):
            repository = _repository(distribution)
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


def _site_folders() -> list[str]:
    """The site folders among the import paths; not the current folder, whose content is anybody's."""
    return [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]


def _repository(distribution: Distribution) -> Repository | None:
    metadata = distribution.metadata
    name = re.sub(r"[-_.]+", "-", _field(metadata, "Name") or "").lower()
    record = _record(distribution)
    if not name or name == THIS_PROJECT or record is None or _is_editable(distribution):
        return None
    urls = project_urls(metadata.get_all("Project-URL") or [], _field(metadata, "Home-page"))
    return Repository(
        name=name,
        source="installed",
        revision=distribution.version,
        tree=InstalledFiles(str(Path(record).parent.parent), record),
        license=license_of(
            _field(metadata, "License-Expression"),
            metadata.get_all("Classifier") or [],
            _field(metadata, "License"),
        ),
        stars=stars_of(urls),
        url=next((url for url in urls if github_project(url)), urls[0] if urls else None),
    )


def _field(metadata: PackageMetadata, name: str) -> str | None:
    return next(iter(metadata.get_all(name) or []), None)


def project_urls(labelled: Sequence[str], home_page: str | None) -> list[str]:
    """Addresses of a project, the likeliest one of its code first. `labelled` are `Label, URL` fields."""
    pairs = [
        (label.strip().lower(), url.strip()) for label, _, url in (field.partition(",") for field in labelled)
    ]
    order = {label: rank for rank, label in enumerate(URL_LABELS)}
    known = sorted((order[label], url) for label, url in pairs if label in order and url)
    other = [url for label, url in pairs if label not in order and url]
    home = [home_page] if home_page and home_page != "UNKNOWN" else []
    return [*(url for _, url in known), *home, *other]


def license_of(expression: str | None, classifiers: Sequence[str], text: str | None) -> str | None:
    """Licence as stated: the SPDX expression, else the classifiers, else a short `License` field."""
    if expression:
        return expression.strip()
    stated = [line.rsplit("::", 1)[-1].strip() for line in classifiers if line.startswith("License ::")]
    stated = [name for name in stated if name != "OSI Approved"]
    if stated:
        return " AND ".join(sorted(stated))
    first = (text or "").strip()
    return first if first and "\n" not in first and len(first) <= 80 and first != "UNKNOWN" else None


def _record(distribution: Distribution) -> str | None:
    # `locate_file("")` is the site folder; the metadata folder's own name is not public, RECORD lists it.
    for file in distribution.files or []:
        if file.name == "RECORD" and file.parent.name.endswith(".dist-info") and len(file.parts) == 2:
            path = Path(str(distribution.locate_file(file)))
            return str(path) if path.is_file() else None
    return None


def _is_editable(distribution: Distribution) -> bool:
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    except ValueError:
        return False
    return bool(isinstance(origin, dict) and origin.get("dir_info", {}).get("editable"))


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
