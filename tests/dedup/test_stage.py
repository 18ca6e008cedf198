import hashlib
import json
import os
import random
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opencoder_dag.dedup import deduplicate
from opencoder_dag.dedup.chunks import CHUNK_WORDS
from opencoder_dag.document import document_row
from opencoder_dag.engine import DaskEngine, SerialEngine
from opencoder_dag.lake import Dataset, Lake
from opencoder_dag.recipe import Dedup
from tests.dedup.corpus import alike, dataset, document, near_copies, survivors, words

SURE = Dedup(preset="verified", similarity=0.7)


def run(
    root: Path, found: Sequence[Dataset], config: Dedup = SURE, engine: Any = None, to: str = "lake"
) -> Dataset:
    return deduplicate(Lake(str(root / to)), found, config, engine or SerialEngine())


def kept_ids(out: Dataset) -> list[str]:
    return sorted(out.read()["doc_id"].to_pylist())


def test_what_stays_is_what_comparing_all_pairs_leaves(tmp_path: Path) -> None:
    rows = near_copies(1)
    out = run(tmp_path, [dataset(tmp_path, rows, 3)])
    assert kept_ids(out) == survivors(rows, 0.7)
    assert (
        out.manifest.counts["in"] == len(rows) == out.manifest.counts["kept"] + out.manifest.counts["removed"]
    )


def test_every_removal_names_a_kept_document_and_the_true_similarity(tmp_path: Path) -> None:
    rows = near_copies(2)
    by_id = {row["doc_id"]: row for row in rows}
    out = run(tmp_path, [dataset(tmp_path, rows, 2)])
    kept = set(kept_ids(out))
    removed = out.read("removed").to_pylist()
    assert {row["reason"] for row in removed} == {"exact_duplicate", "near_duplicate"}
    for row in removed:
        evidence = json.loads(row["evidence"])
        mine, other = by_id[row["doc_id"]], by_id[evidence["duplicate_of"]]
        assert evidence["duplicate_of"] in kept and evidence["path"] == other["path"]
        assert evidence["similarity"] == pytest.approx(alike(mine["content"], other["content"]), abs=1e-6)
        assert evidence["similarity"] >= 0.7
        assert (row["reason"] == "exact_duplicate") == (mine["sha256"] == other["sha256"])


def test_the_keeper_has_most_stars_then_the_latest_commit(tmp_path: Path) -> None:
    text = " ".join(words(1, 100))
    almost = " ".join([*words(1, 100), "end"])
    rows = [
        document(text, "unknown", "a.py"),
        document(text, "starred", "b.py", stars=2, day=1),
        document(text, "later", "c.py", stars=2, day=5),
        document(text, "no_time", "d.py", stars=2),
        document(almost, "famous", "e.py", stars=900),
        document(almost, "zero", "f.py", stars=0, day=9),
    ]
    assert run(tmp_path, [dataset(tmp_path, rows[:4])]).read()["repo"].to_pylist() == ["later"]
    out = run(tmp_path, [dataset(tmp_path, rows)], to="all")
    assert out.read()["repo"].to_pylist() == ["famous"]
    reasons = dict(
        zip(out.read("removed")["repo"].to_pylist(), out.read("removed")["reason"].to_pylist(), strict=True)
    )
    # Copies of a text that goes itself are like the text that stays, not equal to it.
    assert reasons.pop("zero") == "exact_duplicate"
    assert set(reasons.values()) == {"near_duplicate"}


def test_shards_and_inputs_do_not_change_the_digest(tmp_path: Path) -> None:
    rows = near_copies(3)
    whole = run(tmp_path, [dataset(tmp_path, rows)], to="one")
    many = run(tmp_path, [dataset(tmp_path, rows, 7)], to="many")
    two = run(tmp_path, [dataset(tmp_path, rows[:9], 2, "a"), dataset(tmp_path, rows[9:], 1, "b")], to="two")
    assert whole.digest == many.digest == two.digest
    assert many.manifest.shards == [f"part-{index:05d}.parquet" for index in range(7)]


