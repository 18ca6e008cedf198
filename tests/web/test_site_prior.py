"""What sites say of their pages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencoder_dag.web.config import Domains
from opencoder_dag.web.site_prior import site_posteriors

CONFIG = Domains()
SCORES = st.floats(0, 1)


def recalled(scores: dict[str, list[float]], threshold: float = 0.5) -> dict[str, list[bool]]:
    """Pages recalled, by site."""
    sites = [site for site, values in scores.items() for _ in values]
    everything = np.array([value for values in scores.values() for value in values])
    posterior, _ = site_posteriors(sites, everything, threshold, CONFIG)
    found = iter((posterior >= 0.5).tolist())
    return {site: [next(found) for _ in values] for site, values in scores.items()}


def test_a_page_of_prose_in_a_manual_is_recalled_and_in_a_newspaper_is_not():
    found = recalled({"manual": [0.99] * 30 + [0.1], "paper": [0.02] * 30 + [0.1], "blog": [0.9, 0.1] * 15})
    assert all(found["manual"])
    assert not any(found["paper"])
    assert found["blog"] == [True, False] * 15, "a site of both kinds says nothing"


def test_what_the_site_says_grows_with_its_pages():
    few, many = (recalled({"site": [0.95] * pages + [0.15]})["site"][-1] for pages in (1, 60))
    assert not few and many


@given(st.lists(st.tuples(st.sampled_from("abc"), SCORES), min_size=1, max_size=30), st.floats(0.05, 0.95))
def test_a_site_never_speaks_against_a_page(pages, threshold):
    sites, scores = [site for site, _ in pages], np.array([score for _, score in pages])
    posterior, share = site_posteriors(sites, scores, threshold, CONFIG)
    assert (posterior[scores >= threshold] >= 0.5).all()
    assert ((posterior >= 0) & (posterior <= 1) & (share > 0) & (share < 1)).all()


@given(st.lists(SCORES, min_size=2, max_size=20))
def test_of_one_site_a_higher_score_is_never_worse(scores):
    posterior, share = site_posteriors(["a"] * len(scores), np.array(scores), 0.5, CONFIG)
    order = np.argsort(scores, kind="stable")
    assert (np.diff(posterior[order]) >= 0).all()
    assert np.ptp(share) == 0


def test_the_order_of_other_sites_does_not_matter():
    sites, scores = ["a", "b", "a", "c"], np.array([0.9, 0.2, 0.3, 0.6])
    posterior, _ = site_posteriors(sites, scores, 0.4, CONFIG)
    turned, _ = site_posteriors(sites[::-1], scores[::-1], 0.4, CONFIG)
    assert turned[::-1] == pytest.approx(posterior)
