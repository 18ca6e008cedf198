"""`base_model`: pre-training, then annealing, in one launch."""

import dagster as dg

from assets.materialization import DATASET, RETRY, TRAINING_POOL, materialized, stage_of
from assets.recipes import RECIPES
from assets.training import train, training_report
from opencoder_dag.lake import Dataset
from opencoder_dag.settings import load_settings
from opencoder_dag.train import base_job
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
def base_model(
    context: dg.AssetExecutionContext,
    annealing_mix: Dataset,
    held_out: Dataset,
    tokenizer: Dataset,
    lake: LakeResource,
    deepspeed: DeepSpeedResource,
    mlflow: MlflowResource,
    recipes: RecipeBook,
) -> dg.MaterializeResult:
    """A Llama-architecture model: warm-up, stable phase, then decay on the annealing mixture."""
    recipe = recipes.get(context.partition_key)
    with stage_of(context, recipe) as stage:
        job = base_job(lake.open(), annealing_mix, held_out, tokenizer, recipe, load_settings())
        dataset = train(stage, lake.open(), job, deepspeed, mlflow)
    report = training_report(dataset, "Base model: loss against tokens")
    inputs = {"annealing_mix": annealing_mix, "held_out": held_out}
    return materialized(stage, dataset, inputs, report, mlflow)
