"""The report that compares recipes: what differs, what the paper says, what came out here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from opencoder_dag.lake import Dataset
from opencoder_dag.recipe import Recipe
from opencoder_dag.report.plots import curves, grouped_bars, markdown_image
from opencoder_dag.report.scores import held_out_curve, html_table, scores_of, training_curve

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 960px;
       margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .7rem; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; }
"""


def ablation_plots(outputs: Mapping[str, Mapping[str, Dataset]]) -> dict[str, bytes]:
    """Loss on held-out code and training loss against tokens, and pass@1, by recipe."""
    models = outputs["base_model"]
    held_out = {recipe: held_out_curve(model) for recipe, model in models.items()}
    training = {recipe: training_curve(model) for recipe, model in models.items()}
    plots = {
        "held-out loss": curves(held_out, "Loss on common held-out code", "tokens", "nats a token"),
        "training loss": curves(training, "Training loss", "tokens", "nats a token"),
    }
    scores: dict[str, dict[str, float]] = {}
    for label, asset in (("base", "base_scores"), ("tuned", "eval_scores")):
        for recipe, dataset in outputs[asset].items():
            for name, value in scores_of(dataset).items():
                suite, _, metric = name.partition(".")
                if metric == "pass@1":
                    scores.setdefault(recipe, {})[f"{suite} {label}"] = value
    if scores:
        plots["scores"] = grouped_bars(scores, "pass@1 by recipe", "share of problems")
    return plots


def report_markdown(rows: Sequence[Mapping[str, Any]], recipes: Sequence[Recipe]) -> str:
    """What each recipe changes and what the paper found, as a Markdown list."""
    if not rows:
        return "No recipe has been evaluated yet: materialise `eval_scores` for one."
    lines = [
        f"- **{recipe.name}**: {recipe.title}." + (f" *Paper:* {recipe.paper}." if recipe.paper else "")
        for recipe in recipes
    ]
    return "\n".join(lines)


def report_html(
    rows: Sequence[Mapping[str, Any]], recipes: Sequence[Recipe], plots: Mapping[str, bytes]
) -> str:
    """The report as one HTML page that needs nothing else."""
    items = "".join(
        f"<li><b>{escape(recipe.name)}</b>: {escape(recipe.title)}."
        + (f" <i>Paper:</i> {escape(recipe.paper)}." if recipe.paper else "")
        + "</li>"
        for recipe in recipes
    )
    images = "".join(
        f'<h2>{escape(title)}</h2><img alt="{escape(title)}" src="{_source(image)}">'
        for title, image in plots.items()
    )
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Ablations</title><style>{STYLE}</style>"
        f"<h1>Ablations</h1><ul>{items}</ul>{html_table(rows)}{images}</html>"
    )


def _source(image: bytes) -> str:
    return markdown_image(image, "").removeprefix("![](").removesuffix(")")
