import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencoder_dag.train.schedule import Schedule

# Methods page, section 2.2: the published curve at its check points.
WCL = Schedule("wcl", peak=1e-3, final=1e-4, warmup=1_000, stable_end=10_000, end=11_000)


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        (500, 5e-4),
        (1_000, 1e-3),
        (2_000, 9.945e-4),
        (4_000, 9.510e-4),
        (6_000, 8.682e-4),
        (8_000, 7.543e-4),
        (10_000, 6.204e-4),
        (10_500, (6.204e-4 + 1e-4) / 2),
        (11_000, 1e-4),
    ],
)
def test_wcl_goes_through_the_published_points(step: int, rate: float) -> None:
    assert WCL.rate(step) == pytest.approx(rate, rel=1e-3)


def test_opencoder_wsd_decays_exponentially_from_3e_4_to_1e_5() -> None:
    schedule = Schedule("wsd", peak=3e-4, final=1e-5, warmup=2_000, stable_end=373_000, end=396_841)
    assert schedule.rate(1_000) == pytest.approx(1.5e-4)
    assert {schedule.rate(step) for step in (2_000, 100_000, 373_000)} == {3e-4}
    middle = schedule.rate(373_000 + 23_841 // 2)
    assert middle == pytest.approx(math.sqrt(3e-4 * 1e-5), rel=1e-3)
    assert schedule.rate(396_841) == pytest.approx(1e-5)


def test_minicpm_decay_halves_every_5000_steps() -> None:
    # 18,500 steps of decay end at 0.5 ** 3.7 of the peak (methods page, section 2.1).
    schedule = Schedule("wsd", 1e-2, 1e-2 * 0.5**3.7, warmup=0, stable_end=261_000, end=279_500)
    assert schedule.rate(266_000) == pytest.approx(5e-3)
    assert schedule.rate(271_000) == pytest.approx(2.5e-3)
    assert schedule.rate(279_500) / 1e-2 == pytest.approx(0.077, abs=5e-4)


@given(
    kind=st.sampled_from(["wsd", "wcl", "cosine"]),
    decay=st.sampled_from(["exponential", "linear", "sqrt"]),
    warmup=st.integers(0, 50),
    stable=st.integers(1, 200),
    falling=st.integers(0, 100),
    final=st.floats(0, 1e-3),
)
def test_every_curve_rises_to_its_peak_then_never_rises_and_stays_in_bounds(
    kind: str, decay: str, warmup: int, stable: int, falling: int, final: float
) -> None:
    schedule = Schedule(kind, 1e-3, final, warmup, stable, stable + falling, decay)  # type: ignore[arg-type]
    rates = [schedule.rate(step) for step in range(1, stable + falling + 1)]
    assert all(0 <= rate <= 1e-3 * (1 + 1e-12) for rate in rates)
    top = min(warmup, max(1, stable // 2))
    assert all(before < after for before, after in pairwise(rates[:top]))
    assert all(before >= after - 1e-18 for before, after in pairwise(rates[max(top - 1, 0) :]))
    if kind == "cosine" or falling:
        assert rates[-1] == pytest.approx(final, abs=1e-12) or stable + falling <= top
