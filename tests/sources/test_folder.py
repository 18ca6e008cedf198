"""A folder of repositories, or one repository; what a Git checkout adds."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opencoder_dag.errors import InputError
from opencoder_dag.sources.folder import Folder


def names(path: Path) -> list[str]:
    return [repository.name for repository in Folder(str(path)).repositories()]


def listed(path: Path) -> dict[str, list[str]]:
    return {
        repository.name: sorted(entry.path for entry in repository.tree.entries())
        for repository in Folder(str(path)).repositories()
    }


def test_subfolders_are_repositories_and_loose_files_one_more(tmp_path: Path) -> None:
    root = tmp_path / "all"
    for name in ("one", "two"):
        (root / name / "deep").mkdir(parents=True)
        (root / name / "deep/a.py").write_text("x")
    assert names(root) == ["one", "two"]
    (root / "loose.py").write_text("x")
    assert listed(root) == {"all": ["loose.py"], "one": ["deep/a.py"], "two": ["deep/a.py"]}


def test_a_folder_of_files_or_a_project_is_one_repository(tmp_path: Path) -> None:
    root = tmp_path / "own"
    root.mkdir()
    (root / "a.py").write_text("x")
    assert names(root) == ["own"]
    (root / "COPYING").write_text("GNU GENERAL PUBLIC LICENSE\nVersion 2, June 1991\n")
    assert Folder(str(root)).repositories()[0].license == "GPL-2.0"
    (root / "COPYING").unlink()
    (root / "pkg").mkdir()
    (root / "pkg/b.py").write_text("x")
    (root / "pyproject.toml").write_text("x = 1")
    assert listed(root) == {"own": ["a.py", "pkg/b.py", "pyproject.toml"]}


def test_a_checkout_knows_its_commit_time_and_stars(tmp_path: Path) -> None:
    root = tmp_path / "rich"
    root.mkdir()
    (root / "a.py").write_text("x = 1\n")

    def git(*arguments: str) -> None:
        environment = {
            "GIT_COMMITTER_DATE": "2024-05-06T07:08:09+00:00",
            "GIT_AUTHOR_DATE": "2024-05-06T07:08:09+00:00",
            "PATH": "/usr/bin:/bin:/usr/local/bin",
            "HOME": str(tmp_path),
        }
        subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, env=environment)

    git("init", "-q")
    assert Folder(str(root)).repositories()[0].revision == ""  # no commit yet
    git("add", ".")
    git("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "first")
    git("remote", "add", "origin", "https://user:secret@github.com/Textualize/rich.git")
    (repository,) = Folder(str(root)).repositories()
    assert repository.commit_time == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert len(repository.revision) == 40
    assert repository.url == "https://github.com/Textualize/rich.git"
    assert repository.stars is not None
    assert repository.stars > 10_000
    assert [entry.path for entry in repository.tree.entries()] == ["a.py"]


def test_wrong_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"source .*gone: no such folder"):
        Folder(str(tmp_path / "gone")).repositories()
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=r"is a file"):
        Folder(str(tmp_path / "file")).repositories()
