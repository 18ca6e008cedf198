"""The budget: every repository contributes, the choice is stable, nothing is lost between shards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from opencoder_dag.sources.choose import LEVEL_BITS, allowance, choose, cut
from opencoder_dag.sources.decide import cost
from opencoder_dag.sources.source import Entry, RawFile, Repository


@dataclass(frozen=True)
class Nothing:
    """A tree that is never read."""

    def entries(self) -> list[Entry]:
        return []

    def seal(self, entries: Sequence[Entry]) -> tuple[Entry, ...]:
        return tuple(entries)

    def read(self, entries: Sequence[Entry]) -> Iterator[RawFile]:
        raise AssertionError("arithmetic on listings reads nothing")


def repository(name: str) -> Repository:
    return Repository(name, "test", "1", Nothing())


def files(count: int, size: int) -> list[Entry]:
    return [Entry(f"f{index:03}.py", size) for index in range(count)]


totals = st.lists(st.integers(0, 10**7), min_size=1, max_size=50)
listing = st.lists(
    st.builds(
        Entry,
        path=st.from_regex(r"[a-f]{1,6}\.(py|bin|c)", fullmatch=True),
        size=st.integers(0, 5000),
    ),
    max_size=60,
    unique_by=lambda entry: entry.path,
)


@given(totals, st.integers(1, 10**8))
def test_the_water_level_keeps_to_the_budget_and_uses_most_of_it(totals: list[int], budget: int) -> None:
    level = allowance(totals, budget)
    if level is None:
        assert sum(totals) <= budget
        return
    assert sum(totals) > budget
    assert sum(min(total, level) for total in totals) <= budget
    more = level + (1 << max(level.bit_length() - LEVEL_BITS, 0))
    assert sum(min(total, more) for total in totals) > budget


def test_small_repositories_come_wholly_and_large_ones_by_the_same_measure() -> None:
    assert allowance([100, 100, 10_000, 10_000], 2_200) == 960  # of 1000 each, to four significant bits


@given(listing, st.integers(0, 30_000))
def test_a_choice_keeps_to_its_limit_whatever_the_order_of_the_listing(
    entries: list[Entry], limit: int
) -> None:
    chosen = choose("own", entries, limit)
    assert chosen == choose("own", list(reversed(entries)), limit)
    assert sum(map(cost, chosen)) <= limit
    assert list(chosen) == sorted(chosen, key=lambda entry: entry.path)
    if sum(map(cost, entries)) <= limit:
        assert set(chosen) == set(entries)


def test_a_choice_depends_on_the_repository_alone() -> None:
    one = choose("one", files(100, 1000), 10_000)
    assert len(one) == 10
    assert one != choose("two", files(100, 1000), 10_000)
    # A file more: the others keep their places in the order, so at most one gives way.
    more = choose("one", [*files(100, 1000), Entry("new.py", 1000)], 10_000)
    assert len(set(one) - set(more)) <= 1


def test_one_large_file_does_not_starve_a_repository() -> None:
    entries = [*files(20, 1000), Entry("large.py", 9_000)]
    chosen = choose("own", entries, 10_000)
    assert len(chosen) == 10
    assert Entry("large.py", 9_000) not in chosen
    assert choose("own", [Entry("only.py", 9_000), Entry("more.py", 9_000)], 10_000) != ()


def test_what_is_not_read_costs_nothing_and_does_not_dominate() -> None:
    entries = [*files(100, 1000), *(Entry(f"lib{index}.so", 10**9) for index in range(100))]
    chosen = choose("own", entries, 20_000)
    assert sum(map(cost, chosen)) == 20_000
    assert len([entry for entry in chosen if entry.path.endswith(".so")]) < 60


@given(st.lists(listing, max_size=12), st.integers(1, 20_000))
def test_cutting_loses_nothing_and_keeps_the_order(listings: list[list[Entry]], shard_bytes: int) -> None:
    chosen = [(repository(f"r{index:02}"), entries) for index, entries in enumerate(listings)]
    shards = cut(chosen, shard_bytes)
    flat = [
        (portion.repository.name, entry) for shard in shards for portion in shard for entry in portion.entries
    ]
    assert flat == [(each.name, entry) for each, entries in chosen for entry in entries]
    for shard in shards:
        assert shard
        # Over the size only for a single file, which no cut makes smaller.
        assert (
            sum(portion.size for portion in shard) <= shard_bytes or sum(len(p.entries) for p in shard) >= 1
        )
        if sum(portion.size for portion in shard) > shard_bytes:
            assert sum(1 for portion in shard for entry in portion.entries if cost(entry)) == 1


def test_a_repository_that_grew_moves_only_the_cuts_beside_it() -> None:
    before = [(repository(f"r{index:03}"), files(10, 1000)) for index in range(200)]
    after = list(before)
    after[50] = (after[50][0], files(35, 1000))

    def shards(chosen: list[tuple[Repository, list[Entry]]]) -> set[tuple[str, ...]]:
        return {tuple(portion.repository.name for portion in shard) for shard in cut(chosen, 60_000)}

    old, new = shards(before), shards(after)
    assert len(old) > 20
    assert len(old - new) <= 6
