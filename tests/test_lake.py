import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opencoder_dag.document import DOCUMENT_SCHEMA, document_row, judge_rows
from opencoder_dag.engine import SerialEngine
from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.lake import Lake, Stage, open_dataset, write_bytes
from opencoder_dag.shards import map_shards, rows_digest
from tests.conftest import write_dataset


def documents(texts: list[str]) -> pa.Table:
    rows = [
        document_row(text, source="s", repo="r", path=f"{index}.py", language="python", doc_type="code")
        for index, text in enumerate(texts)
    ]
    return pa.Table.from_pylist(rows, schema=DOCUMENT_SCHEMA)


def judge_by_length(table: pa.Table):
    """Short documents go, those that hold '!' cannot be judged."""
    verdicts = []
    for text in table["content"].to_pylist():
        if "!" in text:
            verdicts.append(ValueError("exclaims"))
        elif len(text) < 3:
            verdicts.append(("short", {"length": len(text)}))
        else:
            verdicts.append(None)
    return judge_rows(table, verdicts, {"characters": int(sum(map(len, table["content"].to_pylist())))})


texts = st.lists(st.text(alphabet="ab! ñ", max_size=6), max_size=30)


@settings(max_examples=25, deadline=None)
@given(texts=texts, cuts=st.integers(1, 5), other_cuts=st.integers(1, 5))
def test_conservation_and_digest_whatever_the_shards(tmp_path_factory, texts, cuts, other_cuts):
    found = []
    for number in (cuts, other_cuts):
        lake = Lake(str(tmp_path_factory.mktemp("lake")))
        given_ = write_dataset(lake, documents(texts), number)
        result = map_shards(lake, Stage("judged", "1"), [given_], judge_by_length, SerialEngine())
        counts = result.manifest.counts
        assert counts["in"] == len(texts) == counts["kept"] + counts["removed"] + counts["quarantined"]
        assert sum(result.manifest.reasons.values()) == counts["removed"]
        assert result.manifest.facts.get("characters", 0) == sum(map(len, texts))
        found.append(result.digest)
    assert found[0] == found[1]


@given(st.permutations(range(8)))
def test_rows_digest_does_not_know_order(order):
    table = documents([f"text {index}" for index in range(8)])
    assert rows_digest(table.take(list(order))) == rows_digest(table)


def test_rows_digest_knows_every_column():
    table = documents(["one", "two"])
    stars = table.set_column(table.schema.get_field_index("stars"), "stars", pa.array([1, None], pa.int64()))
    assert rows_digest(stars) != rows_digest(table)


def test_equal_fingerprint_is_reused_without_work(lake, dataset_of, engine):
    given_ = dataset_of([{"content": "long enough", "repo": "r", "path": "p"}])
    first = map_shards(lake, Stage("judged", "1"), [given_], judge_by_length, engine)
    second = map_shards(lake, Stage("judged", "1"), [given_], _explode, engine)
    assert second.reused and not first.reused
    assert second.digest == first.digest
    third = map_shards(lake, Stage("judged", "2"), [given_], judge_by_length, engine)
    assert not third.reused


def _explode(table):
    raise AssertionError("must not be called")


def test_a_lost_document_is_an_error(lake, dataset_of, engine):
    given_ = dataset_of([{"content": "a", "repo": "r", "path": str(i)} for i in range(4)], shards=1)

    def lose(table):
        return judge_rows(table.slice(1), [None] * (table.num_rows - 1))

    with pytest.raises(OpencoderError, match="4 documents in, 3 out"):
        map_shards(lake, Stage("lossy", "1"), [given_], lose, engine)
    assert lake.find(Stage("lossy", "1")) is None


@dataclass
class FailsOnce:
    """Judges like `judge_by_length`, but the third shard fails."""

    calls: int = 0

    def __call__(self, table):
        self.calls += 1
        if self.calls == 3:
            raise OSError("worker lost")
        return judge_by_length(table)


def test_finished_shards_are_not_redone(lake, dataset_of, engine):
    given_ = dataset_of([{"content": f"text {i}", "repo": "r", "path": str(i)} for i in range(20)], shards=5)
    stage = Stage("judged", "1")
    with pytest.raises(OSError, match="worker lost"):
        map_shards(lake, stage, [given_], FailsOnce(), engine)
    assert lake.find(stage) is None
    again = FailsOnce(calls=10)
    result = map_shards(lake, stage, [given_], again, engine)
    assert again.calls == 13  # shards 3, 4 and 5
    assert result.manifest.counts["kept"] == 20


