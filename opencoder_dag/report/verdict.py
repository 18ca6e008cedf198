"""Did a change help? Differences of scores with paired bootstrap intervals, and what to make of them.

Both models answer the same problems and read the same held-out documents, so items are resampled in pairs;
with several seeds a side, seeds are resampled as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from opencoder_dag.errors import InputError
from opencoder_dag.lake import Dataset, read_table

RESAMPLES = 2000
Floats = NDArray[np.float64]
Chosen = NDArray[np.int64] | slice
Word = Literal["better", "worse", "no difference seen"]


@dataclass(frozen=True)
class Items:
    """One score by item: the score is sum(numerators) / sum(denominators).

    Both arrays are (seeds, items); `higher_is_better` tells which way is good. Denominators differ between
    models where their tokenizers do: the bytes that a model was asked to predict.
    """

    score: str
    ids: tuple[str, ...]
    numerators: Floats
    denominators: Floats
    higher_is_better: bool


@dataclass(frozen=True)
class Verdict:
    """How a variant's score differs from the baseline's: variant minus baseline, with a 95 % interval."""

    score: str
    baseline: float
    variant: float
    difference: float
    low: float
    high: float
    items: int
    word: Word


def score_items(evaluations: Sequence[Dataset], prefix: str) -> list[Items]:
    """The scores of one recipe by item, from its evaluation folders, one a seed.

    Raises `InputError` when the seeds did not see the same items.
    """
    found = []
    held_out = [read_table(run.file("held_out.parquet")).sort_by("doc_id") for run in evaluations]
    if held_out and held_out[0].num_rows:
        ids = _same_ids(held_out)
        bits, sizes = _column(held_out, "bits"), _column(held_out, "bytes")
        found.append(Items(f"{prefix}.held_out.bits_per_byte", ids, bits, sizes, higher_is_better=False))
    problems = [read_table(run.file("problems.parquet")).sort_by("doc_id") for run in evaluations]
    for suite in sorted(set(problems[0]["suite"].to_pylist())) if problems else ():
        tables = [table.filter(pc.equal(table["suite"], suite)) for table in problems]
        ids = _same_ids(tables)
        passed = _column(tables, "correct") / _column(tables, "samples")
        ones = np.ones_like(passed)
        found.append(Items(f"{prefix}.{suite}.pass@1", ids, passed, ones, higher_is_better=True))
        bits, sizes = _column(tables, "reference_bits"), _column(tables, "reference_bytes")
        if not np.isnan(bits).any():
            found.append(Items(f"{prefix}.{suite}.bits_per_byte", ids, bits, sizes, higher_is_better=False))
    return found


def _column(tables: Sequence[pa.Table], name: str) -> Floats:
    """A column of each seed's table: (seeds, items); missing values are NaN."""
    return np.array([table[name].to_pylist() for table in tables], dtype=float)


def _same_ids(tables: Sequence[pa.Table]) -> tuple[str, ...]:
    ids = [tuple(table["doc_id"].to_pylist()) for table in tables]
    if len(set(ids)) != 1:
        raise InputError(
            "evaluations of one recipe saw different items: evaluate all seeds at the same settings"
        )
    return ids[0]


def compare_scores(baseline: Sequence[Items], variant: Sequence[Items], seed: int = 0) -> list[Verdict]:
    """A verdict on every score that both have over the same items."""
    theirs = {items.score: items for items in baseline}
    pairs = [(theirs[items.score], items) for items in variant if items.score in theirs]
    return [_verdict(one, other, seed) for one, other in pairs if one.ids == other.ids]


def _verdict(baseline: Items, variant: Items, seed: int) -> Verdict:
    draw = np.random.default_rng(seed)
    count = len(baseline.ids)
    differences = np.empty(RESAMPLES)
    for index in range(RESAMPLES):
        chosen = draw.integers(0, count, count)
        values = []
        for side in (baseline, variant):
            seeds = draw.integers(0, len(side.numerators), len(side.numerators))
            values.append(_score(side, seeds, chosen))
        differences[index] = values[1] - values[0]
    low, high = np.quantile(differences, [0.025, 0.975])
    everything = slice(None)
    before, after = (_score(side, everything, everything) for side in (baseline, variant))
    return Verdict(
        score=baseline.score,
        baseline=round(before, 5),
        variant=round(after, 5),
        difference=round(after - before, 5),
        low=round(float(low), 5),
        high=round(float(high), 5),
        items=count,
        word=_word(float(low), float(high), baseline.higher_is_better),
    )


def _score(side: Items, seeds: Chosen, items: Chosen) -> float:
    return float(side.numerators[seeds][:, items].sum() / side.denominators[seeds][:, items].sum())


def _word(low: float, high: float, higher_is_better: bool) -> Word:
    if low <= 0 <= high:
        return "no difference seen"
    return "better" if (low > 0) == higher_is_better else "worse"
