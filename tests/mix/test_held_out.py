"""Whole repositories are held out, the same ones for any cut of the corpus, and their copies are known."""

from __future__ import annotations

from opencoder_dag.engine import SerialEngine
from opencoder_dag.lake import Lake
from opencoder_dag.mix import HeldOut, select_held_out
from opencoder_dag.mix.held_out import HoldOut
from tests.mix.corpora import code_row, corpus_rows, put, some_code


def test_everything_is_accounted_for_and_only_whole_repositories_are_chosen(lake: Lake) -> None:
    rows = corpus_rows()
    raw = put(lake, "raw_code", rows, 50)
    held_out = select_held_out(lake, raw, SerialEngine())
    kept = held_out.read()
    repositories = set(held_out.manifest.facts["repositories"])
    assert len(repositories) == 3
    assert set(kept["repo"].to_pylist()) == repositories
    assert held_out.manifest.counts["in"] == len(rows)
    suitable = {row["doc_id"] for row in rows if row["repo"] in repositories and row["size"] >= 200}
    assert set(kept["doc_id"].to_pylist()) == suitable


def test_shards_and_the_order_of_arrival_do_not_matter(lake: Lake) -> None:
    rows = corpus_rows()
    one = select_held_out(lake, put(lake, "raw_code", rows, 1000), SerialEngine())
    other = Lake(f"{lake.root}-other")
    many = select_held_out(other, put(other, "raw_code", rows[::-1], 7), SerialEngine())
    assert one.digest == many.digest
    assert one.manifest.facts == many.manifest.facts


def test_a_second_call_reuses(lake: Lake) -> None:
    raw = put(lake, "raw_code", corpus_rows(30))
    assert not select_held_out(lake, raw, SerialEngine()).reused
    assert select_held_out(lake, raw, SerialEngine()).reused


def test_copies_are_kept_once_and_known_elsewhere(lake: Lake) -> None:
    rows = corpus_rows()
    chosen = sorted(
        select_held_out(lake, put(lake, "raw_code", rows), SerialEngine()).manifest.facts["repositories"]
    )
    original = next(row for row in rows if row["repo"] == chosen[0] and row["size"] >= 200)
    inside = code_row("inside", original["content"], repo=chosen[1])
    outside = code_row(
        "outside", original["content"], repo=next(r["repo"] for r in rows if r["repo"] not in chosen)
    )
    held_out = select_held_out(lake, put(lake, "raw_code", [*rows, inside, outside]), SerialEngine())
    assert sorted(held_out.manifest.facts["repositories"]) == chosen
    assert held_out.manifest.reasons["duplicate"] == 1
    assert held_out.manifest.reasons["held_out_copy"] == 1
    held = HeldOut.read(held_out)
    assert held.why(outside["doc_id"], outside["repo"], "edited since") == {"copy": outside["doc_id"]}
    assert held.why("new", outside["repo"], original["sha256"]) == {"content": original["sha256"]}
    assert held.why("new", chosen[0], "x") == {"repository": chosen[0]}
    assert held.why("new", outside["repo"], "x") is None
    assert HeldOut.from_json(held.to_json()) == held


def test_a_repository_gives_no_more_than_its_bytes_and_large_ones_stay(lake: Lake) -> None:
    rows = [code_row(f"big_{n}", some_code(f"big_{n}", 20), repo="giant") for n in range(60)]
    rows += [code_row(f"small_{n}", some_code(f"small_{n}", 20), repo=f"small-{n % 30}") for n in range(60)]
    limits = HoldOut(repository_bytes=700, repository_code=1)
    held_out = select_held_out(lake, put(lake, "raw_code", rows), SerialEngine(), settings=limits)
    assert "giant" not in held_out.manifest.facts["repositories"]
    assert all(0 < size <= 700 for size in held_out.manifest.facts["repositories"].values())
    assert held_out.manifest.reasons["over_bytes"] == 3


def test_a_lone_repository_is_not_held_out(lake: Lake) -> None:
    rows = [code_row(f"file_{n}", some_code(f"file_{n}"), repo="only") for n in range(5)]
    held_out = select_held_out(lake, put(lake, "raw_code", rows), SerialEngine())
    assert held_out.manifest.counts["kept"] == 0


def test_an_empty_corpus_holds_nothing_out(lake: Lake) -> None:
    held_out = select_held_out(lake, put(lake, "raw_code", []), SerialEngine())
    assert held_out.manifest.counts["kept"] == held_out.manifest.counts["in"] == 0
