"""Caps and repeats: what is promised holds for any pool."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencoder_dag.mix.budget import cap_limits, choose, over_cap
from opencoder_dag.mix.draw import draw, draws

POOLS = st.lists(st.integers(1, 500), min_size=1, max_size=60)


def pool(tokens: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(tokens, np.int64), draws(0, "test", [str(position) for position in range(len(tokens))])


@given(POOLS, st.integers(0, 30_000), st.floats(1, 8))
def test_never_more_than_asked_and_never_more_often_than_allowed(
    tokens: list[int], target: int, most: float
) -> None:
    sizes, order = pool(tokens)
    choice = choose(sizes, order, target, most)
    assert choice.used == int((sizes * choice.repeats).sum()) <= target
    assert choice.repeats.max() <= np.ceil(most)
    assert choice.used <= sizes.sum() * most
    assert choice.repeats.max() - choice.repeats.min() <= 1


@given(POOLS, st.integers(1, 30_000))
def test_what_is_missing_is_smaller_than_the_smallest_document_left(tokens: list[int], target: int) -> None:
    sizes, order = pool(tokens)
    choice = choose(sizes, order, target, 100.0)
    reachable = min(target, int(sizes.sum() * 100))
    seldom = sizes[choice.repeats == choice.repeats.min()]
    if choice.repeats.min() < 100:
        assert reachable - choice.used < max(seldom.min(), 1) or choice.repeats.min() == choice.repeats.max()


@given(POOLS, st.integers(1, 5_000), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(tokens: list[int], target: int, random: object) -> None:
    sizes, order = pool(tokens)
    shuffled = np.array(sorted(range(len(tokens)), key=lambda position: draw(1, "shuffle", str(position))))
    straight = choose(sizes, order, target, 4.0).repeats
    mixed = choose(sizes[shuffled], order[shuffled], target, 4.0).repeats
    assert (straight[shuffled] == mixed).all()


def test_a_small_pool_is_seen_whole_as_often_as_it_fits() -> None:
    sizes, order = pool([10, 10, 10])
    choice = choose(sizes, order, 75, 8.0)
    assert sorted(choice.repeats) == [2, 2, 3]
    assert choice.used == 70


def test_a_share_cap_holds_for_what_remains() -> None:
    limits = cap_limits({"java": 450, "html": 470, "python": 80, "c": 120}, {"java": 0.4, "html": 0.1})
    kept = {"python": 80, "c": 120, "java": limits["java"], "html": limits["html"]}
    total = sum(kept.values())
    assert limits["java"] == pytest.approx(0.4 * total, abs=2)
    assert limits["html"] == pytest.approx(0.1 * total, abs=2)


def test_a_cap_above_one_is_a_number_of_bytes() -> None:
    assert cap_limits({"java": 450, "python": 10}, {"java": 200.0}) == {"java": 200}


def test_a_language_below_its_cap_keeps_everything() -> None:
    assert cap_limits({"java": 10, "python": 90}, {"java": 0.5}) == {"java": 10}


def test_a_corpus_of_capped_languages_alone_is_cut_by_what_was_given() -> None:
    assert cap_limits({"python": 100}, {"python": 0.5}) == {"python": 50}


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 1000), min_size=1),
    st.dictionaries(st.sampled_from("abc"), st.floats(0.01, 0.3)),
)
def test_caps_hold_whatever_the_corpus(sizes: dict[str, int], caps: dict[str, float]) -> None:
    limits = cap_limits(sizes, caps)
    kept = {name: min(size, limits.get(name, size)) for name, size in sizes.items()}
    total = sum(kept.values())
    if sum(size for name, size in sizes.items() if name not in caps):
        for name, cap in caps.items():
            assert kept.get(name, 0) <= cap * total + len(caps) + 1


def test_over_cap_drops_by_hash_and_fits() -> None:
    sizes = np.array([30, 30, 30, 30], np.int64)
    order = np.array([4, 1, 3, 2], np.uint64)
    assert over_cap(sizes, order, 65).tolist() == [True, False, True, False]
