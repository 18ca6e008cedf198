import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opencoder_dag.dedup import deduplicate
from opencoder_dag.dedup.wanted import Wanted
from opencoder_dag.engine import SerialEngine
from opencoder_dag.errors import InputError
from opencoder_dag.lake import Dataset, Lake
from opencoder_dag.recipe import Dedup
from tests.dedup.corpus import dataset, near_copies

CONFIG = Dedup(preset="custom", permutations=128, bands=64, rows=2, similarity=0.6)


def verdicts(*results: Dataset) -> tuple[list[str], dict[str, tuple[str, str, float]]]:
    """Identifiers that stay, and for each that goes its reason, its keeper and the similarity."""
    kept = [key for out in results for key in out.read(columns=["doc_id"])["doc_id"].to_pylist()]
    removed = {}
    for out in results:
        for row in out.read("removed").to_pylist():
            evidence = json.loads(row["evidence"])
            removed[row["doc_id"]] = (row["reason"], evidence["duplicate_of"], evidence["similarity"])
    return sorted(kept), removed


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), data=st.data())
def test_batches_one_by_one_equal_one_run(
    tmp_path_factory: pytest.TempPathFactory, seed: int, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("memory")
    rows = near_copies(seed, groups=5, length=120)
    # Older batches have precedence, which stars can say too: a batch run then decides the same.
    batch_of = [data.draw(st.integers(0, 2)) for _ in rows]
    ranked: list[dict[str, Any]] = [
        {**row, "stars": (row["stars"] or 0) + 1000 * (2 - batch)}
        for row, batch in zip(rows, batch_of, strict=True)
    ]
    whole = deduplicate(Lake(str(root / "whole")), [dataset(root, ranked, 2, "all")], CONFIG, SerialEngine())
    parts: list[Dataset] = []
    for batch in range(3):
        some = [row for row, number in zip(ranked, batch_of, strict=True) if number == batch]
        found = dataset(root, some, 2, f"batch{batch}")
        out = deduplicate(
            Lake(str(root / f"out{batch}")), [found], CONFIG, SerialEngine(), remember=True, against=parts
        )
        for name in ("kept", "removed"):  # later batches read the memory, not the documents
            shutil.copytree(f"{out.path}/{name}", root / "aside" / str(batch) / name)
            shutil.rmtree(f"{out.path}/{name}")
        shutil.rmtree(root / f"in-batch{batch}-2")
        parts.append(out)
    for batch, out in enumerate(parts):
        for name in ("kept", "removed"):
            shutil.copytree(root / "aside" / str(batch) / name, f"{out.path}/{name}")
    assert verdicts(*parts) == verdicts(whole)


def test_only_the_new_shards_are_worked_on(tmp_path: Path) -> None:
    rows = near_copies(1)
    old = deduplicate(
        Lake(str(tmp_path / "old")), [dataset(tmp_path, rows, 4)], CONFIG, SerialEngine(), remember=True
    )
    seen: list[str] = []

    class Watching(SerialEngine):
        def map(self, function, items):  # type: ignore[no-untyped-def]
            seen.extend(str(getattr(item, "source", "")) for item in items)
            return super().map(function, items)

    new = dataset(tmp_path, rows, 1, "again")
    out = deduplicate(Lake(str(tmp_path / "new")), [new], CONFIG, Watching(), against=[old])
    assert out.manifest.counts["kept"] == 0 and out.manifest.counts["removed"] == len(rows)
    assert {source for source in seen if source} == set(new.shards())
    assert out.manifest.facts["search"]["units"] == len(rows)
    assert not (Path(out.path) / "known").exists()


def test_without_a_memory_or_with_other_settings(tmp_path: Path) -> None:
    found = dataset(tmp_path, near_copies(2, groups=2))
    lake = Lake(str(tmp_path / "lake"))
    forgets = deduplicate(lake, [found], CONFIG, SerialEngine())
    with pytest.raises(InputError, match="remembers nothing"):
        deduplicate(lake, [found], CONFIG, SerialEngine(), against=[forgets])
    remembers = deduplicate(lake, [found], CONFIG, SerialEngine(), remember=True)
    assert not remembers.reused
    with pytest.raises(InputError, match="must equal"):
        deduplicate(lake, [found], Dedup(preset="stack"), SerialEngine(), against=[remembers])
    for level in ("repository", "chunk"):
        with pytest.raises(InputError, match="need level 'file'"):
            deduplicate(lake, [found], Dedup(level=level), SerialEngine(), remember=True)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=60), st.sets(st.integers(0, 60), max_size=20))
def test_positions_of_wanted_keys(keys: list[int], wanted: set[int]) -> None:
    found = Wanted(np.array(sorted(wanted), np.uint64)).positions(np.array(keys, np.uint64))
    assert found.tolist() == [at for at, key in enumerate(keys) if key in wanted]
