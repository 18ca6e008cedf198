"""The precision-recall curve of a round, and the threshold that it gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opencoder_dag.web.odds import log_odds, probability_of

CURVE_POINTS = 60


@dataclass(frozen=True)
class Operating:
    """A threshold and how it does on the held-out labelled pages; `reached` tells whether the wanted
    precision can be had at all."""

    threshold: float
    precision: float
    recall: float
    reached: bool


def precision_recall(
    scores: npt.NDArray[np.float64], is_code: npt.NDArray[np.bool_]
) -> list[tuple[float, float, float]]:
    """(threshold, precision, recall) for every distinct score, from the highest down."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(is_code[order])
    taken = np.arange(1, len(order) + 1)
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # equal scores are taken together
    total = max(int(is_code.sum()), 1)
    return [
        (float(scores[order[end]]), float(hits[end] / taken[end]), float(hits[end] / total)) for end in ends
    ]


def choose_threshold(curve: list[tuple[float, float, float]], wanted: float, trust: float) -> Operating:
    """The point of the highest F1 among those with the wanted precision, else that of the highest precision;
    then back towards one half, by the share of its log odds that is not trusted.

    The held-out pages come from a few sites: where a class scores 0.98 there, it does not elsewhere.
    Precision and recall are those at the threshold that comes out.
    """
    if not curve:
        return Operating(0.5, 0.0, 0.0, False)
    fit = [index for index, (_, precision, _) in enumerate(curve) if precision >= wanted]
    if fit:
        best = max(fit, key=lambda index: (_f1(curve[index]), -index))
    else:
        best = max(range(len(curve)), key=lambda index: (curve[index][1], curve[index][2]))
    below = curve[best + 1][0] if best + 1 < len(curve) else curve[best][0] / 2
    between = np.array((curve[best][0] + below) / 2)  # pages to come will not score the same
    threshold = float(probability_of(trust * log_odds(between)))
    taken = [point for point in curve if point[0] >= threshold]
    _, precision, recall = taken[-1] if taken else curve[0]
    return Operating(threshold, precision, recall, precision >= wanted)


def _f1(point: tuple[float, float, float]) -> float:
    _, precision, recall = point
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def thin(curve: list[tuple[float, float, float]], points: int = CURVE_POINTS) -> list[list[float]]:
    """The curve at no more than `points` places, for plots."""
    if len(curve) <= points:
        return [[round(value, 6) for value in point] for point in curve]
    places = np.unique(np.linspace(0, len(curve) - 1, points).round().astype(int))
    return [[round(value, 6) for value in curve[place]] for place in places]