def test_partitions_and_bins_do_not_change_the_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = dataset(tmp_path, near_copies(3), 4)
    for level in ("file", "repository", "chunk"):
        config = Dedup(preset="custom", permutations=32, bands=8, rows=4, level=level, similarity=0.4)
        whole = run(tmp_path, [found], config, to=f"whole-{level}")
        with monkeypatch.context() as patch:
            patch.setattr("opencoder_dag.dedup.search.KEYS_AT_ONCE", 8)
            patch.setattr("opencoder_dag.dedup.search.MOST_KEY_PARTITIONS", 3)
            patch.setattr("opencoder_dag.dedup.clusters.BIN_SHINGLES", 500)
            patch.setattr("opencoder_dag.dedup.runs.LOOKUP_ROWS", 2)
            cut = run(tmp_path, [found], config, to=f"cut-{level}")
        assert cut.digest == whole.digest and cut.manifest.counts["removed"] > 0


def test_a_cluster_too_large_for_a_bin_is_linked_by_stronger_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nearly half of every text is one header, which chains them all together; forty have a near copy.
    header = words(0, 75)
    texts = [[*header, *words(seed, 75)] for seed in range(1, 301)]
    rows = [document(" ".join(text), f"r{i}", "a.py", stars=1) for i, text in enumerate(texts)]
    rows += [
        document(" ".join([*text, "end"]), f"r{i}", "b.py", stars=0) for i, text in enumerate(texts[:40])
    ]
    found = dataset(tmp_path, rows, 3)
    loose = run(tmp_path, [found], to="loose")
    monkeypatch.setattr("opencoder_dag.dedup.clusters.BIN_SHINGLES", 10_000)
    monkeypatch.setattr("opencoder_dag.dedup.bands.SMALL_BUCKET", 2)
    tight = run(tmp_path, [found], to="tight")
    before, after = loose.manifest.facts["search"], tight.manifest.facts["search"]
    assert (before["relinked_clusters"], after["relinked_clusters"]) == (0, 1)
    assert after["largest_candidate_cluster"] < before["largest_candidate_cluster"] / 4
    assert tight.digest == loose.digest and tight.manifest.counts["removed"] == 40


@pytest.fixture(scope="module")
def engine() -> Iterator[DaskEngine]:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield DaskEngine(client)


def test_dask_workers_do_not_change_the_digest_even_when_one_is_killed(
    tmp_path: Path, engine: DaskEngine
) -> None:
    found = dataset(tmp_path, near_copies(4), 5)
    serial = run(tmp_path, [found], to="serial")
    assert run(tmp_path, [found], engine=engine, to="dask").digest == serial.digest

    killed: list[int] = []

    def kill_one(done: int, total: int) -> None:
        if done == 6 and not killed:
            killed.append(next(iter(engine.client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)  # a worker, with its task in hand

    out = deduplicate(Lake(str(tmp_path / "killed")), [found], SURE, engine, kill_one)
    assert killed and out.digest == serial.digest


class KilledError(Exception):
    """The process was killed."""


class Fragile:
    """An engine that dies after some tasks, and counts those it has done."""

    def __init__(self, tasks: int) -> None:
        self.left = tasks
        self.done: list[str] = []

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        for item in items:
            if self.left == 0:
                raise KilledError
            self.left -= 1
            result = function(item)
            self.done.append(item.name)
            yield result


@pytest.mark.parametrize("level", ["file", "repository", "chunk"])
def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, level: str) -> None:
    found = dataset(tmp_path, near_copies(5), 3)
    config = Dedup(preset="verified", level=level)
    calm = Fragile(-1)
    expected = run(tmp_path, [found], config, calm, to="calm")
    steps = len(calm.done)
    assert steps > 15
    for after in range(1, steps, 3 if level == "file" else 6):
        first, second = Fragile(after), Fragile(-1)
        with pytest.raises(KilledError):
            run(tmp_path, [found], config, first, to=f"killed-{after}")
        out = run(tmp_path, [found], config, second, to=f"killed-{after}")
        assert len(first.done) + len(second.done) == steps  # nothing was done twice
        assert out.digest == expected.digest
        assert not (Path(out.path) / "work").exists()


def test_a_finished_stage_is_reused(tmp_path: Path) -> None:
    found = dataset(tmp_path, near_copies(6, groups=2))
    first = run(tmp_path, [found])
    again = run(tmp_path, [found], engine=Fragile(0))
    assert again.reused and again.digest == first.digest
    other = run(tmp_path, [found], Dedup(preset="stack"))
    assert not other.reused


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), shards=st.integers(1, 4), similarity=st.sampled_from([0.5, 0.7, 0.9]))
def test_properties(
    tmp_path_factory: pytest.TempPathFactory, seed: int, shards: int, similarity: float
) -> None:
    root = tmp_path_factory.mktemp("properties")
    rows = near_copies(seed, groups=5, length=120)
    config = Dedup(preset="custom", permutations=128, bands=64, rows=2, similarity=similarity)
    out = run(root, [dataset(root, rows, shards)], config)
    counts = out.manifest.counts
    assert counts["in"] == counts["kept"] + counts["removed"] + counts["quarantined"] == len(rows)
    assert kept_ids(out) == survivors(rows, similarity)
    # The order of arrival does not matter.
    random.Random(seed).shuffle(rows)
    assert run(root, [dataset(root, rows, shards, "shuffled")], config, to="shuffled").digest == out.digest
    # Its own output holds no duplicates.
    again = run(root, [out], config, to="again")
    assert again.manifest.counts["removed"] == 0 and kept_ids(again) == kept_ids(out)


