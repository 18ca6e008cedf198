"""Parquet in the columns of public data sets, chosen by slices, hostile values included."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opencoder_dag.document import DOCUMENT_SCHEMA, document_row
from opencoder_dag.engine import SerialEngine
from opencoder_dag.errors import InputError
from opencoder_dag.lake import Dataset, Lake
from opencoder_dag.sources import collect, sources_from_spec
from opencoder_dag.sources.columns import columns_of, described

WHEN = datetime(2023, 1, 2, tzinfo=UTC)

STACK_V1 = {
    "content": "x = 1\n", "max_stars_repo_path": "pkg/a.py", "max_stars_repo_name": "own/lib",
    "max_stars_count": 7, "max_stars_repo_licenses": ["MIT", "BSD-3-Clause"], "lang": "Python",
}  # fmt: skip
STACK_V2 = {
    "content": "int f();\n", "path": "/src/a.h", "repo_name": "own/lib", "star_events_count": 9,
    "committer_date": WHEN, "detected_licenses": ["MIT"], "language": "C++",
}  # fmt: skip
REFINECODE = {
    "text": "puts 1\n", "repo_name": "own/lib", "sub_path": "lib/deep", "file_name": "a.rb",
    "program_lang": "ruby", "doc_type": "code",
}  # fmt: skip


def write(path: Path, rows: list[dict[str, Any]], **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path, **options)
    return path


def gather(lake: Lake, path: Path | str, source_bytes: int = 10**9, shard_bytes: int = 10**6) -> Dataset:
    return collect(
        lake, sources_from_spec(f"parquet:{path}", Path()), source_bytes, shard_bytes, SerialEngine()
    )


def numbered(count: int) -> list[dict[str, Any]]:
    return [
        {"content": f"x{n} = {n}\n" * 40, "path": f"m{n:05}.py", "repo_name": f"own/r{n % 7}"}
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (STACK_V1, ("own/lib", "pkg/a.py", "python", 7, None, "BSD-3-Clause AND MIT")),
        (STACK_V2, ("own/lib", "src/a.h", "c", 9, WHEN, "MIT")),
        (REFINECODE, ("own/lib", "lib/deep/a.rb", "ruby", None, None, None)),
    ],
)
def test_columns_of_public_sets(lake: Lake, tmp_path: Path, row: dict[str, Any], expected: tuple) -> None:
    data = gather(lake, write(tmp_path / "a.parquet", [row]))
    (got,) = data.read().to_pylist()
    assert tuple(
        got[name] for name in ("repo", "path", "language", "stars", "commit_time", "license")
    ) == expected  # fmt: skip
    assert got["source"] == "parquet"


def test_own_documents_come_back_as_they_were(lake: Lake, tmp_path: Path) -> None:
    row = document_row(
        "x = 1\n", source="git", repo="own", path="a.py", language="python", doc_type="code",
        stars=3, commit_time=WHEN, license="MIT",
    )  # fmt: skip
    pq.write_table(pa.Table.from_pylist([row], schema=DOCUMENT_SCHEMA), tmp_path / "a.parquet")
    assert gather(lake, tmp_path / "a.parquet").read().to_pylist() == [row]


def test_hostile_rows_are_judged_one_by_one(lake: Lake, tmp_path: Path) -> None:
    rows = [
        {"content": b"x = 1\n", "path": "good.py", "lang": None},
        {"content": None, "path": "null.py", "lang": None},
        {"content": b"\xff\xfe\xff", "path": "bytes.py", "lang": None},
        {"content": b"", "path": "empty.py", "lang": None},
        {"content": b"y = 1\n", "path": None, "lang": "Python"},
        {"content": b"y = 1\n", "path": None, "lang": "Klingon"},
        {"content": b"z" * 8_000_001, "path": "large.py", "lang": None},
    ]
    data = gather(lake, write(tmp_path / "a.parquet", rows))
    assert [(row["path"], row["language"]) for row in data.read().to_pylist()] == [
        ("good.py", "python"), ("a.parquet/0-4", "python"),
    ]  # fmt: skip
    assert sorted(data.read("quarantined")["path"].to_pylist()) == ["bytes.py", "null.py"]
    assert data.manifest.reasons == {"empty_file": 1, "file_too_large": 1, "unknown_language": 1}
    assert data.manifest.counts["in"] == 7


def test_a_part_of_a_large_file_is_chosen_by_slices(lake: Lake, tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", numbered(3000), row_group_size=500, compression="none")
    whole = gather(Lake(str(tmp_path / "whole")), path)
    assert whole.manifest.counts["kept"] == 3000
    some = gather(lake, path, source_bytes=400_000)
    assert 0 < some.manifest.counts["bytes_kept"] <= 600_000  # sizes are estimated from the footer
    assert set(some.read()["doc_id"].to_pylist()) < set(whole.read()["doc_id"].to_pylist())
    groups = {int(name[1:6]) // 500 for name in some.read()["path"].to_pylist()}
    assert len(groups) > 1


def test_shard_size_does_not_show(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", numbered(2000), row_group_size=300)
    digests = {
        gather(Lake(str(tmp_path / str(size))), path, shard_bytes=size).digest for size in (10**5, 10**9)
    }
    assert len(digests) == 1


def test_a_folder_a_pattern_and_a_changed_file(lake: Lake, tmp_path: Path) -> None:
    root = tmp_path / "set"
    write(root / "data/a.parquet", numbered(10))
    write(root / "data/b.parquet", [STACK_V1])
    (root / "README.md").write_text("x")
    first = gather(lake, root)
    assert first.manifest.counts["kept"] == 11
    assert gather(lake, root).reused
    assert gather(lake, f"{root}/data/*.parquet").digest == first.digest
    write(root / "data/b.parquet", [STACK_V1, {**STACK_V1, "content": "x = 2\n"}])
    second = gather(lake, root)
    assert second.manifest.facts["refresh"]["repositories_read"] == 1
    assert second.manifest.facts["refresh"]["repositories_reused"] == 1
    assert second.manifest.counts["kept"] == 12


def test_wrong_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such Parquet file"):
        sources_from_spec(f"parquet:{tmp_path}/gone.parquet", tmp_path)[0].repositories()
    with pytest.raises(InputError, match="no such Parquet file"):
        sources_from_spec(f"parquet:{tmp_path}/*.parquet", tmp_path)[0].repositories()
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match=r"bad.parquet: cannot be read as Parquet"):
        sources_from_spec(f"parquet:{tmp_path}/bad.parquet", tmp_path)[0].repositories()
    write(tmp_path / "meta.parquet", [{"repo_name": "own", "sub_path": "a", "file_name": "b.py"}])
    with pytest.raises(
        InputError, match=r"meta.parquet: no column 'content' or 'text' or 'code' \(found: repo_name"
    ):
        sources_from_spec(f"parquet:{tmp_path}/meta.parquet", tmp_path)[0].repositories()


def test_damaged_pages_are_quarantined_and_other_row_groups_kept(lake: Lake, tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", numbered(1000), row_group_size=500, compression="zstd")
    chunk = pq.ParquetFile(path).metadata.row_group(0).column(0)
    data = bytearray(path.read_bytes())
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    data[start : start + chunk.total_compressed_size] = bytes(chunk.total_compressed_size)
    path.write_bytes(bytes(data))
    collected = gather(lake, path)
    assert collected.manifest.counts["kept"] == 500
    errors = collected.read("quarantined")["error"].to_pylist()
    assert errors
    assert all("row group 0" in error for error in errors)


def test_values_of_wrong_types_count_as_not_given() -> None:
    columns = columns_of(["content", "path", "stars", "commit_time", "license", "language", "repo"])
    row = {"content": "x", "path": 3, "stars": float("nan"), "commit_time": "yesterday",
           "license": [None, ""], "language": 5, "repo": b"x"}  # fmt: skip
    about = described(row, columns)
    assert (about.path, about.stars, about.commit_time, about.license, about.language, about.repo) == (
        "", None, None, None, None, "",
    )  # fmt: skip
    assert described({**row, "commit_time": "2023-01-02T00:00:00"}, columns).commit_time == WHEN
