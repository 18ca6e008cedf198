"""`annealing_mix`: what the model sees in pre-training and in annealing, by tokens."""

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
from opencoder_dag.lake import Dataset
from opencoder_dag.mix import build_mix
from opencoder_dag.report.plots import grouped_bars
from resources.dask import DaskResource
from resources.lake import LakeResource
from resources.llm import LanguageModelResource
from resources.mlflow import MlflowResource
from resources.recipes import RecipeBook
from resources.sandbox import SandboxResource


@dg.asset(
    dagster_type=DATASET,
    group_name="cookbook",
    kinds={"dask", "parquet"},
    partitions_def=RECIPES,
    check_specs=document_checks("annealing_mix"),
    retry_policy=RETRY,
)
def annealing_mix(
    context: dg.AssetExecutionContext,
    filtered_corpus: Dataset,
    web_recall: Dataset,
    held_out: Dataset,
    tokenizer: Dataset,
    lake: LakeResource,
    dask: DaskResource,
    mlflow: MlflowResource,
    recipes: RecipeBook,
    sandbox: SandboxResource,
    llm: LanguageModelResource,
) -> dg.MaterializeResult:
    """Both mixtures: corpus and web for pre-training, with algorithmic and synthetic parts for annealing."""
    recipe = recipes.get(context.partition_key)
    with stage_of(context, recipe) as stage:
        dataset = build_mix(
            lake.open(),
            filtered_corpus,
            web_recall,
            held_out,
            tokenizer.path,
            recipe.mix,
            recipe.train,
            recipe.seed,
            sandbox.options(),
            dask,
            stage.on_progress,
            model=llm.open(),
        )
    parts = dataset.manifest.facts.get("parts", [])
    asked = {
        f"{row['phase']}: {row['part']}": {"asked": row["asked_tokens"], "used": row["used_tokens"]}
        for row in parts
    }
    report = Report(
        headline={f"mix.{row['phase']}.{row['part']}.tokens": row["used_tokens"] for row in parts},
        tables={"asked and used": parts},
        plots={"mixture": grouped_bars(asked, "Mixtures: asked and used", "tokens")} if asked else {},
        checks=check_documents(dataset),
    )
    inputs = {"filtered_corpus": filtered_corpus, "web_recall": web_recall, "held_out": held_out}
    return materialized(stage, dataset, inputs, report, mlflow)
