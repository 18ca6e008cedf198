"""The seed: which pages are known to be about code, and which are not, before the first classifier.

Three ways to get labels: a file, a language model that is asked (`judge.py`), and the heuristic of
`heuristic.py`, which needs nothing. Where there are no labelled negatives they are drawn from the rest,
from domains without a positive page.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from opencoder_dag.errors import InputError
from opencoder_dag.web.config import Seed
from opencoder_dag.web.index import Bools, Ints, PageIndex, canonical_url

POSITIVE = frozenset({"1", "true", "yes", "code", "positive"})
NEGATIVE = frozenset({"0", "false", "no", "noncode", "other", "negative"})


@dataclass(frozen=True)
class SeedLabels:
    """What the labeller says of each page: `positive`, and `negative` as a label or as fit to be drawn.

    `negatives_known` tells the two apart.
    """

    positive: Bools
    negative: Bools
    negatives_known: bool
    facts: dict[str, Any]


def heuristic_labels(scores: npt.NDArray[np.float64], seed: Seed) -> SeedLabels:
    """Positive from score 1 on; pages with hardly any sign of code may be drawn as negatives."""
    positive = scores >= 1.0
    facts = {"by": "heuristic", "positive": int(positive.sum()), "pages": len(scores)}
    return SeedLabels(positive, scores < seed.negative_score, False, facts)


def file_labels(index: PageIndex, path: str) -> SeedLabels:
    """Labels by URL from a file (csv, tsv, jsonl or parquet, with columns url and label).

    Raises `InputError` for a file that cannot be read, has other columns or a label that is not understood,
    and when none of its URLs is among the pages.
    """
    labels = read_labels(path)
    positive = np.zeros(len(index), bool)
    negative = np.zeros(len(index), bool)
    for page, url in enumerate(index.url):
        label = labels.get(canonical_url(url))
        positive[page] = label is True
        negative[page] = label is False
    if not positive.any():
        raise InputError(f"seed.labels: {path}: no page of the input is labelled positive")
    facts = {
        "by": "labels",
        "positive": int(positive.sum()),
        "negative": int(negative.sum()),
        "labels": len(labels),
    }
    return SeedLabels(positive, negative if negative.any() else ~positive, bool(negative.any()), facts)


def read_labels(path: str) -> dict[str, bool]:
    """Canonical URL to label."""
    labels: dict[str, bool] = {}
    for number, row in enumerate(_rows(path), 1):
        if not isinstance(row, dict) or "url" not in row or "label" not in row:
            what = ", ".join(map(str, row)) if isinstance(row, dict) else type(row).__name__
            raise InputError(f"seed.labels: {path}: row {number}: needs url and label (has {what[:200]})")
        word = str(row["label"]).strip().lower().removesuffix(".0")
        if word not in POSITIVE | NEGATIVE:
            known = ", ".join(sorted(POSITIVE | NEGATIVE))
            raise InputError(f"seed.labels: {path}: row {number}: label {row['label']!r} is none of {known}")
        try:
            labels[canonical_url(str(row["url"]))] = word in POSITIVE
        except ValueError as error:
            raise InputError(
                f"seed.labels: {path}: row {number}: {row['url']!r} is no URL ({error})"
            ) from None
    return labels


def _rows(path: str) -> Sequence[Any]:
    suffix = Path(path).suffix.lower()
    try:
        if suffix == ".parquet":
            rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
            return rows
        text = Path(path).read_text(encoding="utf-8-sig")  # as spreadsheets write it
        if suffix == ".jsonl":
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        if suffix in (".csv", ".tsv"):
            return list(csv.DictReader(text.splitlines(), delimiter="\t" if suffix == ".tsv" else ","))
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise InputError(f"seed.labels: {path}: cannot be read ({error})") from None
    raise InputError(f"seed.labels: {path}: must be .csv, .tsv, .jsonl or .parquet")


@dataclass(frozen=True)
class Split:
    """The labelled pages of the first round: for training, and held out for the threshold."""

    train_positive: Ints
    train_negative: Ints
    held_positive: Ints
    held_negative: Ints
    negatives_from_positive_domains: int


def split_seed(index: PageIndex, labels: SeedLabels, usable: Bools, seed: Seed, held_out: float) -> Split:
    """Draw the seed and hold a part of it out; raises `InputError` when one class is (nearly) empty."""
    positives = index.draw(labels.positive & usable, seed.positives)
    negatives, borrowed = draw_negatives(index, labels, usable, positives, seed)
    for name, pages in (("positive", positives), ("negative", negatives)):
        if len(pages) < 2:
            raise InputError(f"web recall: {len(pages)} {name} seed pages; at least 2 are needed")
    held_positive = _hold_out(index, positives, held_out)
    held_negative = _hold_out(index, negatives, held_out)
    return Split(
        np.setdiff1d(positives, held_positive),
        np.setdiff1d(negatives, held_negative),
        held_positive,
        held_negative,
        borrowed,
    )


def draw_negatives(
    index: PageIndex, labels: SeedLabels, usable: Bools, positives: Ints, seed: Seed
) -> tuple[Ints, int]:
    """All labelled negatives, or as many as wanted from domains without a positive page.

    Where those do not suffice (a crawl of few sites) the rest comes from the domains of the positives; how
    many is returned beside them.
    """
    fit = labels.negative & usable
    if labels.negatives_known:
        return index.draw(fit, len(index)), 0
    wanted = max(2, round(len(positives) * seed.negatives_per_positive))
    taken = {index.domain[page] for page in positives}
    elsewhere = fit & np.array([domain not in taken for domain in index.domain], bool)
    negatives = index.draw(elsewhere, wanted)
    borrowed = index.draw(fit & ~elsewhere, wanted - len(negatives))
    return np.concatenate([negatives, borrowed]), len(borrowed)


def _hold_out(index: PageIndex, pages: Ints, share: float) -> Ints:
    """About `share` of the pages: whole domains where there are enough of them, so that the threshold is
    tuned on sites that the classifier has not seen, else single pages. At least one page, never all."""
    wanted = max(1, round(share * len(pages)))
    by_domain: dict[str, list[int]] = {}
    for page in pages.tolist():
        by_domain.setdefault(index.domain[page], []).append(page)
    held: list[int] = []
    for domain in sorted(by_domain, key=lambda domain: min(index.rank[by_domain[domain]])):
        if len(held) + len(by_domain[domain]) <= 1.5 * wanted and len(held) < wanted:
            held += by_domain[domain]
    if len(held) < 0.5 * wanted:
        held = pages[np.argsort(index.rank[pages], kind="stable")[:wanted]].tolist()
    return np.array(sorted(held), np.int64)