def test_whole_repositories_go(tmp_path: Path) -> None:
    files = [" ".join(words(seed, 200)) for seed in range(4)]
    rows = [
        *(document(text, "fork", f"{index}.py", stars=1) for index, text in enumerate(files)),
        *(document(text, "origin", f"{index}.py", stars=80) for index, text in enumerate(files[:3])),
        document(files[3] + " and more", "origin", "3.py", stars=80),
        document(files[0], "other", "same.py", stars=5),
        document(" ".join(words(9, 200)), "", "loose.py"),
        document(" ".join([*words(9, 200), "x"]), "", "alone.py"),
    ]
    out = run(tmp_path, [dataset(tmp_path, rows, 3)], Dedup(preset="verified", level="repository"))
    assert sorted(set(out.read()["repo"].to_pylist())) == ["", "origin", "other"]
    removed = out.read("removed").to_pylist()
    assert {(row["repo"], row["reason"]) for row in removed} == {
        ("fork", "repository_duplicate"),
        ("", "repository_duplicate"),
    }
    evidence = [json.loads(row["evidence"]) for row in removed if row["repo"] == "fork"]
    assert len(evidence) == 4
    assert {found["duplicate_of"] for found in evidence} == {"test:origin"}
    # A file that two repositories share stays in both at this level.
    assert out.read()["content"].to_pylist().count(files[0]) == 2


def test_chunks_go_and_the_rest_of_the_document_stays(tmp_path: Path) -> None:
    shared, first, second = (words(seed, CHUNK_WORDS) for seed in (1, 2, 3))
    rows = [
        document(" ".join([*shared, *first]), "best", "a.py", stars=9),
        document("# " + " ".join([*shared, *second]), "good", "b.py", stars=5),
        document(" ".join(shared[:-1]), "fork", "c.py", stars=1),
        document("()", "none", "d.py"),
    ]
    out = run(tmp_path, [dataset(tmp_path, rows, 2)], Dedup(level="chunk"))
    kept = {row["repo"]: row for row in out.read().to_pylist()}
    assert set(kept) == {"best", "good", "none"}
    assert (
        kept["best"] == {**rows[0], "content": kept["best"]["content"]}
        and kept["best"]["content"] == rows[0]["content"]
    )
    left = " ".join(second)
    assert kept["good"]["content"] == left and kept["good"]["doc_id"] == rows[1]["doc_id"]
    assert (
        kept["good"]["size"] == len(left)
        and kept["good"]["sha256"] == hashlib.sha256(left.encode()).hexdigest()
    )
    [gone] = out.read("removed").to_pylist()
    evidence = json.loads(gone["evidence"])
    assert gone["reason"] == "chunk_duplicate" and evidence["duplicate_of"] == rows[0]["doc_id"]
    assert evidence["chunk"] == 0 and evidence["chunks"] == 1 and evidence["similarity"] > 0.99
    facts = out.manifest.facts
    assert (facts["chunks"], facts["chunks_removed"]) == (6, 2)
    assert facts["losses"]["by_source"]["test"]["files_lost"] == 1


