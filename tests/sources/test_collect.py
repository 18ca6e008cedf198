"""The stage raw_code: conservation, reuse, determinism, what a changed file does."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from opencoder_dag.engine import SerialEngine
from opencoder_dag.errors import InputError
from opencoder_dag.lake import Dataset, Lake
from opencoder_dag.sources import Folder, collect, sources_from_spec


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def many(root: Path, repositories: int = 12, seed: int = 0) -> Path:
    """Repositories of very different sizes, of made-up Python."""
    random_ = random.Random(seed)
    for index in range(repositories):
        for number in range(random_.choice([1, 3, 10, 40])):
            body = "\n".join(
                f"x{random_.randrange(10**6)} = {line}" for line in range(random_.randrange(1, 200))
            )
            write(root, {f"repo{index:02}/pkg/m{number}.py": body + "\n"})
    return root


def gather(lake: Lake, root: Path, source_bytes: int = 10**9, shard_bytes: int = 20_000) -> Dataset:
    return collect(lake, [Folder(str(root))], source_bytes, shard_bytes, SerialEngine())


def test_everything_that_is_seen_lands_in_one_table(lake: Lake, tmp_path: Path) -> None:
    root = write(
        tmp_path / "src",
        {
            "good.py": "x = 1\r\n",
            "random.py": random.Random(1).randbytes(5000),
            "latin.py": "# größe\n".encode("latin-1"),
            "one_line.json": b'"' + b"x" * 50_000_000 + b'"',
            "empty.py": b"",
            "table.csv": "a,b\n",
            "what.is": "?",
            "native.so": b"\x7fELF\0",
            "almost.js": b"x" * 7_900_000,
        },
    )
    (root / "link.py").symlink_to(root / "good.py")
    data = gather(lake, root)
    counts = data.manifest.counts
    assert counts["in"] == counts["kept"] + counts["removed"] + counts["quarantined"] == 10
    assert data.manifest.reasons == {
        "unknown_language": 2, "empty_file": 1, "excluded_type": 1, "file_too_large": 1, "symbolic_link": 1,
    }  # fmt: skip
    assert sorted(data.read()["path"].to_pylist()) == ["almost.js", "good.py"]
    assert sorted(data.read("quarantined")["path"].to_pylist()) == ["latin.py", "random.py"]
    assert all(len(error) < 200 for error in data.read("quarantined")["error"].to_pylist())


def test_an_unchanged_folder_is_recognised_and_a_changed_one_never_missed(lake: Lake, tmp_path: Path) -> None:
    root = many(tmp_path / "src")
    first = gather(lake, root)
    again = gather(lake, root)
    assert again.reused
    assert again.digest == first.digest
    # The same size and the same modification time: only the content tells.
    target = root / "repo03/pkg/m0.py"
    state = target.stat()
    target.write_bytes(bytes(reversed(target.read_bytes())))
    os.utime(target, ns=(state.st_atime_ns, state.st_mtime_ns))
    changed = gather(lake, root)
    assert not changed.reused
    assert changed.digest != first.digest


def test_shard_size_place_and_lake_do_not_show_in_the_digest(tmp_path: Path) -> None:
    one = gather(Lake(str(tmp_path / "a")), many(tmp_path / "src"), shard_bytes=5_000)
    two = gather(Lake(str(tmp_path / "b")), many(tmp_path / "elsewhere/src"), shard_bytes=10**9)
    assert len(one.manifest.shards) > 5
    assert len(two.manifest.shards) == 1
    assert one.digest == two.digest
    assert one.read().equals(two.read())


def test_the_budget_holds_and_every_repository_contributes(lake: Lake, tmp_path: Path) -> None:
    root = many(tmp_path / "src")
    data = gather(lake, root, source_bytes=100_000)
    assert data.manifest.counts["bytes_in"] <= 100_000
    assert data.manifest.counts["bytes_in"] == data.manifest.facts["bytes_chosen"] > 50_000
    assert len(set(data.read()["repo"].to_pylist())) == 12
    assert data.manifest.facts["files_chosen"] == data.manifest.counts["in"]
    assert data.manifest.facts["files_listed"] > data.manifest.counts["in"]


def test_shards_are_contiguous_runs_of_repositories(lake: Lake, tmp_path: Path) -> None:
    data = gather(lake, many(tmp_path / "src"), shard_bytes=30_000)
    repos = [repo for table in data.tables() for repo in dict.fromkeys(table["repo"].to_pylist())]
    assert repos == sorted(repos)
    spanning = {name for name, shards in Counter(repos).items() if shards > 1}
    sizes = Counter()
    for row in data.read().to_pylist():
        sizes[row["repo"]] += row["size"]
    assert all(sizes[name] > 30_000 for name in spanning)


def test_an_interrupted_run_is_taken_over(lake: Lake, tmp_path: Path) -> None:
    root = many(tmp_path / "src")
    whole = gather(Lake(str(tmp_path / "other")), root)

    class Dies(SerialEngine):
        def map(self, function, items):  # type: ignore[no-untyped-def]
            for index, item in enumerate(items):
                if index == 3:
                    raise KeyboardInterrupt
                yield function(item)

    with pytest.raises(KeyboardInterrupt):
        collect(lake, [Folder(str(root))], 10**9, 20_000, Dies())
    seen: list[tuple[int, int]] = []
    data = collect(
        lake,
        [Folder(str(root))],
        10**9,
        20_000,
        SerialEngine(),
        lambda done, total: seen.append((done, total)),
    )
    assert seen[0][0] == 3
    assert data.digest == whole.digest
    ours, theirs = (Path(dataset.path) for dataset in (data, whole))
    for part in ("kept", "removed", "quarantined"):
        for name in data.manifest.shards:
            assert (ours / part / name).read_bytes() == (theirs / part / name).read_bytes()


def test_a_file_that_changes_between_listing_and_reading_is_quarantined(lake: Lake, tmp_path: Path) -> None:
    root = write(tmp_path / "src", {"a.py": "x = 1\n", "b.py": "y = 1\n"})

    class Meddles(SerialEngine):
        def map(self, function, items):  # type: ignore[no-untyped-def]
            (root / "a.py").write_text("x = 2\n")
            return super().map(function, items)

    data = collect(lake, [Folder(str(root))], 10**9, 20_000, Meddles())
    assert data.read()["path"].to_pylist() == ["b.py"]
    assert data.read("quarantined")["path"].to_pylist() == ["a.py"]


def test_two_folders_with_repositories_of_one_name_keep_apart(lake: Lake, tmp_path: Path) -> None:
    for parent in ("one", "two"):
        write(tmp_path / parent, {"same/a.py": "x = 1\n", "same/sub/b.py": "y = 1\n", "other/c.py": "z\n"})
    data = collect(
        lake, sources_from_spec(f"{tmp_path / 'one'}, {tmp_path / 'two'}"), 10**9, 10**9, SerialEngine()
    )
    assert sorted(set(data.read()["repo"].to_pylist())) == ["other", "other~2", "same", "same~2"]
    assert len(set(data.read()["doc_id"].to_pylist())) == 6


def test_documents_do_not_say_where_they_lay(lake: Lake, tmp_path: Path) -> None:
    data = gather(lake, write(tmp_path / "src", {"pkg/a.py": "x = 1\n"}))
    (row,) = data.read().to_pylist()
    assert (row["repo"], row["path"], row["source"]) == ("pkg", "a.py", "folder")
    assert str(tmp_path) not in "".join(str(value) for value in row.values())


def test_sources_that_are_not_there(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no/such: no such folder"):
        collect(lake, [Folder("no/such")], 1, 1, SerialEngine())
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no repository found"):
        collect(lake, [Folder(str(tmp_path / "empty"))], 1, 1, SerialEngine())
