"""Bad input from the command line: one line, exit status 2, nothing lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[1]


def command(home: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("OPENCODER_")}
    return subprocess.run(
        [sys.executable, "-m", "opencoder_dag.cli", *arguments],
        cwd=ROOT,
        env={**clean, "OPENCODER_HOME": str(home), "OPENCODER_DASK_WORKERS": "1", **env},
        capture_output=True,
        text=True,
        timeout=120,
    )


def refused(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1, done.stderr
    for part in parts:
        assert part in lines[0], done.stderr


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "extends: baseline\ntitle: t\ndedup: {simlarity: 0.5}",
            ("dedup.simlarity", "did you mean 'similarity'"),
        ),
        ("extends: baseline\ntitle: t\ntrain: {tokens: lots}", ("train.tokens", "integer")),
        ("extends: nobody\ntitle: t", ("no recipe 'nobody'",)),
        ("extends: mine\ntitle: t", ("cycle mine -> mine",)),
    ],
    ids=["unknown-key", "wrong-type", "no-parent", "cycle"],
)
def test_a_wrong_recipe(tmp_path, text, parts):
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "mine.yaml").write_text(text)
    done = command(tmp_path / "home", "run", "mine", OPENCODER_RECIPES=str(tmp_path / "recipes"))
    refused(done, "mine.yaml", *parts)
    assert not (tmp_path / "home").exists(), "nothing may run before the recipes are known to be right"


def test_an_unknown_recipe(tmp_path):
    refused(command(tmp_path / "home", "run", "basline"), "no recipe 'basline'", "did you mean 'baseline'")


def test_parquet_without_content(tmp_path):
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "in.parquet")
    done = command(tmp_path / "home", "dedup", str(tmp_path / "in.parquet"), "--out", str(tmp_path / "out"))
    refused(done, "in.parquet", "no column 'content'", "found: text")
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_damaged_parquet(tmp_path):
    (tmp_path / "in.parquet").write_bytes(b"PAR1" + os.urandom(500))
    done = command(tmp_path / "home", "dedup", str(tmp_path / "in.parquet"), "--out", str(tmp_path / "out"))
    assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "cannot be read as Parquet" in done.stderr


def test_missing_source_folder(tmp_path):
    done = command(tmp_path / "home", "collect", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out"))
    refused(done, str(tmp_path / "nowhere"))
    done = command(tmp_path / "home", "dedup", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out"))
    refused(done, str(tmp_path / "nowhere"), "no such file or folder")


def test_an_output_folder_of_another_run_is_not_overwritten(tmp_path):
    for name, words in (("a", "one two"), ("b", "three four")):
        pq.write_table(pa.table({"content": [words]}), tmp_path / f"{name}.parquet")
    out = str(tmp_path / "out")
    assert command(tmp_path / "home", "dedup", str(tmp_path / "a.parquet"), "--out", out).returncode == 0
    refused(
        command(tmp_path / "home", "dedup", str(tmp_path / "b.parquet"), "--out", out), "name another folder"
    )


def test_a_new_batch_is_compared_with_what_earlier_batches_left(tmp_path):
    old = "the quick brown fox jumps over the lazy dog and runs into the wood again"
    new = "a batch that nobody has seen before stands here alone with words of its own"
    for name, texts in (("old", [old]), ("new", [old, new])):
        pq.write_table(pa.table({"content": texts}), tmp_path / f"{name}.parquet")
    folders = {name: str(tmp_path / name) for name in ("first", "second", "third", "unmade")}

    def dedup(batch: str, out: str, *options: str) -> subprocess.CompletedProcess[str]:
        source = str(tmp_path / f"{batch}.parquet")
        return command(tmp_path / "home", "dedup", source, "--out", folders[out], *options)

    assert dedup("old", "first", "--remember").returncode == 0
    done = dedup("new", "second", "--remember", "--against", folders["first"])
    assert done.returncode == 0, done.stderr
    assert [row["content"] for row in rows(tmp_path / "second" / "kept")] == [new]
    (gone,) = rows(tmp_path / "second" / "removed")
    (kept,) = rows(tmp_path / "first" / "kept")
    assert json.loads(gone["evidence"])["duplicate_of"] == kept["doc_id"]
    done = dedup("new", "third", "--against", folders["first"], "--against", folders["second"])
    assert done.returncode == 0, done.stderr
    assert not rows(tmp_path / "third" / "kept")
    refused(dedup("new", "unmade", "--against", folders["third"]), "remembers nothing")


def test_hostile_files_are_judged_and_the_rest_goes_on(tmp_path):
    folder = tmp_path / "repos" / "project"
    folder.mkdir(parents=True)
    (folder / "good.py").write_text("def add(a, b):\n    return a + b\n")
    (folder / "noise.py").write_bytes(bytes(range(256)) * 40)
    (folder / "latin.py").write_bytes("# caf\xe9 is no UTF-8\n".encode("latin-1"))
    (folder / "line.py").write_bytes(b"x" * 50_000_000)
    (folder / "empty.py").write_bytes(b"")
    out = tmp_path / "out"
    done = command(tmp_path / "home", "collect", str(tmp_path / "repos"), "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    manifest = json.loads(done.stdout)
    assert manifest["counts"]["in"] == 5
    assert [row["path"] for row in rows(out / "kept")] == ["good.py"]
    removed = {row["path"]: row["reason"] for row in rows(out / "removed")}
    quarantined = {row["path"]: row["error"] for row in rows(out / "quarantined")}
    assert removed == {"line.py": "file_too_large", "empty.py": "empty_file"}
    assert set(quarantined) == {"noise.py", "latin.py"}
    assert all("\n" not in error for error in quarantined.values())


def rows(folder: Path) -> list[dict]:
    return [row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def test_help_names_every_stage(tmp_path):
    text = command(tmp_path / "home", "--help").stdout
    for name in (
        "run",
        "ui",
        "collect",
        "recall",
        "dedup",
        "filter",
        "mix",
        "train",
        "instruct",
        "sft",
        "evaluate",
        "report",
    ):
        assert f" {name} " in text


def test_definitions_validate_from_another_folder(tmp_path):
    binary = Path(sys.executable).parent / "dagster"
    done = subprocess.run(
        [str(binary), "definitions", "validate", "-w", str(ROOT / "workspace.yaml")],
        cwd=tmp_path,
        env={**os.environ, "OPENCODER_HOME": str(tmp_path / "home"), "DAGSTER_HOME": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "successful" in done.stderr + done.stdout


def test_what_a_mix_needs_later_stays_beside_it(tmp_path):
    """Stage commands in a chain, on the user's own folder: the tokenizer is there for `train`."""
    package = Path(json.__file__).parent
    environment = {"OPENCODER_SCALE": "smoke"}
    for arguments in (
        ("collect", str(package), "--out", str(tmp_path / "raw")),
        ("mix", str(tmp_path / "raw"), "--out", str(tmp_path / "mixed")),
        ("instruct", str(tmp_path / "raw"), "--out", str(tmp_path / "items")),
    ):
        done = command(tmp_path / "home", *arguments, **environment)
        assert done.returncode == 0, done.stderr
    stages = {"mixed": "annealing_mix", "mixed/tokenizer": "tokenizer", "items": "instruct_data"}
    for folder, stage in stages.items():
        assert json.loads((tmp_path / folder / "manifest.json").read_text())["stage"] == stage
    assert (tmp_path / "mixed" / "tokenizer" / "tokenizer.json").exists()
    nothing = command(
        tmp_path / "home", "train", str(tmp_path / "items"), "--out", str(tmp_path / "base"), **environment
    )
    refused(nothing, f"{tmp_path}/items/tokenizer", "manifest")


def test_a_file_where_a_folder_should_be_written(tmp_path):
    (tmp_path / "out").write_text("mine")
    refused(command(tmp_path / "home", "collect", str(tmp_path), "--out", str(tmp_path / "out")), "is a file")
    assert (tmp_path / "out").read_text() == "mine"
