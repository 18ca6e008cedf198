"""From scores to verdicts: one row a page, for the tasks that split the shards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from opencoder_dag.lake import canonical_json
from opencoder_dag.web.index import Bools, Verdict
from opencoder_dag.web.rounds import Floats, Round

PLACES = 6  # decimal places of scores and thresholds, wherever they are written


def first_rounds(rounds: Sequence[Round]) -> npt.NDArray[np.int32]:
    """The first round that recalled each page, 0 for none."""
    first = np.zeros(len(rounds[0].recalled), np.int32)
    for done in reversed(rounds):
        first[done.recalled] = done.number
    return first


def verdict_rows(
    repeats: dict[int, Verdict],
    scores: Floats,
    threshold: float,
    recalled: Bools,
    first_round: npt.NDArray[np.int32],
    last_round: int,
) -> list[dict[str, Any]]:
    """Rows of `tasks.VERDICT_SCHEMA` in the order of the index; repeats are refused whatever their score.

    A page that only its site brought in counts for the last round.
    """
    rows = []
    for page, score in enumerate(scores.tolist()):
        reason, evidence = repeats.get(page, (None, {}))
        if reason is None and not recalled[page]:
            reason = "below_threshold"
            evidence = {"score": round(score, PLACES), "threshold": round(threshold, PLACES)}
            if first_round[page]:
                evidence["recalled_in_round"] = int(first_round[page])
        rows.append(
            {
                "score": round(score, PLACES),
                "round": int(first_round[page]) or last_round,
                "reason": reason,
                "evidence": None if reason is None else canonical_json(evidence),
            }
        )
    return rows
