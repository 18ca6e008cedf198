"""Scores as people read them: headline numbers of one recipe, and the table that compares recipes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from statistics import fmean
from typing import Any

import numpy as np

from opencoder_dag.lake import Dataset
from opencoder_dag.recipe import split_seed

Outputs = Mapping[str, Mapping[str, Dataset]]  # asset to recipe (with seed) to its newest output
COMPLETE = ("filtered_corpus", "base_model", "base_scores", "eval_scores")


def scores_of(dataset: Dataset) -> dict[str, float]:
    """All scores of an evaluation: `suite.metric` to value."""
    return {name: float(value) for name, value in dataset.manifest.facts["scores"].items()}


def headline_scores(base: Dataset, tuned: Dataset) -> dict[str, float]:
    """The scores that a recipe is compared by: `base.` before instruction tuning, `tuned.` after it."""
    return {
        **{f"base.{name}": value for name, value in scores_of(base).items()},
        **{f"tuned.{name}": value for name, value in scores_of(tuned).items()},
    }


def score_rows(base: Dataset, tuned: Dataset) -> list[dict[str, Any]]:
    """One row a score: before and after instruction tuning."""
    before, after = scores_of(base), scores_of(tuned)
    names = sorted({*before, *after})
    missing = float("nan")
    return [
        {"score": name, "base": before.get(name, missing), "tuned": after.get(name, missing)}
        for name in names
    ]


def complete_runs(outputs: Outputs) -> dict[str, list[str]]:
    """Recipe to the names of its evaluated runs, one a seed; recipes without an evaluation are left out."""
    runs: dict[str, list[str]] = {}
    for name in outputs["eval_scores"]:
        if all(name in outputs[asset] for asset in COMPLETE):
            runs.setdefault(split_seed(name)[0], []).append(name)
    return runs


def recipe_rows(outputs: Outputs) -> list[dict[str, Any]]:
    """One row a recipe: corpus, training, scores; means over the seeds that were run."""
    rows = []
    for recipe, names in complete_runs(outputs).items():
        measured = [_measured(outputs, name) for name in names]
        means = {column: fmean(run[column] for run in measured) for column in measured[0]}
        whole = {column: round(means.pop(column)) for column in ("documents", "tokens")}
        rows.append({"recipe": recipe, "seeds": len(names), **whole, **means})
    return rows


def _measured(outputs: Outputs, name: str) -> dict[str, float]:
    corpus, model = outputs["filtered_corpus"][name].manifest, outputs["base_model"][name].manifest
    before, after = scores_of(outputs["base_scores"][name]), scores_of(outputs["eval_scores"][name])
    return {
        "documents": corpus.counts["kept"],
        "tokens": model.facts["tokens"],
        "MB": corpus.counts["bytes_kept"] / 1e6,
        "loss": model.facts["loss"],
        "held-out bits/byte": before.get("held_out.bits_per_byte", float("nan")),
        **_suites(before, after),
    }


def _suites(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    columns = {}
    for name, value in before.items():
        suite, _, metric = name.partition(".")
        if metric == "pass@1":
            columns[f"{suite} base"] = value
            columns[f"{suite} tuned"] = after.get(name, float("nan"))
        elif metric == "bits_per_byte" and suite != "held_out":
            columns[f"{suite} bits/byte"] = value
    return columns


def training_curve(model: Dataset) -> list[tuple[float, float]]:
    """Training loss of a model: (tokens, nats a token) by steps."""
    return [(point["tokens"], point["loss"]) for point in model.manifest.facts["curve"]]


def held_out_curve(model: Dataset) -> list[tuple[float, float]]:
    """Loss on the common held-out code while the model was trained: (tokens, nats a token)."""
    return [(point["tokens"], point["loss"]) for point in model.manifest.facts["held_out_curve"]]


def over_seeds(
    curves: Sequence[Sequence[tuple[float, float]]],
) -> tuple[list[tuple[float, float]], list[tuple[float, float, float]]]:
    """One curve a seed as their mean, and as the band from their lowest to their highest.

    Seeds differ by a few tokens a step, so all are read where the first has its points.
    """
    places = [x for x, _ in curves[0]]
    if not places:
        return [], []
    read = np.array(
        [np.interp(places, [x for x, _ in curve], [y for _, y in curve]) for curve in curves if curve]
    )
    mean, low, high = read.mean(axis=0).tolist(), read.min(axis=0).tolist(), read.max(axis=0).tolist()
    return list(zip(places, mean, strict=True)), list(zip(places, low, high, strict=True))


def plain_number(value: Any) -> str:
    """A cell of a table as text."""
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def html_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of equal keys as an HTML table."""
    if not rows:
        return "<p>Nothing to compare yet.</p>"
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(plain_number(value))}</td>" for value in row.values()) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of equal keys as a Markdown table."""
    if not rows:
        return ""
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", f"|{'|'.join('---' for _ in names)}|"]
    for row in rows:
        cells = (_cell(row.get(name, "")) for name in names)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value).replace("|", "\\|").replace("\n", " ")
