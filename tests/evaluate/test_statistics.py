"""pass@k against brute force, and intervals against what they must cover."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencoder_dag.evaluate.statistics import bootstrap_ratio, pass_at_k, share_interval, wilson


@given(st.integers(1, 8).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_share_of_drawings_with_a_right_one(case: tuple[int, int, int]) -> None:
    samples, correct, k = case
    draws = list(combinations(range(samples), k))
    share = sum(any(index < correct for index in draw) for draw in draws) / len(draws)
    assert pass_at_k(samples, correct, k) == pytest.approx(share, abs=1e-12)


@pytest.mark.parametrize("case", [(3, 4, 1), (3, 1, 4), (3, -1, 1), (3, 1, 0)])
def test_pass_at_k_refuses_the_impossible(case: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="pass@"):
        pass_at_k(*case)


def test_wilson_against_published_values() -> None:
    # Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for (hits, trials), (low, high) in {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }.items():
        assert wilson(hits, trials) == pytest.approx((low, high), abs=2e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_bootstrap_is_repeatable_and_brackets_the_ratio() -> None:
    top, bottom = [1.0, 2.0, 3.0, 9.0] * 10, [2.0, 2.0, 4.0, 4.0] * 10
    low, high = bootstrap_ratio(top, bottom, seed=1)
    assert (low, high) == bootstrap_ratio(top, bottom, seed=1)
    assert low < sum(top) / sum(bottom) < high
    assert bootstrap_ratio([5.0] * 4, [2.0] * 4, seed=0) == (2.5, 2.5)


def test_share_interval_picks_by_the_values() -> None:
    assert share_interval([1.0, 0.0, 1.0], 0) == wilson(2, 3)
    assert share_interval([0.5, 0.25], 3) == bootstrap_ratio([0.5, 0.25], [1.0, 1.0], 3)
