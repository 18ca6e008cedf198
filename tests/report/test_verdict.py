import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opencoder_dag.report.verdict import Items, compare_scores


def items(values, *, higher: bool = True, seeds: int = 1, score: str = "base.ladder.pass@1") -> Items:
    numerators = np.array([values] * seeds if np.ndim(values) == 1 else values, dtype=float)
    ids = tuple(f"item-{n}" for n in range(numerators.shape[1]))
    return Items(score, ids, numerators, np.ones_like(numerators), higher)


def test_a_clear_gain_is_seen_in_the_good_direction():
    weak, strong = [0.0] * 60 + [1.0] * 20, [0.0] * 30 + [1.0] * 50
    (up,) = compare_scores([items(weak)], [items(strong)])
    assert (up.word, up.baseline, up.variant, up.difference) == ("better", 0.25, 0.625, 0.375)
    (down,) = compare_scores([items(weak, higher=False)], [items(strong, higher=False)])
    assert down.word == "worse"


def test_pairs_show_what_means_would_hide():
    """A small gain on every item is certain, though items differ widely from one another."""
    draw = np.random.default_rng(1)
    bits = draw.uniform(1, 9, 200)
    (verdict,) = compare_scores([items(bits, higher=False)], [items(bits - 0.05, higher=False)])
    assert verdict.word == "better"
    assert verdict.low == pytest.approx(-0.05) and verdict.high == pytest.approx(-0.05)


def test_models_that_were_asked_for_other_bytes_have_their_own_sizes():
    """The interval of a ratio holds the ratio's difference, whatever each side's denominators are."""
    draw = np.random.default_rng(2)
    sizes = draw.uniform(500, 9000, (1, 12))
    ids = tuple(f"document-{n}" for n in range(12))
    baseline = Items("base.held_out.bits_per_byte", ids, sizes * 3.4, sizes, False)
    variant = Items("base.held_out.bits_per_byte", ids, sizes * 0.98 * 3.5, sizes * 0.98, False)
    (verdict,) = compare_scores([baseline], [variant])
    assert verdict.difference == pytest.approx(0.1)
    assert verdict.low <= verdict.difference + 1e-9 and verdict.difference - 1e-9 <= verdict.high
    assert verdict.word == "worse"


@settings(max_examples=20, deadline=None)
@given(st.lists(st.booleans(), min_size=5, max_size=60))
def test_equal_answers_show_no_difference(passed):
    (verdict,) = compare_scores([items(passed)], [items(passed)])
    assert verdict.word == "no difference seen" and verdict.difference == 0


def test_seeds_that_disagree_widen_the_interval():
    base = np.tile([0.0, 1.0], 40)
    calm = compare_scores([items([base, base, base])], [items([base, base, base])])[0]
    wild = compare_scores([items([base, base, base])], [items([base * 0, base, base * 0 + 1])])[0]
    assert wild.high - wild.low > calm.high - calm.low + 0.3


def test_other_items_are_not_compared():
    assert compare_scores([items([1.0, 0.0])], [items([1.0, 0.0, 1.0])]) == []
    assert compare_scores([items([1.0])], [items([1.0], score="another")]) == []
