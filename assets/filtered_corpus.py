"""`filtered_corpus`: stars, transformation and the RefineCode and Zhusuan rules."""

import dagster as dg

from assets.materialization import (
    DATASET,
    RETRY,
    Report,
    check_documents,
    document_checks,
    materialized,
    sizes_by,
    stage_of,
)
from assets.recipes import RECIPES
from opencoder_dag.lake import Dataset
from opencoder_dag.report.plots import bars
from opencoder_dag.rules import filter_corpus
from resources.dask import DaskResource
from resources.lake import LakeResource
from resources.mlflow import MlflowResource
from resources.recipes import RecipeBook


@dg.asset(
    dagster_type=DATASET,
    group_name="cookbook",
    kinds={"dask", "parquet"},
    partitions_def=RECIPES,
    check_specs=document_checks("filtered_corpus"),
    retry_policy=RETRY,
)
def filtered_corpus(
    context: dg.AssetExecutionContext,
    deduped_corpus: Dataset,
    lake: LakeResource,
    dask: DaskResource,
    mlflow: MlflowResource,
    recipes: RecipeBook,
) -> dg.MaterializeResult:
    """Documents that pass every rule, without copyright notices and personal data."""
    recipe = recipes.get(context.partition_key)
    with stage_of(context, recipe) as stage:
        dataset = filter_corpus(
            lake.open(), [deduped_corpus], recipe.filter, recipe.seed, dask, stage.on_progress
        )
    facts = dataset.manifest.facts
    rules = sorted(facts["rules"].items(), key=lambda item: -item[1]["hits"])
    report = Report(
        headline={
            "corpus.documents": dataset.manifest.counts["kept"],
            "corpus.megabytes": dataset.manifest.counts["bytes_kept"] / 1e6,
        },
        plots={"languages": bars(sizes_by(dataset, "language"), "Filtered corpus by language", "bytes")},
        tables={
            "transformed": [
                {"what": name, "count": count} for name, count in sorted(facts["cleaned"].items())
            ],
            "rules": [{"rule": name, "hits": row["hits"], "alone": row["sole"]} for name, row in rules],
        },
        checks=check_documents(dataset),
    )
    return materialized(stage, dataset, {"deduped_corpus": deduped_corpus}, report, mlflow)
