"""Ties assets, resources, jobs and schedules together; `workspace.yaml` loads this file."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.ablation_report import ablation_report
from assets.annealing_mix import annealing_mix
from assets.automation import (
    CORPUS_JOB,
    EVALUATION_JOB,
    alert_on_failed_checks,
    alert_on_failure,
    changed_sources,
    weekly_corpus_refresh,
    weekly_evaluation,
)
from assets.base_model import base_model
from assets.base_scores import base_scores
from assets.deduped_corpus import deduped_corpus
from assets.eval_scores import eval_scores
from assets.filtered_corpus import filtered_corpus
from assets.held_out import held_out
from assets.instruct_data import instruct_data
from assets.raw_code import raw_code
from assets.sft_model import sft_model
from assets.tokenizer import tokenizer
from assets.web_recall import web_recall
from opencoder_dag.settings import Settings, load_settings
from resources.dask import DaskResource
from resources.deepspeed import DeepSpeedResource
from resources.lake import LakeIOManager, LakeResource
from resources.llm import LanguageModelResource
from resources.mlflow import MlflowResource
from resources.recipes import RecipeBook
from resources.sandbox import SandboxResource

SOURCES = [raw_code, web_recall, held_out]
CHAIN = [
    deduped_corpus,
    filtered_corpus,
    tokenizer,
    annealing_mix,
    base_model,
    base_scores,
    instruct_data,
    sft_model,
    eval_scores,
]
CORPUS = [*SOURCES, deduped_corpus, filtered_corpus]

shared_upstream = dg.define_asset_job(
    "shared_upstream",
    dg.AssetSelection.assets(*SOURCES),
    description="What all recipes share: raw code, recalled web text, held-out code",
)
recipe_chain = dg.define_asset_job(
    "recipe_chain",
    dg.AssetSelection.assets(*CHAIN),
    description="One recipe from deduplication to scores; pick the recipe as the partition",
)
everything = dg.define_asset_job(
    "everything",
    dg.AssetSelection.assets(*SOURCES, *CHAIN, ablation_report),
    description="The whole graph for one recipe",
)
corpus_refresh = dg.define_asset_job(
    CORPUS_JOB,
    dg.AssetSelection.assets(*CORPUS),
    description="Sources and corpus of one recipe, without any training",
)
evaluation = dg.define_asset_job(
    EVALUATION_JOB,
    dg.AssetSelection.assets(base_scores, eval_scores, ablation_report),
    description="Scores of one recipe's models",
)
report = dg.define_asset_job(
    "report", dg.AssetSelection.assets(ablation_report), description="Compare all evaluated recipes"
)


def build_definitions(settings: Settings, overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """All definitions for these settings; `overrides` replaces resources by name (for tests)."""
    lake = LakeResource(root=settings.lake_root)
    resources: dict[str, Any] = {
        "lake": lake,
        "io_manager": LakeIOManager(lake=lake),
        "recipes": RecipeBook(
            scale=settings.scale, folder=str(settings.recipes) if settings.recipes else None
        ),
        "dask": DaskResource(address=settings.dask_address, workers=settings.dask_workers),
        "deepspeed": DeepSpeedResource(),
        "llm": LanguageModelResource(url=settings.llm_url, cache=str(settings.home / "answers")),
        "sandbox": SandboxResource(kind=settings.sandbox),
        "mlflow": MlflowResource(
            uri=settings.tracking_uri,
            artifacts=str(settings.home / "mlflow" / "artifacts"),
            link_base=settings.mlflow_page,
        ),
    }
    return dg.Definitions(
        assets=[*SOURCES, *CHAIN, ablation_report],
        jobs=[shared_upstream, recipe_chain, everything, corpus_refresh, evaluation, report],
        schedules=[weekly_corpus_refresh, weekly_evaluation],
        sensors=[changed_sources, alert_on_failure, alert_on_failed_checks],
        resources={**resources, **(overrides or {})},
        executor=dg.in_process_executor,  # one process a run: stages hand their work to Dask and DeepSpeed
    )


defs = build_definitions(load_settings())