def test_a_shard_of_another_cut_is_not_taken_over(lake, dataset_of, engine):
    rows = [{"content": f"text {i}", "repo": "r", "path": str(i)} for i in range(12)]
    stage = Stage("judged", "1")
    with pytest.raises(OSError, match="worker lost"):
        map_shards(lake, stage, [dataset_of(rows, shards=4)], FailsOnce(), engine)
    result = map_shards(lake, stage, [dataset_of(rows, shards=3)], judge_by_length, engine)
    assert result.manifest.counts["kept"] == 12
    assert sorted(result.read()["path"].to_pylist(), key=int) == [str(i) for i in range(12)]


def test_kill_in_the_middle_of_a_write_leaves_nothing_half_done(tmp_path):
    program = f"""
        import sys
        sys.path.insert(0, {str(Path.cwd())!r})
        from opencoder_dag.lake import write_bytes
        block = b"x" * 30_000_000
        print("ready", flush=True)
        while True:
            write_bytes({str(tmp_path / "target.bin")!r}, block)
    """
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE)
    child.stdout.readline()
    import time

    time.sleep(0.4)
    child.send_signal(signal.SIGKILL)
    child.wait()
    target = tmp_path / "target.bin"
    assert not target.exists() or target.stat().st_size == 30_000_000


def test_writing_to_a_full_disk_leaves_the_old_file(tmp_path):
    import resource

    target = tmp_path / "target.bin"
    write_bytes(str(target), b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="large"):
            write_bytes(str(target), b"n" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, previous)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_damaged_manifest_and_a_damaged_shard_are_named(lake, dataset_of, engine, tmp_path):
    given_ = dataset_of([{"content": "text", "repo": "r", "path": "p"}], shards=1)
    shard = given_.shards()[0]
    write_bytes(shard, b"PAR1 not really")
    with pytest.raises(OpencoderError, match=r"part-00000.parquet: cannot be read as Parquet"):
        given_.read()
    write_bytes(f"{given_.path}/manifest.json", b"{")
    with pytest.raises(InputError, match="damaged manifest"):
        open_dataset(given_.path)
    with pytest.raises(InputError, match="not a finished stage folder"):
        open_dataset(str(tmp_path))


def test_only_shards_whose_rows_changed_are_judged_again(lake, engine):
    """Another edition of the input with one shard of other rows; a fresh lake gives the same."""
    before = write_dataset(lake, documents([f"text {i}" for i in range(20)]), 5)
    first = map_shards(lake, Stage("judged", "1", inputs={"i": "1"}), [before], judge_by_length, engine)
    assert "refresh" not in first.manifest.facts
    texts = [f"text {i}" for i in range(20)]
    texts[9] = "changed"
    after = write_dataset(lake, documents(texts), 5, name="after")
    judge = FailsOnce(calls=10)
    stage = Stage("judged", "1", inputs={"i": "2"})
    second = map_shards(lake, stage, [after], judge, engine)
    assert judge.calls == 11
    assert second.manifest.facts["refresh"] == {"shards_changed": 1, "shards_unchanged": 4}
    afresh = map_shards(Lake(f"{lake.root}-2"), stage, [after], judge_by_length, engine)
    assert second.digest == afresh.digest
    assert second.manifest.counts == afresh.manifest.counts
    other = map_shards(lake, Stage("judged", "2", inputs={"i": "2"}), [after], judge, engine)
    assert judge.calls == 16 and "refresh" not in other.manifest.facts, "by other code all are judged"


def test_a_damaged_earlier_shard_is_judged_again(lake, engine):
    given_ = write_dataset(lake, documents([f"text {i}" for i in range(20)]), 5)
    first = map_shards(lake, Stage("judged", "1", inputs={"i": "1"}), [given_], judge_by_length, engine)
    Path(first.shards()[1]).write_bytes(b"damaged")
    Path(first.shards()[2]).write_bytes(Path(first.shards()[3]).read_bytes())
    Path(first.path, "reports", f"{first.manifest.shards[4]}.json").write_text("{")
    judge = FailsOnce(calls=10)
    second = map_shards(lake, Stage("judged", "1", inputs={"i": "2"}), [given_], judge, engine)
    assert judge.calls == 13
    assert second.digest == first.digest
