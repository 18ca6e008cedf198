"""Fixtures that many tests share: an empty lake, small documents, the folder of real data if it is there."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from filelock import FileLock

from opencoder_dag.document import DOCUMENT_SCHEMA, QUARANTINED_SCHEMA, REMOVED_SCHEMA, Judged, document_row
from opencoder_dag.engine import SerialEngine
from opencoder_dag.lake import Dataset, Lake, Stage, sha256_text
from opencoder_dag.shards import finish, write_shard
from tests.homes import RECIPES, Home

# Nothing may ask a hub or phone home while tests run.
os.environ.update(
    HF_HUB_OFFLINE="1",
    DAGSTER_DISABLE_TELEMETRY="true",
    MLFLOW_DISABLE_TELEMETRY="true",
    DO_NOT_TRACK="true",
)


# Files that take minutes, before all others, so that the processes that take file after file end together
# with short ones. The first makes the home that the last of them read; those between need none.
LONG = (
    *(
        "graph/test_whole_graph.py",
        "train/test_launch.py",
        "graph/test_refresh.py",
        "resources/test_deepspeed.py",
    ),
    *("test_cli.py", "assets/test_materialization.py", "instruct/test_llm.py", "evaluate/test_load.py"),
    *("browser/test_pages.py", "graph/test_killed.py", "graph/test_services.py", "graph/test_workers.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first, in their order."""
    rank = {Path(__file__).parent / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path, len(LONG)))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def engine() -> SerialEngine:
    """Runs tasks in this process."""
    return SerialEngine()


MakeDataset = Callable[..., Dataset]


@pytest.fixture
def dataset_of(lake: Lake) -> MakeDataset:
    """A function that writes rows (dictionaries for `document_row`) as a dataset of so many shards."""

    def make(rows: list[dict], shards: int = 2, name: str = "given") -> Dataset:
        documents = [
            document_row(**{"source": "test", "language": "python", "doc_type": "code", **row})
            for row in rows
        ]
        table = pa.Table.from_pylist(documents, schema=DOCUMENT_SCHEMA)
        return write_dataset(lake, table, shards, name)

    return make


def write_dataset(lake: Lake, table: pa.Table, shards: int, name: str = "given") -> Dataset:
    """Write a table of documents as a finished dataset, cut into `shards` contiguous shards."""
    stage = Stage(name, "1", inputs={"rows": sha256_text(str(table["doc_id"].to_pylist()) + str(shards))})
    reports = []
    bounds = [round(index * table.num_rows / shards) for index in range(shards + 1)]
    for index, (start, stop) in enumerate(itertools.pairwise(bounds)):
        part = table.slice(start, stop - start)
        judged = Judged(part, REMOVED_SCHEMA.empty_table(), QUARANTINED_SCHEMA.empty_table(), {})
        task = _Given(f"part-{index:05d}.parquet")
        reports.append(write_shard(lake.folder(stage), task, judged, part.num_rows, 0))
    return finish(lake, stage, reports, 0.0)


@dataclass(frozen=True)
class _Given:
    name: str


@pytest.fixture
def shared() -> Path:
    """The folder of real pages and evaluation sets beside the checkout."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("real data is not here: no folder 'shared' beside the checkout")
    return folder


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home in which three recipes were run from nothing, without disturbance.

    Processes of pytest side by side share it.
    """
    base = tmp_path_factory.getbasetemp()
    home = Home((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "undisturbed")
    terminal = home.path / "terminal.txt"
    with FileLock(f"{home.path}.lock"):
        if not terminal.exists():
            done = home.run("run", *RECIPES, timeout=800)
            assert done.returncode == 0, done.stderr[-3000:]
            terminal.write_text(done.stderr)
    return home


@pytest.fixture
def full_load() -> Iterator[None]:
    """Two processes that want a core each."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    yield
    for loop in loops:
        loop.kill()
        loop.wait()
