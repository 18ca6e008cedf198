"""The loop of the recall: train, tune, score, look at the domains, enlarge the seed, again.

Belongs here: what happens in a round and what it leaves behind. Where tokens are read and models are run is
given as functions, so that the loop itself knows no files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from opencoder_dag.web import curve
from opencoder_dag.web.config import Domains, RecallConfig
from opencoder_dag.web.domains import (
    Pattern,
    Site,
    count_sites,
    matcher,
    propose_patterns,
    review,
    reviewed_patterns,
)
from opencoder_dag.web.index import Bools, Ints, PageIndex
from opencoder_dag.web.seed import SeedLabels, Split
from opencoder_dag.web.site_prior import site_posteriors

RECALLED = 0.5  # probability from which a page is recalled

Floats = npt.NDArray[np.float64]
Train = Callable[[int, Ints, Ints], None]  # round, positives, negatives: leaves the round's model behind
Score = Callable[[int], Floats]  # round: a score for each page of the index


@dataclass(frozen=True)
class Round:
    """One round: its operating point, what it recalled and what it found about domains."""

    number: int
    positives: Ints
    negatives: Ints
    scores: Floats
    operating: curve.Operating
    points: list[tuple[float, float, float]]
    recalled: Bools
    gained: int
    sites: list[Site]
    patterns: list[Pattern]
    joining: Ints

    def facts(self) -> dict[str, Any]:
        """The round as one row of the rounds table."""
        return {
            "round": self.number,
            "seed_positives": len(self.positives),
            "seed_negatives": len(self.negatives),
            "threshold": round(self.operating.threshold, 6),
            "precision": round(self.operating.precision, 4),
            "recall": round(self.operating.recall, 4),
            "precision_reached": self.operating.reached,
            "recalled_pages": int(self.recalled.sum()),
            "gained": self.gained,
            "code_domains": sum(site.code_related for site in self.sites if not site.host),
            "patterns": sum(pattern.accepted for pattern in self.patterns),
            "joining": len(self.joining),
        }


@dataclass
class Loop:
    """The state that one round hands to the next."""

    index: PageIndex
    usable: Bools  # not a repeat of another page
    labels: SeedLabels
    split: Split
    config: RecallConfig
    rounds: list[Round] = field(default_factory=list)

    def run(self, train: Train, score: Score) -> list[Round]:
        """All rounds."""
        positives, negatives = self.split.train_positive, self.split.train_negative
        for number in range(1, self.config.rounds + 1):
            train(number, positives, negatives)
            done = self._conclude(number, positives, negatives, score(number))
            self.rounds.append(done)
            positives = np.union1d(positives, done.joining)
            negatives = self._next_negatives(positives, done)
        return self.rounds

    def _conclude(self, number: int, positives: Ints, negatives: Ints, scores: Floats) -> Round:
        held = np.concatenate([self.split.held_positive, self.split.held_negative])
        is_code = np.arange(len(held)) < len(self.split.held_positive)
        points = curve.precision_recall(scores[held], is_code)
        operating = curve.choose_threshold(points, self.config.precision, self.config.trust)
        recalled = self.usable & (scores >= operating.threshold)
        before = np.zeros(len(recalled), bool)
        for earlier in self.rounds:
            before |= earlier.recalled
        sites, patterns = find_sites(self.index, self.usable, recalled, self.config.domains)
        joining = self._joining(scores, operating.threshold, recalled, sites, patterns, positives)
        return Round(
            number=number,
            positives=positives,
            negatives=negatives,
            scores=scores,
            operating=operating,
            points=points,
            recalled=recalled,
            gained=int((recalled & ~before).sum()),
            sites=sites,
            patterns=patterns,
            joining=joining,
        )

    def _joining(
        self,
        scores: Floats,
        threshold: float,
        recalled: Bools,
        sites: list[Site],
        patterns: list[Pattern],
        positives: Ints,
    ) -> Ints:
        """Pages that join the positives of the next round: those that match an accepted pattern and were
        missed, where their site makes up for their score; and, so that the seed does not drift towards such
        pages, some recalled ones of each code-related domain.

        Never the pages that tune the threshold, nor those that a label calls negative.
        """
        config = self.config.domains
        free = self.usable.copy()
        free[np.concatenate([self.split.held_positive, self.split.held_negative, positives])] = False
        if self.labels.negatives_known:
            free &= ~self.labels.negative
        strict = config.model_copy(update={"neutral_share": config.joining_share})
        missed = free & ~recalled & recall_on_sites(self.index, self.usable, scores, threshold, strict)
        missed &= matching(self.index, missed, patterns)
        joining = [np.flatnonzero(missed)]
        domain = np.array(self.index.domain)
        for name in sorted(site.domain for site in sites if site.code_related and not site.host):
            joining.append(self.index.draw(free & recalled & (domain == name), config.joining_pages))
        return np.unique(np.concatenate(joining))

    def _next_negatives(self, positives: Ints, done: Round) -> Ints:
        """The negatives of the seed, less what joined the positives, and as many refused pages from domains
        that this round found to have nothing to do with code as it takes to balance the classes."""
        keep = np.setdiff1d(self.split.train_negative, positives)
        wanted = round(len(positives) * self.config.seed.negatives_per_positive) - len(keep)
        if wanted <= 0:
            return keep
        related = {site.domain for site in done.sites if site.code_related}
        free = (
            self.usable & ~done.recalled & np.array([name not in related for name in self.index.domain], bool)
        )
        held = np.concatenate([self.split.held_positive, self.split.held_negative])
        free[np.concatenate([keep, positives, held])] = False
        return np.union1d(keep, self.index.draw(free, wanted))


def find_sites(
    index: PageIndex, usable: Bools, recalled: Bools, config: Domains
) -> tuple[list[Site], list[Pattern]]:
    """The domain step on what was recalled: sites, and patterns as the rule or the reviewer accepts them."""
    pages = np.flatnonzero(usable).tolist()
    domains, hosts = [index.domain[page] for page in pages], [index.host[page] for page in pages]
    hits = recalled[pages].tolist()
    sites = count_sites(domains, hosts, hits, config)
    related = {site.domain for site in sites if site.code_related}
    proposed = propose_patterns(domains, hosts, [index.path[page] for page in pages], hits, related, config)
    if config.reviewed is None:
        return sites, proposed
    return sites, review(proposed, reviewed_patterns(config.reviewed))


def matching(index: PageIndex, candidates: Bools, patterns: list[Pattern]) -> Bools:
    """Which of the candidates match an accepted pattern."""
    matches = matcher(pattern.pattern for pattern in patterns if pattern.accepted)
    found = np.zeros(len(candidates), bool)
    for page in np.flatnonzero(candidates).tolist():
        found[page] = matches(index.host[page], index.path[page])
    return found


def recall_on_sites(
    index: PageIndex, usable: Bools, scores: Floats, threshold: float, config: Domains
) -> Bools:
    """What a classifier recalls in the end: each page by its score and by what its site says of it."""
    recalled = np.zeros(len(index), bool)
    pages = np.flatnonzero(usable)
    sites = [index.domain[page] for page in pages.tolist()]
    posterior, _ = site_posteriors(sites, scores[pages], threshold, config)
    recalled[pages] = posterior >= RECALLED
    return recalled
