"""The setting that lists sources, as text.

Belongs here: its grammar. Items are separated by commas:

- `installed`: the standard library and every installed distribution
- `PATH`: a folder of repositories, one repository, or an archive
- `git+ADDRESS@REVISION`: a Git repository, local or cloned; without a revision its HEAD
- `sdist:NAME==VERSION`: a source distribution from the package index that pip is configured for
- `parquet:PATH`: a Parquet file, a folder of them or a pattern, in the columns of a public code data set
- `PROTOCOL://ADDRESS`: a folder of repositories on an object store that fsspec knows
"""

from __future__ import annotations

import re
from pathlib import Path

import fsspec

from opencoder_dag.errors import InputError
from opencoder_dag.settings import load_settings
from opencoder_dag.sources.archive import Archive
from opencoder_dag.sources.folder import Folder
from opencoder_dag.sources.git import GitRepository
from opencoder_dag.sources.installed import InstalledDistributions
from opencoder_dag.sources.parquet import Parquet
from opencoder_dag.sources.remote import RemoteFolder
from opencoder_dag.sources.sdist import SourceDistribution
from opencoder_dag.sources.source import Source
from opencoder_dag.sources.unpack import is_archive

_PINNED = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)==([A-Za-z0-9][A-Za-z0-9.+!_-]*)")


def sources_from_spec(spec: str, cache: Path | None = None) -> list[Source]:
    """Sources of a comma-separated list; raises `InputError` naming the item that is wrong.

    What has to be fetched is kept in `cache`, by default the folder `sources` of the home folder.
    """
    items = [item for part in spec.split(",") if (item := part.strip())]
    if not items:
        raise InputError("OPENCODER_SOURCES: empty; give 'installed' or the path of a folder")
    kept = cache or load_settings().home / "sources"
    return [_source(item, kept) for item in items]


def _source(item: str, cache: Path) -> Source:
    kind, colon, rest = item.partition(":")
    if item == "installed":
        return InstalledDistributions()
    if item.startswith("git+"):
        return _git(item, cache)
    if kind == "sdist" and colon:
        pinned = _PINNED.fullmatch(rest)
        if pinned is None:
            raise InputError(f"source {item}: give a pinned version, as in sdist:NAME==1.2.3")
        return SourceDistribution(pinned[1], pinned[2], cache)
    if kind == "parquet" and colon:
        if not rest:
            raise InputError(f"source {item}: give parquet:PATH")
        return Parquet(rest)
    if "://" in item:
        return _remote(item, kind)
    return Archive(item) if is_archive(item) and not Path(item).is_dir() else Folder(item)


def _remote(item: str, protocol: str) -> RemoteFolder:
    if protocol in ("http", "https", "ssh", "git"):
        raise InputError(f"source {item}: not a kind of source; for a Git repository write git+{item}@COMMIT")
    try:
        fsspec.get_filesystem_class(protocol)
    except (ValueError, ImportError) as error:
        raise InputError(f"source {item}: {' '.join(str(error).split())}") from None
    return RemoteFolder(item)


def _git(item: str, cache: Path) -> GitRepository:
    address = item.removeprefix("git+")
    # The last @ begins the revision, unless it belongs to the address (git@host:path, ssh://git@host/path).
    before, at, revision = address.rpartition("@")
    if at and before and "/" not in revision and ":" not in revision:
        address = before
    else:
        revision = ""
    if not address or address.startswith("-") or revision.startswith("-"):
        raise InputError(f"source {item}: give git+ADDRESS@REVISION")
    return GitRepository(address, revision, cache)
