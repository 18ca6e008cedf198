"""`deduped_corpus`: exact, then near duplicates removed at the recipe's level."""

from typing import Any

import dagster as dg

from assets.materialization import (
    DATASET,
    RETRY,
    Report,
    check_documents,
    document_checks,
    materialized,
    stage_of,
)
from assets.recipes import RECIPES
from opencoder_dag.dedup import deduplicate
from opencoder_dag.lake import Dataset
from opencoder_dag.report.plots import curves, grouped_bars
from resources.dask import DaskResource
from resources.lake import LakeResource
from resources.mlflow import MlflowResource
from resources.recipes import RecipeBook

ALARM = dg.AssetCheckSpec(
    "no_source_lost",
    asset="deduped_corpus",
    description="no repository lost more than dedup.source_loss_alarm of its bytes (a warning: mirrors do)",
)


@dg.asset(
    dagster_type=DATASET,
    group_name="cookbook",
    kinds={"dask", "parquet"},
    partitions_def=RECIPES,
    check_specs=[*document_checks("deduped_corpus"), ALARM],
    retry_policy=RETRY,
)
def deduped_corpus(
    context: dg.AssetExecutionContext,
    raw_code: Dataset,
    lake: LakeResource,
    dask: DaskResource,
    mlflow: MlflowResource,
    recipes: RecipeBook,
) -> dg.MaterializeResult:
    """Raw code without copies: of equal or nearly equal documents the best known one stays."""
    recipe = recipes.get(context.partition_key)
    with stage_of(context, recipe) as stage:
        dataset = deduplicate(lake.open(), [raw_code], recipe.dedup, dask, stage.on_progress)
    facts: dict[str, Any] = dict(dataset.manifest.facts)
    losses = facts["losses"]
    report = Report(
        headline={
            "dedup.kept": dataset.manifest.counts["kept"],
            "dedup.removed": dataset.manifest.counts["removed"],
        },
        plots=_plots(facts),
        checks=[
            *check_documents(dataset),
            dg.AssetCheckResult(
                check_name="no_source_lost",
                passed=not losses["sources"] and not losses["repositories"],
                severity=dg.AssetCheckSeverity.WARN,
                metadata={
                    "repositories over the threshold": losses["repositories_alarming"],
                    "threshold": losses["threshold"],
                    "examples": ", ".join(str(alarm) for alarm in losses["repositories"][:20]) or "none",
                },
            ),
        ],
    )
    return materialized(stage, dataset, {"raw_code": raw_code}, report, mlflow)


def _plots(facts: dict[str, Any]) -> dict[str, bytes]:
    search, curve = facts["search"], facts["detection_curve"]
    sizes = {
        f"{size} copies": {
            "exact": search["exact_clusters"].get(size, 0),
            "near": search["near_clusters"].get(size, 0),
        }
        for size in sorted({*search["exact_clusters"], *search["near_clusters"]}, key=_first_number)
    }
    points = list(zip(curve["similarity"], curve["probability"], strict=True))
    title = f"Chance that a pair becomes a candidate ({curve['bands']} bands of {curve['rows']} rows)"
    plots = {"detection curve": curves({"detection": points}, title, "Jaccard similarity", "probability")}
    if sizes:
        plots["dedup clusters"] = grouped_bars(sizes, "Clusters of duplicates by size", "clusters")
    return plots


def _first_number(size: str) -> int:
    """Sizes are numbers or ranges such as 11-20."""
    return int(size.split("-")[0].rstrip("+"))
