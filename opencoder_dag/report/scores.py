"""Scores as people read them: headline numbers of one recipe, and the table that compares recipes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opencoder_dag.lake import Dataset


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


def recipe_rows(outputs: Mapping[str, Mapping[str, Dataset]]) -> list[dict[str, Any]]:
    """One row a recipe, from `asset -> recipe -> dataset`; recipes without an evaluation are left out."""
    rows = []
    for recipe, tuned in outputs["eval_scores"].items():
        base = outputs["base_scores"].get(recipe)
        corpus = outputs["filtered_corpus"].get(recipe)
        model = outputs["base_model"].get(recipe)
        if base is None or corpus is None or model is None:
            continue
        before, after = scores_of(base), scores_of(tuned)
        rows.append(
            {
                "recipe": recipe,
                "documents": corpus.manifest.counts["kept"],
                "MB": round(corpus.manifest.counts["bytes_kept"] / 1e6, 2),
                "tokens": int(model.manifest.facts["tokens"]),
                "loss": float(model.manifest.facts["loss"]),
                "held-out bits/byte": before.get("held_out.bits_per_byte", float("nan")),
                **_suites(before, after),
            }
        )
    return rows


def training_curve(model: Dataset) -> list[tuple[float, float]]:
    """Training loss of a model: (tokens, nats a token) by steps."""
    return [(point["tokens"], point["loss"]) for point in model.manifest.facts["curve"]]


def held_out_curve(model: Dataset) -> list[tuple[float, float]]:
    """Loss on the common held-out code while the model was trained: (tokens, nats a token)."""
    return [(point["tokens"], point["loss"]) for point in model.manifest.facts["held_out_curve"]]


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


def plain_number(value: Any) -> str:
    """A cell of a table as text."""
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def html_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of equal keys as an HTML table."""
    from html import escape

    if not rows:
        return "<p>Nothing to compare yet.</p>"
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(plain_number(value))}</td>" for value in row.values()) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
