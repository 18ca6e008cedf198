"""Repositories as samples: files in the order of their imports, each as often as the mix says."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import ValidationError

from opencoder_dag.recipe import Train
from opencoder_dag.train import TrainJob, data
from opencoder_dag.train.data import PackedData
from opencoder_dag.train.encode import Encoder
from opencoder_dag.train.prepare import prepare
from opencoder_dag.train.repositories import File, repository_samples
from tests.train.conftest import World, place, write_dataset

BASE = File("r", "base.py", "1", "X = 1\n", (2, 0))
MIDDLE = File("r", "middle.py", "2", "import base\n", (1, 1))
TOP = File("r", "a_top.py", "3", "import middle\n", (1, 1))


def taken(files: list[File]) -> list[tuple[int, list[str]]]:
    written: list[list[str]] = []

    def add(chosen: object) -> tuple[int, int]:
        written.append([file.path for file in chosen])  # type: ignore[attr-defined]
        return len(written) - 1, 1

    return [(phase, written[span[0]]) for phase, _, span in repository_samples(files, "pagerank", 2, add)]


def test_imported_files_come_first_and_repetitions_have_what_is_repeated() -> None:
    expected = [
        (0, ["base.py", "middle.py", "a_top.py"]),
        (0, ["base.py"]),
        (1, ["middle.py", "a_top.py"]),
    ]
    assert taken([TOP, BASE, MIDDLE]) == expected
    assert taken([MIDDLE, TOP, BASE]) == expected


def test_the_training_data_has_repositories_in_one_piece(world: World, tmp_path: Path) -> None:
    table = world.mix.read()
    half = table.num_rows // 2
    repos = ["one"] * half + ["two"] * (half - 1) + [""] * (table.num_rows - 2 * half + 1)
    index = table.column_names.index("repo")
    table = table.set_column(index, table.schema.field(index), pa.array(repos, pa.string()))
    parts = [("whole", table), ("left", table.slice(0, 7)), ("right", table.slice(7))]
    shards = {name: write_dataset(world.lake, f"ordered_{name}", part).shards()[0] for name, part in parts}
    job = world.base(
        tmp_path, tokens=10**9, anneal_tokens=10**9, sequence=4096, repository_order="feedback_arc"
    )
    first = opened(job, tmp_path / "1", [shards["whole"]])
    second = opened(job, tmp_path / "2", [shards["right"], shards["left"]])
    for phase in ("stable", "anneal"):
        assert data.phase_digest(first.folder, phase) == data.phase_digest(second.folder, phase)
    # Each phase: both repositories whole, and in the first phase again what is repeated; loose files alone.
    loose = sum(table["pretrain"].to_pylist()[2 * half - 1 :])
    assert first.index["phases"]["stable"]["taken"] == 4 + loose
    counted = sum(map(len, _encoded(job, table)))
    assert first.index["phases"]["stable"]["tokens"] == counted


def _encoded(job: TrainJob, table: pa.Table) -> list[list[int]]:
    encoder = Encoder(job.tokenizer)
    found = encoder.documents(table["content"].to_pylist())
    times = table["pretrain"].to_pylist()
    return [list(one.ids) for one, count in zip(found, times, strict=True) for _ in range(count)]


def opened(job: TrainJob, folder: Path, documents: list[str]) -> PackedData:
    moved = place(job, folder).model_copy(update={"documents": documents})
    return PackedData(prepare(moved, Encoder(job.tokenizer)))


def test_rearranged_files_are_refused() -> None:
    with pytest.raises(ValidationError, match="fim_rate 0"):
        Train(repository_order="pagerank", fim_rate=0.5)
    assert "repository_order" not in Train().config()
