"""The threshold of a round."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencoder_dag.web.curve import choose_threshold, precision_recall

labelled = st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans()), min_size=1, max_size=40)


def curve_of(pages: list[tuple[float, bool]]) -> list[tuple[float, float, float]]:
    scores = np.array([score for score, _ in pages])
    return precision_recall(scores, np.array([is_code for _, is_code in pages]))


def test_between_two_sites_it_goes_half_way_to_one_half():
    curve = curve_of([(0.99, True), (0.98, True), (0.9, False), (0.1, False)])
    trusted, shrunk = choose_threshold(curve, 0.95, 1.0), choose_threshold(curve, 0.95, 0.5)
    assert trusted.threshold == pytest.approx(0.94)
    odds = [threshold / (1 - threshold) for threshold in (trusted.threshold, shrunk.threshold)]
    assert odds[1] == pytest.approx(odds[0] ** 0.5)
    assert (trusted.precision, trusted.recall, trusted.reached) == (1.0, 1.0, True)
    assert (shrunk.precision, shrunk.recall, shrunk.reached) == (pytest.approx(2 / 3), 1.0, False)


@given(labelled, st.floats(0.5, 0.99), st.floats(0.05, 1.0))
def test_what_it_says_of_itself_is_what_the_pages_say(
    pages: list[tuple[float, bool]], wanted: float, trust: float
):
    chosen = choose_threshold(curve_of(pages), wanted, trust)
    taken = [is_code for score, is_code in pages if score >= chosen.threshold]
    if taken:
        assert chosen.precision == pytest.approx(sum(taken) / len(taken))
        assert chosen.recall == pytest.approx(sum(taken) / max(sum(is_code for _, is_code in pages), 1))
    assert chosen.reached == (chosen.precision >= wanted)
    assert 0 < chosen.threshold < 1