def test_rows_with_a_damaged_digest_are_quarantined(tmp_path: Path) -> None:
    rows = near_copies(7, groups=3)
    # The second one claims to be a copy of another document; believed, it would be lost.
    bad = [dict(rows[0], sha256="äbc"), dict(rows[1], sha256=rows[2]["sha256"])]
    for level in ("file", "repository", "chunk"):
        out = run(tmp_path, [dataset(tmp_path, [*bad, *rows[2:]], 2)], Dedup(level=level))
        assert out.manifest.counts["quarantined"] == 2
        assert "is not the SHA-256" in out.read("quarantined")["error"][0].as_py()


def test_copies_with_one_changed_word_do_not_make_a_quadratic_bucket(tmp_path: Path) -> None:
    base, rows = words(1, 150), []
    for number in range(1500):
        text = [*base[: number % 150], f"changed{number}", *base[number % 150 + 1 :]]
        rows.append(document(" ".join(text), f"r{number}", "LICENSE", stars=number))
    out = run(tmp_path, [dataset(tmp_path, rows, 2)])
    search = out.manifest.facts["search"]
    assert search["largest_bucket"] > 500  # they do meet
    assert search["pairs_compared"] == 1499  # and each is compared with the one that stays
    assert out.read()["repo"].to_pylist() == ["r1499"]


@pytest.mark.parametrize("level", ["file", "repository", "chunk"])
def test_a_lake_that_is_no_local_folder(tmp_path: Path, level: str) -> None:
    found = dataset(tmp_path, near_copies(8), 3)
    config = Dedup(level=level)
    local = run(tmp_path, [found], config)
    remote = deduplicate(Lake(f"memory://{tmp_path.name}-{level}"), [found], config, SerialEngine())
    assert remote.digest == local.digest
    assert remote.read().equals(local.read())


def test_nothing_in_nothing_out(tmp_path: Path) -> None:
    for level in ("file", "repository", "chunk"):
        out = run(tmp_path, [dataset(tmp_path, [], 2)], Dedup(level=level))
        assert out.manifest.counts["in"] == 0 and out.manifest.counts["kept"] == 0


def test_texts_too_short_for_a_shingle_are_compared_exactly_only(tmp_path: Path) -> None:
    rows = [
        document(text, path=f"{i}.py") for i, text in enumerate(["x = 1", "x == 1", "x = 1", "", "()", "{}"])
    ]
    out = run(tmp_path, [dataset(tmp_path, rows)])
    assert out.manifest.reasons == {"exact_duplicate": 1}


def test_facts_tell_what_was_found(tmp_path: Path) -> None:
    base = [" ".join(words(seed, 150)) for seed in range(12)]
    rows = [
        *(document(text, "origin", f"{i}.py", stars=9) for i, text in enumerate(base)),
        *(document(text + f" v{i}", "copycat", f"{i}.py", stars=1) for i, text in enumerate(base)),
        *(document(base[0], f"fork{i}", "0.py") for i in range(4)),
    ]
    facts = run(tmp_path, [dataset(tmp_path, rows, 3)]).manifest.facts
    search = facts["search"]
    assert search["exact_clusters"] == {"5": 1} and search["near_clusters"] == {"2": 12}
    assert search["exact_copies"] == 4 and search["pairs_verified"] == 12 and search["candidates"] == 24
    curve = facts["detection_curve"]
    assert curve["probability"][curve["similarity"].index(0.7)] > 0.9999
    losses = facts["losses"]
    assert [found["name"] for found in losses["repositories"]] == ["copycat"]
    assert losses["repositories"][0]["share"] == 1.0 and losses["repositories_alarming"] == 1
    assert losses["by_source"]["test"]["files"] == len(rows)
    assert losses["by_source"]["test"]["files_lost"] == 16
    assert [found["name"] for found in losses["sources"]] == ["test"]


def test_extra_columns_do_not_come_through(tmp_path: Path) -> None:
    row = document_row("a", source="s", repo="r", path="p", language="C", doc_type="code")
    assert run(tmp_path, [dataset(tmp_path, [row])]).read().column_names == list(row)
