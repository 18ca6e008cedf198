"""`tokenizer`: byte-level BPE trained on the filtered corpus and the recalled web text."""

import dagster as dg

from assets.materialization import DATASET, RETRY, Report, materialized, stage_of
from assets.recipes import RECIPES
from opencoder_dag.lake import Dataset
from opencoder_dag.model import train_tokenizer
from opencoder_dag.report.plots import bars
from resources.lake import LakeResource
from resources.mlflow import MlflowResource
from resources.recipes import RecipeBook


@dg.asset(
    dagster_type=DATASET,
    group_name="cookbook",
    kinds={"huggingface"},
    partitions_def=RECIPES,
    retry_policy=RETRY,
)
def tokenizer(
    context: dg.AssetExecutionContext,
    filtered_corpus: Dataset,
    web_recall: Dataset,
    lake: LakeResource,
    mlflow: MlflowResource,
    recipes: RecipeBook,
) -> dg.MaterializeResult:
    """A Hugging Face tokenizer with the special tokens of chat, files and fill-in-the-middle."""
    recipe = recipes.get(context.partition_key)
    inputs = {"filtered_corpus": filtered_corpus, "web_recall": web_recall}
    with stage_of(context, recipe) as stage:
        dataset = train_tokenizer(lake.open(), list(inputs.values()), recipe.tokenizer, recipe.seed)
    facts = dataset.manifest.facts
    bytes_per_token = {language: row["bytes_per_token"] for language, row in facts["fertility"].items()}
    report = Report(
        numbers={"vocabulary": facts["vocabulary"]},
        plots={"fertility": bars(bytes_per_token, "Bytes a token by language", "bytes", most=20)},
        tables={
            "fertility by language": [{"language": name, **row} for name, row in facts["fertility"].items()]
        },
    )
    return materialized(stage, dataset, inputs, report, mlflow)
