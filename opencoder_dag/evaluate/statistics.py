"""From samples to scores: pass@k and the intervals that say how much a score can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

RESAMPLES = 2000


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """Unbiased estimate of the chance that at least one of k samples is right (Chen et al. 2021, equation 1).

    `correct` of `samples` were right: 1 - C(samples - correct, k) / C(samples, k).
    """
    if not 0 <= correct <= samples or not 1 <= k <= samples:
        raise ValueError(
            f"pass@{k} needs 0 <= correct <= samples and k <= samples, got {correct} of {samples}"
        )
    return 1.0 - math.comb(samples - correct, k) / math.comb(samples, k)


def wilson(successes: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval for a share; at 0 trials nothing is known: (0, 1)."""
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    middle = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def bootstrap_ratio(
    numerators: Sequence[float], denominators: Sequence[float], seed: int, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of sum(numerators) / sum(denominators) when the items are drawn again.

    With denominators of 1 this is the interval of a mean. Items are what varies: problems, or documents.
    """
    if not numerators:
        return 0.0, 0.0
    top, bottom = np.asarray(numerators, float), np.asarray(denominators, float)
    draws = np.random.default_rng(seed).integers(0, len(top), (RESAMPLES, len(top)))
    ratios = top[draws].sum(1) / bottom[draws].sum(1)
    low, high = np.quantile(ratios, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def share_interval(values: Sequence[float], seed: int) -> tuple[float, float]:
    """Interval of the mean of per-problem scores: Wilson's where they are all 0 or 1, else bootstrap."""
    if all(value in (0.0, 1.0) for value in values):
        return wilson(int(sum(values)), len(values))
    return bootstrap_ratio(values, [1.0] * len(values), seed)
