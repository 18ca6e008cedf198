"""`sft_model`: instruction tuning in one or two stages."""

import dagster as dg

from assets.materialization import DATASET, RETRY, TRAINING_POOL, materialized, stage_of
from assets.recipes import RECIPES
from assets.training import train, training_report
from opencoder_dag.lake import Dataset
from opencoder_dag.settings import load_settings
from opencoder_dag.train import sft_job
from resources.deepspeed import DeepSpeedResource
from resources.lake import LakeResource
from resources.mlflow import MlflowResource
from resources.recipes import RecipeBook


@dg.asset(
    dagster_type=DATASET,
    group_name="cookbook",
    kinds={"deepspeed", "pytorch"},
    partitions_def=RECIPES,
    pool=TRAINING_POOL,
    retry_policy=RETRY,
)
def sft_model(
    context: dg.AssetExecutionContext,
    base_model: Dataset,
    instruct_data: Dataset,
    tokenizer: Dataset,
    lake: LakeResource,
    deepspeed: DeepSpeedResource,
    mlflow: MlflowResource,
    recipes: RecipeBook,
) -> dg.MaterializeResult:
    """The base model after instruction tuning, loss on the answers only."""
    recipe = recipes.get(context.partition_key)
    with stage_of(context, recipe) as stage:
        job = sft_job(lake.open(), instruct_data, base_model, tokenizer, recipe, load_settings())
        dataset = train(stage, lake.open(), job, deepspeed, mlflow)
    report = training_report(dataset, "Instruction tuning: loss against tokens")
    return materialized(
        stage, dataset, {"instruct_data": instruct_data, "base_model": base_model}, report, mlflow
    )
