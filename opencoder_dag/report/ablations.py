"""The report that compares recipes: what each changes, what the paper found, what came out here.

Belongs here: gathering the comparison of every evaluated recipe with the baseline, and writing it down as
Markdown and as one HTML page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from statistics import fmean
from typing import Any

import fsspec

from opencoder_dag.lake import Dataset, Lake
from opencoder_dag.recipe import Recipe
from opencoder_dag.report.compare import Side, compare_corpora, sides_of
from opencoder_dag.report.plots import curves, grouped_bars, markdown_image
from opencoder_dag.report.scores import (
    Outputs,
    complete_runs,
    held_out_curve,
    html_table,
    markdown_table,
    over_seeds,
    recipe_rows,
    scores_of,
    training_curve,
)
from opencoder_dag.report.verdict import Verdict, compare_scores, score_items

BASELINE = "baseline"
STYLE = Path(__file__).with_name("report.css")


@dataclass(frozen=True)
class Ablation:
    """A recipe against the baseline: verdicts on scores, both corpora, and their picture (PNG)."""

    recipe: Recipe
    verdicts: Sequence[Verdict]
    corpora: tuple[Side, Side]
    picture: bytes


@dataclass(frozen=True)
class AblationReport:
    """All recipes that were evaluated, side by side and each against the baseline."""

    rows: Sequence[Mapping[str, Any]]
    recipes: Sequence[Recipe]
    ablations: Sequence[Ablation]
    plots: Mapping[str, bytes]


def build_report(lake: Lake, outputs: Outputs, recipes: Mapping[str, Recipe]) -> AblationReport:
    """Compare what was evaluated; `recipes` is by base name. Corpus comparisons are kept in the lake."""
    runs = complete_runs(outputs)
    ablations = []
    if BASELINE in runs:
        baseline = _items(outputs, runs[BASELINE])
        corpus = outputs["filtered_corpus"][BASELINE]
        for name in runs:
            if name != BASELINE:
                other = outputs["filtered_corpus"][name]
                comparison = compare_corpora(lake, corpus, other, (BASELINE, name))
                with fsspec.open(comparison.file("comparison.png"), "rb") as image:
                    picture = bytes(image.read())
                verdicts = compare_scores(baseline, _items(outputs, runs[name]))
                ablations.append(Ablation(recipes[name], verdicts, sides_of(comparison), picture))
    return AblationReport(
        recipe_rows(outputs), [recipes[name] for name in runs], ablations, _plots(outputs, runs)
    )


def _items(outputs: Outputs, names: Sequence[str]) -> list[Any]:
    return [
        items
        for asset, prefix in (("base_scores", "base"), ("eval_scores", "tuned"))
        for items in score_items([outputs[asset][name] for name in names], prefix)
    ]


def _plots(outputs: Outputs, runs: Mapping[str, Sequence[str]]) -> dict[str, bytes]:
    plots = {
        "held-out loss": _curves_by_recipe(outputs, runs, held_out_curve, "Loss on common held-out code"),
        "training loss": _curves_by_recipe(outputs, runs, training_curve, "Training loss"),
    }
    scores: dict[str, dict[str, float]] = {}
    for label, asset in (("base", "base_scores"), ("tuned", "eval_scores")):
        for recipe, names in runs.items():
            seeds = [scores_of(outputs[asset][name]) for name in names]
            for score in seeds[0]:
                suite, _, metric = score.partition(".")
                if metric == "pass@1":
                    mean = fmean(values[score] for values in seeds)
                    scores.setdefault(recipe, {})[f"{suite} {label}"] = mean
    if scores:
        plots["scores"] = grouped_bars(scores, "pass@1 by recipe", "share of problems")
    return plots


def _curves_by_recipe(
    outputs: Outputs,
    runs: Mapping[str, Sequence[str]],
    curve_of: Callable[[Dataset], list[tuple[float, float]]],
    title: str,
) -> bytes:
    """A line a recipe: the mean over its seeds, with the band that they span."""
    lines, bands = {}, {}
    for recipe, names in runs.items():
        seeds = [curve_of(outputs["base_model"][name]) for name in names]
        lines[recipe], band = over_seeds(seeds)
        if len(seeds) > 1:
            bands[recipe] = band
    return curves(lines, title, "tokens", "nats a token (of the recipe's own tokenizer)", bands=bands)


def verdict_rows(ablation: Ablation) -> list[dict[str, Any]]:
    """Rows of the table of verdicts."""
    return [
        {
            "score": verdict.score,
            "baseline": verdict.baseline,
            ablation.recipe.name: verdict.variant,
            "difference": verdict.difference,
            "95 % interval": f"{verdict.low:+.4f} to {verdict.high:+.4f}",
            "items": verdict.items,
            "verdict": verdict.word,
        }
        for verdict in ablation.verdicts
    ]


def corpus_rows(ablation: Ablation) -> list[dict[str, Any]]:
    """Rows of the table of both corpora."""
    return [
        {
            "corpus": side.name,
            "documents": side.documents,
            "spread": side.spread,
            "outliers": f"{side.outliers:.1%}",
            "shared": f"{side.shared:.1%}",
        }
        for side in ablation.corpora
    ]


def report_markdown(report: AblationReport) -> str:
    """The report as Markdown, without its plots."""
    if not report.rows:
        return "No recipe has been evaluated yet: materialise `eval_scores` for one."
    parts = [markdown_table(report.rows)]
    parts += [
        f"**{recipe.name}**: {recipe.title}." for recipe in report.recipes if recipe.base_name == BASELINE
    ]
    for ablation in report.ablations:
        recipe = ablation.recipe
        paper = f" *The paper:* {recipe.paper}." if recipe.paper else ""
        parts.append(f"### {recipe.name} against baseline\n\n{recipe.title}.{paper}")
        parts.append(markdown_table(verdict_rows(ablation)))
        parts.append(markdown_table(corpus_rows(ablation)))
    return "\n\n".join(parts)


def report_html(report: AblationReport) -> str:
    """The report as one HTML page that needs nothing else."""
    sections = [f"<h1>Ablations</h1>{html_table(report.rows)}"]
    for title, image in report.plots.items():
        sections.append(_picture(title, image))
    for ablation in report.ablations:
        recipe = ablation.recipe
        paper = f" <i>The paper:</i> {escape(recipe.paper)}." if recipe.paper else ""
        sections.append(
            f"<h2>{escape(recipe.name)} against baseline</h2><p>{escape(recipe.title)}.{paper}</p>"
            f"{html_table(verdict_rows(ablation))}{html_table(corpus_rows(ablation))}"
            f"{_picture('corpora', ablation.picture)}"
        )
    style = STYLE.read_text(encoding="utf-8")
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Ablations</title><style>{style}</style>"
        f"{''.join(sections)}</html>"
    )


def _picture(title: str, image: bytes) -> str:
    source = markdown_image(image, "").removeprefix("![](").removesuffix(")")
    return f'<figure><img alt="{escape(title)}" src="{source}"></figure>'
