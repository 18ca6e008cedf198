"""What is done with each document of the mix, decided over the whole corpus from small columns.

Belongs here: the verdict on every document and how often it is seen in each phase. The arithmetic is in
`budget.py`; what was measured comes from `measure.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from opencoder_dag.mix.budget import cap_limits, choose, over_cap
from opencoder_dag.mix.draw import draws
from opencoder_dag.mix.parts import ALGORITHMIC, CORPUS, INSTRUCTIONS, PARTS, WEB

if TYPE_CHECKING:
    from opencoder_dag.recipe import Mix, Train

PLAN_COLUMNS = ["verdict", "evidence", "part", "tokens", "pretrain", "anneal"]


def plan_mix(table: pa.Table, config: Mix, train: Train, seed: int) -> tuple[pa.Table, list[dict[str, Any]]]:
    """Decide over the whole corpus; the plan has a row for each row of `table` (`MEASURED_SCHEMA`).

    Where a part cannot give what its share asks, the code of the corpus gives it instead; where that is
    exhausted too, the phase stays short. The second result is the table that says so.
    """
    part = np.array(table["part"].to_pylist(), object)
    tokens = table["tokens"].to_numpy().astype(np.int64)
    ids = table["doc_id"].to_pylist()
    rows = table.num_rows
    verdict = np.full(rows, None, object)
    evidence = np.full(rows, None, object)
    for reason, column in (("held_out", "held_out"), ("error", "error")):
        for row in np.flatnonzero(~pc.is_null(table[column]).to_numpy(zero_copy_only=False)):
            verdict[row], evidence[row] = reason, table[column][int(row)].as_py()
    verdict[(verdict == None) & (tokens == 0)] = "empty"  # noqa: E711 - elementwise
    _apply_caps(table, config.caps, draws(seed, "cap", ids), part, verdict, evidence)

    usable = verdict == None  # noqa: E711 - elementwise
    code = usable & ((part == CORPUS) | (part == ALGORITHMIC))
    pretrain = {
        CORPUS: (code, 1 - config.web),
        WEB: (usable & (part == WEB), config.web),
    }
    shares = config.shares.config() if config.high_quality else {CORPUS: 1.0}
    anneal = {
        name: (usable & (part == name), share)
        for name, share in shares.items()
        if share or name not in INSTRUCTIONS
    }
    if not config.high_quality:
        anneal[CORPUS] = (code, 1.0)
    seen: dict[str, NDArray[np.int32]] = {}
    facts: list[dict[str, Any]] = []
    for phase, pools, budget in (
        ("pretrain", pretrain, train.tokens),
        ("anneal", anneal, train.anneal_tokens),
    ):
        order = draws(seed, phase, ids)
        seen[phase], rows_of_phase = share_out(pools, tokens, order, budget, config.max_repeats)
        facts += [{"phase": phase, **row} for row in rows_of_phase]
    unseen = usable & (seen["pretrain"] == 0) & (seen["anneal"] == 0)
    verdict[unseen] = "over_budget"
    columns = [
        pa.array(verdict.tolist(), pa.string()),
        pa.array(evidence.tolist(), pa.string()),
        pa.array(part.tolist(), pa.string()),
        pa.array(tokens, pa.int32()),
        pa.array(seen["pretrain"], pa.int32()),
        pa.array(seen["anneal"], pa.int32()),
    ]
    return pa.table(columns, PLAN_COLUMNS), facts


def _apply_caps(
    table: pa.Table,
    caps: Mapping[str, float],
    order: NDArray[np.uint64],
    part: NDArray[Any],
    verdict: NDArray[Any],
    evidence: NDArray[Any],
) -> None:
    """Mark the documents of capped languages that have to go; caps hold for the code of the corpus."""
    if not caps:
        return
    languages = np.array([language.lower() for language in table["language"].to_pylist()], object)
    sizes = table["size"].to_numpy().astype(np.int64)
    code = (verdict == None) & ((part == CORPUS) | (part == ALGORITHMIC))  # noqa: E711 - elementwise
    totals = {language: int(sizes[code & (languages == language)].sum()) for language in set(languages[code])}
    for language, limit in cap_limits(totals, {name.lower(): cap for name, cap in caps.items()}).items():
        rows = np.flatnonzero(code & (languages == language))
        gone = rows[over_cap(sizes[rows], order[rows], limit)]
        verdict[gone] = "language_cap"
        evidence[gone] = f'{{"language": "{language}", "limit_bytes": {limit}}}'


def share_out(
    pools: Mapping[str, tuple[NDArray[np.bool_], float]],
    tokens: NDArray[np.int64],
    order: NDArray[np.uint64],
    budget: int,
    max_repeats: float,
) -> tuple[NDArray[np.int32], list[dict[str, Any]]]:
    """Times each document is seen in one phase, and a row of facts for each part.

    `pools` maps a part to its documents and its share; shares are normalised. `CORPUS` comes last and
    takes over what the others could not give; `shortfall` is what a part stayed below its own share.
    """
    whole = sum(share for _, share in pools.values()) or 1.0
    repeats = np.zeros(len(tokens), np.int32)
    facts: dict[str, dict[str, Any]] = {}
    missing = 0
    for name in [*(name for name in pools if name != CORPUS), CORPUS]:
        mask, share = pools[name]
        asked = round(budget * share / whole)
        choice = choose(tokens[mask], order[mask], asked + (missing if name == CORPUS else 0), max_repeats)
        repeats[mask] += choice.repeats
        missing += asked - choice.used
        facts[name] = {
            "part": name,
            "asked_share": round(share / whole, 6),
            "used_share": round(choice.used / budget, 6) if budget else 0.0,
            "asked_tokens": asked,
            "used_tokens": choice.used,
            "available_tokens": choice.available,
            "used_documents": choice.documents,
            "available_documents": int(np.count_nonzero(mask)),
            "most_repeats": int(choice.repeats.max(initial=0)),
            "mean_repeats": round(choice.used / choice.available, 3) if choice.available else 0.0,
            "shortfall": max(asked - choice.used, 0),
        }
    return repeats, [facts[name] for name in PARTS if name in facts]
