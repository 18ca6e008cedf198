"""`web_recall`: the code-related pages of a crawl, found in rounds by a fastText classifier."""

from __future__ import annotations

from typing import Any

import dagster as dg

from assets.materialization import (
    RETRY,
    Report,
    check_documents,
    document_checks,
    materialized,
    sizes_by,
    stage_of,
)
from opencoder_dag.lake import Dataset
from opencoder_dag.report.plots import bars, curves
from opencoder_dag.settings import load_settings
from opencoder_dag.web import RecallConfig, page_source, recall
from resources.dask import DaskResource
from resources.lake import LakeResource


@dg.asset(
    group_name="sources",
    kinds={"dask", "fasttext", "parquet"},
    check_specs=document_checks("web_recall"),
    retry_policy=RETRY,
)
def web_recall(
    context: dg.AssetExecutionContext, lake: LakeResource, dask: DaskResource
) -> dg.MaterializeResult[Dataset]:
    """Code-related web text: seed, rounds of classifier and recall, domains discovered on the way."""
    settings = load_settings()
    with stage_of(context) as stage:
        dataset = recall(
            lake.open(),
            page_source(settings.web_input),
            RecallConfig(),
            settings.shard_bytes,
            dask,
            stage.on_progress,
        )
    facts: dict[str, Any] = dict(dataset.manifest.facts)
    plots = {"domains": bars(sizes_by(dataset, "repo"), "Recalled text by domain", "bytes")}
    if facts.get("precision_recall"):
        points = [(float(recalled), float(precision)) for recalled, precision in facts["precision_recall"]]
        plots["precision and recall"] = curves(
            {"last round": points}, "Classifier on held-out pages", "recall", "precision"
        )
    report = Report(
        tables={
            "rounds": facts.get("rounds", []),
            "accepted pages": facts.get("accepted_examples", []),
            "refused pages": facts.get("refused_examples", []),
        },
        plots=plots,
        checks=check_documents(dataset),
    )
    return materialized(stage, dataset, {}, report)
