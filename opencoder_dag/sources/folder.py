"""A folder as a source: its subfolders are repositories, or it is one repository itself.

Belongs here: telling the two apart, and what a Git checkout says of itself. Walking is `walk.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from opencoder_dag.errors import InputError
from opencoder_dag.sources.archive import Archive
from opencoder_dag.sources.decide import MAX_FILE_BYTES
from opencoder_dag.sources.git import checkout
from opencoder_dag.sources.licenses import license_file, named
from opencoder_dag.sources.source import Repository, printable
from opencoder_dag.sources.stars import stars_of
from opencoder_dag.sources.unpack import is_archive
from opencoder_dag.sources.walk import Folders, read_bounded

# What tools put into a working tree: not its source, and often not its own.
NOT_SOURCE = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        "__pycache__",
        "node_modules",
        ".tox",
        ".nox",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
    }
)
PROJECT_FILES = (".git", "pyproject.toml", "setup.py", "package.json", "Cargo.toml", "go.mod", "pom.xml")


@dataclass(frozen=True)
class Folder:
    """A folder of repositories, or one repository.

    It is one repository when it holds one of `PROJECT_FILES`. Otherwise each subfolder and each archive in it
    is a repository, and the files beside them are one named after the folder.
    """

    path: str

    def repositories(self) -> list[Repository]:
        """The repositories by name; raises `InputError` when the folder is not there."""
        root = Path(self.path).expanduser()
        if not root.is_dir():
            raise InputError(
                f"source {self.path}: no such folder" if not root.exists() else self._no_folder()
            )
        try:
            inside = sorted(root.iterdir())
        except OSError as error:
            raise InputError(f"source {self.path}: cannot be listed ({error.strerror})") from None
        folders = [item for item in inside if item.is_dir() and not item.is_symlink()]
        folders = [item for item in folders if item.name not in NOT_SOURCE]
        if any((root / name).exists() for name in PROJECT_FILES):
            return [_repository(root)]
        archives = [item for item in inside if is_archive(item.name) and item.is_file()]
        packed = [repository for path in archives for repository in Archive(str(path)).repositories()]
        # Files beside the subfolders and archives are a repository of their own.
        loose = _repository(root, flat=True, beside=frozenset(path.name for path in archives))
        has_loose = len(inside) > len(folders) + len(archives)
        return [*([loose] if has_loose else []), *packed, *map(_repository, folders)]

    def _no_folder(self) -> str:
        return f"source {self.path}: is a file; give the folder that holds it"


def _license(folder: Path) -> str | None:
    try:
        name = license_file(item.name for item in folder.iterdir())
    except OSError:
        return None
    content = read_bounded(folder / name, MAX_FILE_BYTES) if name else b""
    return named(content.decode("utf-8", "replace")) if isinstance(content, bytes) else None


def _repository(folder: Path, flat: bool = False, beside: frozenset[str] = frozenset()) -> Repository:
    head = None if flat else checkout(folder)
    return Repository(
        name=printable(folder.absolute().name) or "root",
        source="folder",
        revision=head.commit if head else "",
        license=_license(folder),
        tree=Folders(str(folder.absolute()), skip=NOT_SOURCE | beside, flat=flat),
        stars=stars_of([head.remote]) if head else None,
        commit_time=head.commit_time if head else None,
        url=head.remote if head else None,
    )
