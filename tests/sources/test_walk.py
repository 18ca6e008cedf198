"""Foreign trees: links, pipes, unreadable files, endless nesting."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from opencoder_dag.sources.decide import UnreadableError
from opencoder_dag.sources.source import Entry, RawFile
from opencoder_dag.sources.walk import MAX_DEPTH, Folders, read_bounded

as_root = os.geteuid() == 0


def test_links_are_listed_and_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text("x = 1\n")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "file.py").symlink_to(outside / "secret.py")
    (tree / "folder").symlink_to(outside)
    (tree / "loop").symlink_to(tree)
    (tree / "nowhere.py").symlink_to(tree / "gone")
    entries = sorted(Folders(str(tree)).entries(), key=lambda entry: entry.path)
    assert [entry.path for entry in entries] == ["file.py", "folder", "loop", "nowhere.py"]
    assert {entry.removed for entry in entries} == {"symbolic_link"}
    assert isinstance(read_bounded(tree / "file.py", 100), UnreadableError)


def test_what_is_no_file_is_an_error_and_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.py"))
        entries = list(Folders(str(tmp_path)).entries())
    assert [(entry.path, entry.error) for entry in entries] == [
        ("pipe.py", "not a regular file"),
        ("socket.py", "not a regular file"),
    ]
    assert isinstance(read_bounded(tmp_path / "pipe.py", 100), UnreadableError)


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory where there is one: making 10,000 folders on a busy disk takes half a minute."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(dir=place))
    yield folder
    subprocess.run(["rm", "-r", folder], check=True)  # paths may be too long for Python's own ways


def test_ten_thousand_nested_folders_are_refused_where_they_get_deep(memory: Path) -> None:
    (memory / "good.py").write_text("x = 1\n")
    here = os.open(memory, os.O_RDONLY)
    for _ in range(10_000):
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    entries = list(Folders(str(memory)).entries())
    assert [entry.path for entry in entries if not entry.error] == ["good.py"]
    assert [entry.path.count("/") for entry in entries if entry.error] == [MAX_DEPTH]


def test_reads_are_bounded_and_errors_are_values(tmp_path: Path) -> None:
    (tmp_path / "large.py").write_bytes(b"x" * 101)
    assert isinstance(read_bounded(tmp_path / "large.py", 100), UnreadableError)
    assert read_bounded(tmp_path / "large.py", 101) == b"x" * 101
    tree = Folders(str(tmp_path))
    read = list(tree.read([Entry("gone.py", 5), Entry("large.py", 101)]))
    assert [type(file.content) for file in read] == [UnreadableError, bytes]


@pytest.mark.skipif(as_root, reason="root may read everything")
def test_what_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x")
    (tmp_path / "a.py").chmod(0)
    (tmp_path / "folder").mkdir(mode=0)
    tree = Folders(str(tmp_path))
    entries = list(tree.entries())
    assert [(entry.path, bool(entry.error)) for entry in entries] == [("a.py", False), ("folder", True)]
    assert isinstance(next(tree.read(entries[:1])).content, UnreadableError)
    (tmp_path / "folder").chmod(0o700)


def test_names_that_are_not_text_can_be_read(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.py")
    (tmp_path / name).write_text("x = 1\n")
    tree = Folders(str(tmp_path))
    (entry,) = tree.entries()
    assert list(tree.read([entry])) == [RawFile(entry, b"x = 1\n")]
