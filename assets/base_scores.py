"""`base_scores`: the base model's scores, before instruction tuning."""

import dagster as dg

from assets.materialization import DATASET, RETRY, Report, materialized, stage_of
from assets.recipes import RECIPES
from opencoder_dag.evaluate import evaluate_model
from opencoder_dag.lake import Dataset
from opencoder_dag.report.scores import scores_of
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
def base_scores(
    context: dg.AssetExecutionContext,
    base_model: Dataset,
    tokenizer: Dataset,
    held_out: Dataset,
    lake: LakeResource,
    mlflow: MlflowResource,
    recipes: RecipeBook,
    sandbox: SandboxResource,
) -> dg.MaterializeResult:
    """Execution-based pass@k on the suites and bits per byte on held-out code, continuing prompts."""
    recipe = recipes.get(context.partition_key)
    with stage_of(context, recipe) as stage:
        scores = evaluate_model(
            lake.open(),
            base_model,
            tokenizer.path,
            held_out,
            recipe.evaluate,
            "base",
            recipe.seed,
            sandbox.options(),
            stage.on_progress,
        )
    headline = {f"base.{name}": value for name, value in scores_of(scores).items()}
    report = Report(headline=headline, numbers=headline)
    return materialized(stage, scores, {"base_model": base_model}, report, mlflow)
