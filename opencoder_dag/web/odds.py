"""Probabilities as log odds, in which evidence adds up and trust is a factor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SURE = 1e-6  # probabilities are kept so far from 0 and 1

Floats = npt.NDArray[np.float64]


def log_odds(probability: Floats) -> Floats:
    """Log odds of probabilities, finite for 0 and 1 too."""
    certain = np.clip(probability, SURE, 1 - SURE)
    return np.log(certain / (1 - certain))


def probability_of(odds: Floats) -> Floats:
    """Probabilities of log odds."""
    return 1.0 / (1.0 + np.exp(-odds))
