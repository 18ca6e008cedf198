"""Source distributions from the package index, by pinned name.

Belongs here: having the file (fetched once, kept in a cache) and reading its metadata. Its members are read
from the archive; no code of the package is run.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from opencoder_dag.errors import InputError
from opencoder_dag.sources.archive import ArchiveTree
from opencoder_dag.sources.decide import MAX_FILE_BYTES
from opencoder_dag.sources.metadata import normalised, parse_metadata
from opencoder_dag.sources.source import Entry, Repository
from opencoder_dag.sources.unpack import is_archive

TIMEOUT = 600  # seconds to fetch one file


@dataclass(frozen=True)
class SourceDistribution:
    """One release as a repository named after the project, its version as revision."""

    name: str
    version: str
    cache: Path

    def repositories(self) -> list[Repository]:
        """The repository; raises `InputError` when it cannot be had."""
        tree = ArchiveTree(str(self._file()), strip_top=True)
        (information,) = tree.read([Entry("PKG-INFO", MAX_FILE_BYTES)])
        content = information.content if isinstance(information.content, bytes) else b""
        metadata = parse_metadata(content.decode("utf-8", "replace"))
        return [
            Repository(
                name=normalised(self.name),
                source="sdist",
                revision=self.version,
                tree=tree,
                license=metadata.license,
                stars=metadata.stars,
                url=metadata.url,
            )
        ]

    def _file(self) -> Path:
        folder = self.cache / "sdists" / f"{self.name}=={self.version}"
        found = sorted(path for path in folder.glob("*") if is_archive(path.name))
        if found:
            return found[0]
        command = [
            sys.executable,
            "-m",
            "opencoder_dag.sources.pip_fetch",
            self.name,
            self.version,
            str(folder),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            raise InputError(f"{self._item()}: not fetched in {TIMEOUT} s") from None
        if done.returncode != 0:
            complaint = done.stderr.strip().splitlines() or ["no message"]
            raise InputError(f"{self._item()}: {complaint[-1]}")
        return Path(done.stdout.strip().splitlines()[-1])

    def _item(self) -> str:
        return f"source sdist:{self.name}=={self.version}"
