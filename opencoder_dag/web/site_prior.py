"""What a page's site says of it: the classifier's prior, adjusted to each site.

A manual has pages of mere prose, and a classifier that sees one page at a time refuses them. How many pages
of a site are about code is unknown beforehand, but follows from the scores of all its pages: expectation
maximisation gives the share, and the share moves the log odds of each page (Saerens, Latinne and
Decaestecker, "Adjusting the outputs of a classifier to new a priori probabilities", Neural Computation 14,
2002).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opencoder_dag.web.config import Domains
from opencoder_dag.web.odds import Floats, log_odds, probability_of

ITERATIONS = 20
PRIOR_PAGES = 2  # a site is taken to have so many pages more, of which the neutral share is about code


def site_posteriors(
    sites: Sequence[str], scores: Floats, threshold: float, config: Domains
) -> tuple[Floats, Floats]:
    """Probability that each page is about code given its score and its site, and the share of its site.

    `sites` names the site of each page. At the threshold, on a site with the neutral share, the probability
    is a half; a page is recalled from there on. A site never speaks against a page.
    """
    names, site_of = np.unique(np.asarray(sites, dtype=object).astype(str), return_inverse=True)
    pages = np.bincount(site_of, minlength=len(names))
    evidence = config.trust * (log_odds(scores) - log_odds(np.array(threshold)))
    neutral = config.neutral_share
    share = np.full(len(names), neutral)
    for _ in range(ITERATIONS):
        shift = np.maximum(log_odds(share) - log_odds(np.array(neutral)), 0.0)
        posterior = probability_of(evidence + shift[site_of])
        about_code = np.bincount(site_of, posterior, minlength=len(names))
        share = (about_code + PRIOR_PAGES * neutral) / (pages + PRIOR_PAGES)
    return posterior, share[site_of]
