"""Git sources on real repositories made for the test: local, bare, cloned, at a commit."""

from __future__ import annotations

import os
import pickle
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opencoder_dag.engine import SerialEngine
from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.lake import Lake
from opencoder_dag.sources import collect, sources_from_spec
from opencoder_dag.sources.git import GitRepository, GitTree, name_of, run_git, without_password
from opencoder_dag.sources.source import Entry, Repository


def git(folder: Path, *arguments: str, when: str = "2024-05-06T07:08:09+00:00") -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
           for what, value in (("NAME", "a"), ("EMAIL", "a@example.org"), ("DATE", when))},
    }  # fmt: skip
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, env=environment)
    return done.stdout.decode().strip()


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A repository with two commits and a tag on the first."""
    folder = tmp_path / "own"
    (folder / "pkg").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "pkg/a.py").write_text("x = 1\n")
    (folder / os.fsdecode(b"caf\xe9.py")).write_text("y = 1\n")
    (folder / "link.py").symlink_to("/etc/passwd")
    (folder / "LICENSE").write_text(
        "Permission is hereby granted, free of charge, to any person obtaining a copy"
    )
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    git(folder, "tag", "v1")
    (folder / "pkg/a.py").write_text("x = 2\n")
    (folder / "pkg/big.py").write_text("z = 3\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "second", when="2024-06-01T00:00:00+00:00")
    (folder / "pkg/a.py").write_text("not committed\n")
    return folder


def only(address: str | Path, revision: str = "", cache: Path = Path("/nowhere")) -> Repository:
    (repository,) = GitRepository(str(address), revision, cache).repositories()
    return repository


def test_a_commit_is_read_from_the_object_store(work: Path) -> None:
    head = only(work)
    assert head.revision == git(work, "rev-parse", "HEAD")
    assert head.commit_time == datetime(2024, 6, 1, tzinfo=UTC)
    assert head.license == "MIT"
    entries = {entry.path: entry for entry in head.tree.entries()}
    assert sorted(entries) == ["LICENSE", os.fsdecode(b"caf\xe9.py"), "link.py", "pkg/a.py", "pkg/big.py"]
    assert entries["link.py"].removed == "symbolic_link"
    wanted = [entries["pkg/big.py"], entries["pkg/a.py"], Entry("gone.py", 1, digest="git:" + "0" * 40)]
    contents = [file.content for file in head.tree.read([*wanted, entries["pkg/a.py"]])]
    assert contents[:2] == [b"z = 3\n", b"x = 2\n"]
    assert isinstance(contents[2], Exception)
    assert contents[3] == b"x = 2\n"
    assert pickle.loads(pickle.dumps(head)) == head


def test_revisions_are_tags_branches_and_commits(work: Path) -> None:
    first = git(work, "rev-parse", "v1")
    for revision in ("v1", first, first[:10], "HEAD~1"):
        assert only(work, revision).revision == first
    assert only(work, "main").revision != first
    for wrong in ("v2", "--help", "HEAD~9"):
        with pytest.raises(InputError, match="no commit"):
            only(work, wrong)


def test_a_bare_repository_and_a_clone_give_the_same_documents(work: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(work), str(tmp_path / "own.git"))
    digests = set()
    for number, item in enumerate([f"git+{work}", f"git+{tmp_path / 'own.git'}@main"]):
        lake = Lake(str(tmp_path / f"lake{number}"))
        data = collect(lake, sources_from_spec(item, tmp_path), 10**6, 10**6, SerialEngine())
        assert {row["commit_time"] for row in data.read().to_pylist()} == {datetime(2024, 6, 1, tzinfo=UTC)}
        assert sorted(data.read()["path"].to_pylist()) == ["LICENSE", "caf\\xe9.py", "pkg/a.py", "pkg/big.py"]
        assert data.manifest.reasons == {"symbolic_link": 1}
        digests.add(data.digest)
    assert len(digests) == 1
    cloned = only(f"file://{work}", "v1", tmp_path / "cache")
    assert cloned.name.endswith("/own")
    assert cloned.url == f"file://{work}"


def test_a_clone_is_asked_again_only_for_what_it_lacks(work: Path, tmp_path: Path) -> None:
    cache, address = tmp_path / "cache", f"file://{work}"
    before = only(address, "", cache).revision
    git(work, "commit", "-qam", "third")
    after = only(address, "", cache)
    assert after.revision == git(work, "rev-parse", "HEAD") != before
    assert len(list(after.tree.entries())) == 5
    away = work.rename(tmp_path / "away")
    assert only(address, before, cache).revision == before  # a commit that is there needs nobody
    with pytest.raises(InputError, match=r"source git\+file://"):
        only(address, "main", cache)
    assert not [path for path in (cache / "git").iterdir() if path.name.endswith(".tmp")]
    away.rename(work)


def test_submodules_and_large_file_pointers_are_removed(work: Path, tmp_path: Path, lake: Lake) -> None:
    commit = git(work, "rev-parse", "HEAD")
    git(work, "update-index", "--add", "--cacheinfo", f"160000,{commit},vendored")
    (work / "weights.json").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    git(work, "add", "weights.json")
    git(work, "commit", "-qm", "fourth")
    data = collect(lake, sources_from_spec(f"git+{work}", tmp_path), 10**6, 10**6, SerialEngine())
    assert data.manifest.reasons == {"git_lfs_pointer": 1, "submodule": 1, "symbolic_link": 1}


def test_wrong_addresses_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"git\+/no/such"):
        only("/no/such")
    with pytest.raises(InputError, match=r"source git\+file:///no/such"):
        only("file:///no/such", cache=tmp_path)
    (tmp_path / "plain").mkdir()
    with pytest.raises(InputError, match="no commit"):
        only(tmp_path / "plain")


def test_no_transport_runs_while_reading(work: Path) -> None:
    with pytest.raises(OpencoderError, match="not allowed"):
        run_git(work, "fetch", f"file://{work}")
    with pytest.raises(OpencoderError, match="not allowed"):
        run_git(work, "fetch", "ext::sh -c true", transports="https:file")


def test_addresses() -> None:
    assert name_of("https://github.com/own/lib.git") == "own/lib"
    assert name_of("git@github.com:own/lib") == "own/lib"
    assert without_password("https://user:secret@example.org/own/lib") == "https://example.org/own/lib"
    assert without_password("https://example.org/a@b") == "https://example.org/a@b"
    assert without_password("/a/path") == "/a/path"


def test_an_empty_tree(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-qm", "nothing", "--allow-empty")
    repository = only(tmp_path)
    assert list(repository.tree.entries()) == []
    assert list(GitTree(str(tmp_path), repository.revision).read([])) == []
