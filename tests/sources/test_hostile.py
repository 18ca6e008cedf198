"""One folder of everything that is meant to hurt: clear verdicts, nothing lost, the good files kept."""

from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from opencoder_dag.engine import DaskEngine, SerialEngine
from opencoder_dag.lake import Lake
from opencoder_dag.sources import Folder, collect, unpack

MEGABYTE = 1_000_000

# Name, content, and where the file has to end: kept, the reason of its removal, or quarantined.
FILES: list[tuple[str, bytes, str]] = [
    ("good.py", b"x = 1\n", "kept"),
    ("line.json", b'"' + b"x" * (79 * MEGABYTE // 10) + b'"', "kept"),
    ("line.m", b"%" * (79 * MEGABYTE // 10), "kept"),
    ("over.py", b"#" * (8 * MEGABYTE + 1), "file_too_large"),
    ("deep.py", b"(" * MEGABYTE + b")" * MEGABYTE, "kept"),
    ("deep.json", b"[" * MEGABYTE, "kept"),
    ("deep.ipynb", b'{"cells":' * 200_000, "quarantined"),
    ("broken.ipynb", b'{"cells": [', "quarantined"),
    ("odd.ipynb", json.dumps({"cells": {"a": 1}}).encode(), "empty_file"),
    ("surrogate.ipynb", b'{"cells": [{"cell_type": "code", "source": "x = \'\\ud800\'"}]}', "kept"),
    ("nul.py", b"x = 1\n\0\n", "quarantined"),
    ("surrogate.py", b"x = '\xed\xa0\x80'\n", "quarantined"),
    ("overlong.py", b"\xc0\xaf", "quarantined"),
    ("latin.py", "# größe\n".encode("latin-1"), "quarantined"),
    ("mixed.py", "größe\n".encode() + "größe\n".encode("latin-1"), "quarantined"),
    ("wide.py", "größe = 1\n".encode("utf-16"), "kept"),
    ("marks.py", "# \u202etxt.exe\u202c \u200f\n".encode(), "kept"),
    ("random.c", os.urandom(4096) + b"\0", "quarantined"),
    ("returns.py", b"\r" * MEGABYTE, "kept"),
    ("empty.py", b"", "empty_file"),
    ("table.csv", b"a,b\n", "excluded_type"),
    ("image.png", b"\x89PNG", "unknown_language"),
]


def tree(root: Path) -> Path:
    plain = root / "plain"
    plain.mkdir(parents=True)
    for name, content, _ in FILES:
        (plain / name).write_bytes(content)
    (plain / "link.py").symlink_to("/etc/passwd")
    os.mkfifo(plain / "pipe.py")
    deepest = plain.joinpath(*["d"] * 150)
    deepest.mkdir(parents=True)
    (deepest / "far.py").write_text("x = 1\n")
    with tarfile.open(root / "bomb.tar.gz", "w:gz") as archive:
        for number in range(80):
            info = tarfile.TarInfo(f"zeros{number}.py")
            info.size = 1 << 20
            archive.addfile(info, io.BytesIO(bytes(info.size)))
    with zipfile.ZipFile(root / "traversal.zip", "w") as packed:
        packed.writestr("../../up.py", "x = 1\n")
        packed.writestr("good.py", "y = 1\n")
    (root / "broken.tgz").write_bytes(b"\x1f\x8b\x08")
    return root


def test_each_has_a_clear_verdict(lake: Lake, tmp_path: Path) -> None:
    data = collect(lake, [Folder(str(tree(tmp_path / "src")))], 10**9, 4 * MEGABYTE, SerialEngine())
    counts = data.manifest.counts
    assert counts["in"] == counts["kept"] + counts["removed"] + counts["quarantined"]
    verdicts = {(row["repo"], row["path"]): "kept" for row in data.read(columns=["repo", "path"]).to_pylist()}
    for row in data.read("removed").to_pylist():
        verdicts[row["repo"], row["path"]] = row["reason"]
    errors = {(row["repo"], row["path"]): row["error"] for row in data.read("quarantined").to_pylist()}
    verdicts.update(dict.fromkeys(errors, "quarantined"))
    assert len(verdicts) == counts["in"]
    for name, _, expected in FILES:
        assert verdicts.pop(("plain", name)) == expected, name
    assert verdicts == {
        ("plain", "link.py"): "symbolic_link",
        ("plain", "pipe.py"): "quarantined",
        ("plain", "/".join(["d"] * 101)): "quarantined",
        ("bomb", "bomb.tar.gz"): "quarantined",
        ("broken", "broken.tgz"): "quarantined",
        ("traversal", "../../up.py"): "quarantined",
        ("traversal", "good.py"): "kept",
    }
    assert all("\n" not in error and len(error) < 300 for error in errors.values())


def test_workers_of_a_cluster_give_the_same(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    root = tmp_path / "src"
    for number in range(12):
        (root / f"repo{number}").mkdir(parents=True)
        (root / f"repo{number}/a.py").write_text(f"x = {number}\n" * 300)
        (root / f"repo{number}/b.bin").write_bytes(b"?")
    expected = collect(Lake(str(tmp_path / "one")), [Folder(str(root))], 10**9, 10_000, SerialEngine())
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1"
    )
    with cluster, distributed.Client(cluster) as client:
        data = collect(Lake(str(tmp_path / "two")), [Folder(str(root))], 10**9, 10_000, DaskEngine(client))
    assert data.digest == expected.digest
    assert data.manifest.counts == expected.manifest.counts


def test_limits_are_what_the_page_for_users_says() -> None:
    assert (unpack.MAX_RATIO, unpack.MAX_MEMBERS) == (200, 200_000)
