"""`instruct_data`: instructions mined from corpus and web, verified by running, decontaminated."""

import dagster as dg
import pyarrow.compute as pc

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
from opencoder_dag.instruct import build_instruct_data
from opencoder_dag.lake import Dataset
from opencoder_dag.report.plots import bars
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
    check_specs=document_checks("instruct_data"),
    retry_policy=RETRY,
)
def instruct_data(
    context: dg.AssetExecutionContext,
    filtered_corpus: Dataset,
    web_recall: Dataset,
    held_out: Dataset,
    lake: LakeResource,
    dask: DaskResource,
    mlflow: MlflowResource,
    recipes: RecipeBook,
    sandbox: SandboxResource,
    llm: LanguageModelResource,
) -> dg.MaterializeResult:
    """Instruction and answer pairs for both stages of tuning."""
    recipe = recipes.get(context.partition_key)
    with stage_of(context, recipe) as stage:
        dataset = build_instruct_data(
            lake.open(),
            filtered_corpus,
            web_recall,
            held_out,
            recipe.sft,
            recipe.evaluate.suites,
            recipe.seed,
            sandbox.options(),
            dask,
            stage.on_progress,
            model=llm.open(),
        )
    items = dataset.read(columns=["instruction", "output", "stage", "kind"])
    kinds = {row["values"]: float(row["counts"]) for row in pc.value_counts(items["kind"]).to_pylist()}
    report = Report(
        headline={"instruct.items": items.num_rows},
        plots={"kinds": bars(kinds, "Instruction data by kind", "items")},
        tables={
            "samples": [
                {name: str(value)[:300] for name, value in row.items()}
                for row in items.slice(0, 4).to_pylist()
            ]
        },
        checks=check_documents(dataset),
    )
    inputs = {"filtered_corpus": filtered_corpus, "web_recall": web_recall, "held_out": held_out}
    return materialized(stage, dataset, inputs, report, mlflow)
