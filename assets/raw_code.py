"""`raw_code`: every file of the sources, judged readable or not."""

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
from opencoder_dag.report.plots import bars
from opencoder_dag.settings import load_settings
from opencoder_dag.sources import collect, sources_from_spec
from resources.dask import DaskResource
from resources.lake import LakeResource


@dg.asset(
    dagster_type=DATASET,
    group_name="cookbook",
    kinds={"dask", "parquet"},
    check_specs=document_checks("raw_code"),
    retry_policy=RETRY,
    freshness_policy=FRESHNESS,
)
def raw_code(
    context: dg.AssetExecutionContext, lake: LakeResource, dask: DaskResource
) -> dg.MaterializeResult:
    """Source files of every repository, up to 8 MB each, with language and document type."""
    settings = load_settings()
    with stage_of(context) as stage:
        dataset = collect(
            lake.open(),
            sources_from_spec(settings.sources),
            settings.source_bytes,
            settings.shard_bytes,
            dask,
            stage.on_progress,
        )
    languages = sizes_by(dataset, "language")
    repositories = sizes_by(dataset, "repo")
    report = Report(
        numbers={"languages": len(languages), "repositories": len(repositories)},
        plots={
            "languages": bars(languages, "Raw code by language", "bytes"),
            "repositories": bars(repositories, "Raw code by repository", "bytes"),
        },
        checks=check_documents(dataset),
    )
    return materialized(stage, dataset, {}, report)
