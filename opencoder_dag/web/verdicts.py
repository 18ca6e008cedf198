"""From scores to verdicts: one row a page, for the tasks that split the shards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from opencoder_dag.lake import canonical_json
from opencoder_dag.web.index import PageIndex, Verdict
from opencoder_dag.web.rounds import Floats, Round

PLACES = 6  # decimal places of scores and thresholds, wherever they are written


def round_verdicts(
    index: PageIndex, repeats: dict[int, Verdict], rounds: Sequence[Round]
) -> list[dict[str, Any]]:
    """Kept is what the last round recalled; `round` is the first one that recalled the page."""
    first_round = np.zeros(len(index), np.int32)
    for done in reversed(rounds):
        first_round[done.recalled] = done.number
    last = rounds[-1]
    return verdict_rows(repeats, last.scores, last.operating.threshold, first_round)


def verdict_rows(
    repeats: dict[int, Verdict], scores: Floats, threshold: float, recalled_in: npt.NDArray[np.int32]
) -> list[dict[str, Any]]:
    """Rows of `tasks.VERDICT_SCHEMA` in the order of the index; repeats are refused whatever their score."""
    rows = []
    for page, score in enumerate(scores.tolist()):
        reason, evidence = repeats.get(page, (None, {}))
        if reason is None and score < threshold:
            reason = "below_threshold"
            evidence = {"score": round(score, PLACES), "threshold": round(threshold, PLACES)}
            if recalled_in[page]:
                evidence["recalled_in_round"] = int(recalled_in[page])
        rows.append(
            {
                "score": round(score, PLACES),
                "round": int(recalled_in[page]),
                "reason": reason,
                "evidence": None if reason is None else canonical_json(evidence),
            }
        )
    return rows
