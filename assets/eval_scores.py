"""`eval_scores`: the tuned model's scores, beside those of the base model."""

import dagster as dg

from assets.materialization import DATASET, RETRY, Report, materialized, stage_of
from assets.recipes import RECIPES
from opencoder_dag.evaluate import evaluate_model
from opencoder_dag.lake import Dataset
from opencoder_dag.report.plots import grouped_bars
from opencoder_dag.report.scores import headline_scores, score_rows
from resources.lake import LakeResource
from resources.mlflow import MlflowResource
from resources.recipes import RecipeBook
from resources.sandbox import SandboxResource


@dg.asset(
    dagster_type=DATASET,
    group_name="cookbook",
    kinds={"python"},
    partitions_def=RECIPES,
    retry_policy=RETRY,
)
def eval_scores(
    context: dg.AssetExecutionContext,
    base_scores: Dataset,
    sft_model: Dataset,
    tokenizer: Dataset,
    held_out: Dataset,
    lake: LakeResource,
    mlflow: MlflowResource,
    recipes: RecipeBook,
    sandbox: SandboxResource,
) -> dg.MaterializeResult:
    """Execution-based pass@k on the suites and bits per byte on held-out code, answering requests."""
    recipe = recipes.get(context.partition_key)
    with stage_of(context, recipe) as stage:
        tuned = evaluate_model(
            lake.open(),
            sft_model,
            tokenizer.path,
            held_out,
            recipe.evaluate,
            "chat",
            recipe.seed,
            sandbox.options(),
            stage.on_progress,
        )
    headline = headline_scores(base_scores, tuned)
    rows = score_rows(base_scores, tuned)
    passed = {
        row["score"]: {"base": row["base"], "tuned": row["tuned"]} for row in rows if "pass@1" in row["score"]
    }
    report = Report(
        headline=headline,
        numbers=headline,
        tables={"scores": rows},
        plots={"pass@1": grouped_bars(passed, f"{recipe.name}: pass@1", "share of problems")},
    )
    result = materialized(stage, tuned, {"base_scores": base_scores, "sft_model": sft_model}, report, mlflow)
    mlflow.finish(recipe)
    return result
