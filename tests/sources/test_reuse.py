"""A refresh reads only what changed, and comes out as if everything had been read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from opencoder_dag.engine import SerialEngine
from opencoder_dag.lake import PARTS, Dataset, Lake
from opencoder_dag.sources import Folder, collect
from opencoder_dag.sources.source import Entry, RawFile, Repository, Tree

from .test_collect import many


@dataclass(frozen=True)
class Watched:
    """A folder whose trees note what is read through them, after the files were sealed."""

    path: str
    noted: list[str] = field(default_factory=list)

    def repositories(self) -> list[Repository]:
        return [
            replace(each, tree=WatchedTree(each.tree, self.noted, each.name))
            for each in Folder(self.path).repositories()
        ]


@dataclass(frozen=True)
class WatchedTree:
    tree: Tree
    noted: list[str] = field(compare=False)
    name: str

    def entries(self) -> list[Entry]:
        return list(self.tree.entries())

    def seal(self, entries: Sequence[Entry]) -> tuple[Entry, ...]:
        return self.tree.seal(entries)

    def read(self, entries: Sequence[Entry]) -> Iterator[RawFile]:
        self.noted.extend(self.name for _ in entries)
        return self.tree.read(entries)


def gather(lake: Lake, source: Watched, shard_bytes: int = 20_000) -> Dataset:
    return collect(lake, [source], 10**9, shard_bytes, SerialEngine())


def same_bytes(one: Dataset, two: Dataset) -> bool:
    return one.manifest.shards == two.manifest.shards and all(
        Path(one.path, part, name).read_bytes() == Path(two.path, part, name).read_bytes()
        for part in PARTS
        for name in one.manifest.shards
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return many(tmp_path / "src", repositories=30)


def test_one_changed_repository_is_read_and_no_other(lake: Lake, root: Path, tmp_path: Path) -> None:
    source = Watched(str(root))
    first = gather(lake, source)
    assert set(source.noted) == {f"repo{index:02}" for index in range(30)}
    assert first.manifest.facts["refresh"] == {
        "repositories_read": 30, "repositories_reused": 0,
        "shards_changed": len(first.manifest.shards), "shards_unchanged": 0,
    }  # fmt: skip

    source.noted.clear()
    (root / "repo07/pkg/m0.py").write_text("changed = True\n")
    refreshed = gather(lake, source)
    assert set(source.noted) == {"repo07"}
    facts = refreshed.manifest.facts["refresh"]
    assert facts["repositories_read"] == 1
    assert facts["repositories_reused"] == 29
    assert facts["shards_changed"] <= 3
    assert facts["shards_changed"] + facts["shards_unchanged"] == len(refreshed.manifest.shards)
    afresh = gather(Lake(str(tmp_path / "other")), source)
    assert refreshed.digest == afresh.digest
    assert refreshed.manifest.counts == afresh.manifest.counts
    assert same_bytes(refreshed, afresh)


def test_repositories_come_and_go(lake: Lake, root: Path, tmp_path: Path) -> None:
    source = Watched(str(root))
    gather(lake, source)
    source.noted.clear()
    shutil.rmtree(root / "repo11")
    (root / "new").mkdir()
    (root / "new/a.py").write_text("x = 1\n")
    refreshed = gather(lake, source)
    assert set(source.noted) == {"new"}
    assert same_bytes(refreshed, gather(Lake(str(tmp_path / "other")), source))


def test_a_refresh_after_a_refresh_and_back_again(lake: Lake, root: Path) -> None:
    source = Watched(str(root))
    first = gather(lake, source)
    before = (root / "repo02/pkg/m0.py").read_bytes()
    (root / "repo02/pkg/m0.py").write_text("one\n")
    gather(lake, source)
    (root / "repo03/pkg/m0.py").write_text("two\n")
    source.noted.clear()
    third = gather(lake, source)
    assert set(source.noted) == {"repo03"}
    assert third.manifest.facts["refresh"]["repositories_reused"] == 29
    (root / "repo02/pkg/m0.py").write_bytes(before)
    (root / "repo03/pkg/m0.py").write_bytes(Path(root / "repo03/pkg/m0.py").read_bytes())
    assert gather(lake, source).digest != first.digest  # repo03 is still another


def test_damage_to_the_earlier_collection_costs_a_reading_and_nothing_else(
    lake: Lake, root: Path, tmp_path: Path
) -> None:
    source = Watched(str(root))
    first = gather(lake, source)
    Path(first.path, "kept", first.manifest.shards[0]).write_bytes(b"damaged")
    index = Path(first.path, "portions.json")
    assert json.loads(index.read_text()).keys() == set(first.manifest.shards)
    (root / "repo07/pkg/m0.py").write_text("changed = True\n")
    afresh = gather(Lake(str(tmp_path / "other")), source)
    assert same_bytes(gather(lake, source), afresh)

    (root / "repo07/pkg/m0.py").write_text("changed = again\n")
    for path in Path(lake.root).glob("raw_code/*/portions.json"):
        path.write_text("{")
    source.noted.clear()
    refreshed = gather(lake, source)
    assert len(set(source.noted)) == 30
    assert refreshed.manifest.facts["refresh"]["repositories_reused"] == 0


def test_provenance_is_written_beside_the_shards(lake: Lake, root: Path) -> None:
    data = gather(lake, Watched(str(root)))
    rows = json.loads(Path(data.file("repositories.json")).read_text())
    assert [row["name"] for row in rows] == sorted(f"repo{index:02}" for index in range(30))
    assert sum(row["files"] for row in rows) == data.manifest.counts["in"]
    assert sum(row["bytes"] for row in rows) == data.manifest.counts["bytes_in"]
