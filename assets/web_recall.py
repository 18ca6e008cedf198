"""`web_recall`: the code-related pages of a crawl, found in rounds by a fastText classifier."""

from typing import Any

import dagster as dg

from assets.automation import FRESHNESS
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
from opencoder_dag.report.plots import bars, curves
from opencoder_dag.settings import load_settings
from opencoder_dag.web import load_recall, page_source, recall
from resources.dask import DaskResource
from resources.lake import LakeResource


@dg.asset(
    dagster_type=DATASET,
    group_name="cookbook",
    kinds={"dask", "fasttext", "parquet"},
    check_specs=document_checks("web_recall"),
    retry_policy=RETRY,
    freshness_policy=FRESHNESS,
)
def web_recall(
    context: dg.AssetExecutionContext, lake: LakeResource, dask: DaskResource
) -> dg.MaterializeResult:
    """Code-related web text: seed, rounds of classifier and recall, domains discovered on the way."""
    settings = load_settings()
    with stage_of(context) as stage:
        dataset = recall(
            lake.open(),
            page_source(settings.web_input, settings.web_bytes),
            load_recall(settings.recall, settings.llm_url),
            settings.shard_bytes,
            dask,
            stage.on_progress,
        )
    facts: dict[str, Any] = dict(dataset.manifest.facts)
    plots = {
        "domains": bars(sizes_by(dataset, "repo"), "Recalled text by domain", "bytes"),
        "precision and recall": curves(
            {f"round {curve['round']}": _recall_and_precision(curve) for curve in facts["curves"]},
            "Classifiers on held-out labelled pages",
            "recall",
            "precision",
        ),
    }
    examples = facts["examples"]
    report = Report(
        tables={
            "rounds": facts["rounds"],
            "top domains": facts["top_domains"],
            "URL patterns": facts["patterns"],
            "accepted pages": _short(examples["accepted"]),
            "refused pages": _short(examples["refused"]),
        },
        plots=plots,
        checks=check_documents(dataset),
    )
    return materialized(stage, dataset, {}, report)


def _recall_and_precision(curve: dict[str, Any]) -> list[tuple[float, float]]:
    recall, precision = curve["columns"].index("recall"), curve["columns"].index("precision")
    return sorted((point[recall], point[precision]) for point in curve["points"])


def _short(rows: list[dict[str, Any]], most: int = 160) -> list[dict[str, Any]]:
    """Rows whose long texts fit into a table cell."""
    return [
        {name: value[:most] if isinstance(value, str) else value for name, value in row.items()}
        for row in rows
    ]
