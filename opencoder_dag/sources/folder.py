"""A folder as a source: its subfolders are repositories, or it is one repository itself.

Belongs here: telling the two apart, and what a Git checkout says of itself. Walking is `walk.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from opencoder_dag.errors import InputError
from opencoder_dag.sources.git import checkout
from opencoder_dag.sources.source import Repository, printable
from opencoder_dag.sources.stars import stars_of
from opencoder_dag.sources.walk import Folders

NOT_SOURCE = frozenset({".git", ".hg", ".svn", "__pycache__"})
PROJECT_FILES = (".git", "pyproject.toml", "setup.py", "package.json", "Cargo.toml", "go.mod", "pom.xml")


@dataclass(frozen=True)
class Folder:
    """A folder of repositories, or one repository.

    It is one repository when it has no subfolders or holds one of `PROJECT_FILES`. Otherwise each subfolder
    is a repository, and files beside them are one named after the folder.
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
        if not folders or any((root / name).exists() for name in PROJECT_FILES):
            return [_repository(root)]
        loose = [_repository(root, flat=True)] if len(inside) > len(folders) else []
        return loose + [_repository(folder) for folder in folders]

    def _no_folder(self) -> str:
        return f"source {self.path}: is a file; give the folder that holds it"


def _repository(folder: Path, flat: bool = False) -> Repository:
    head = None if flat else checkout(folder)
    return Repository(
        name=printable(folder.absolute().name) or "root",
        source="folder",
        revision=head.commit if head else "",
        tree=Folders(str(folder.absolute()), skip=NOT_SOURCE, flat=flat),
        stars=stars_of([head.remote]) if head else None,
        commit_time=head.commit_time if head else None,
        url=head.remote if head else None,
    )
