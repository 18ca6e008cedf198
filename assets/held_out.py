"""`held_out`: whole repositories kept aside, the same for every recipe, so that losses compare."""

import dagster as dg

from assets.materialization import (
    DATASET,
    RETRY,
    Report,
    check_documents,
    document_checks,
    materialized,
    stage_of,
)
from opencoder_dag.lake import Dataset
from opencoder_dag.mix import select_held_out
from resources.dask import DaskResource
from resources.lake import LakeResource


@dg.asset(
    dagster_type=DATASET,
    group_name="cookbook",
    kinds={"dask", "parquet"},
    check_specs=document_checks("held_out"),
    retry_policy=RETRY,
)
def held_out(
    context: dg.AssetExecutionContext, raw_code: Dataset, lake: LakeResource, dask: DaskResource
) -> dg.MaterializeResult:
    """Documents that no recipe trains on, chosen by the hash of their repository's name."""
    with stage_of(context) as stage:
        dataset = select_held_out(lake.open(), raw_code, dask)
    repositories = sorted(set(dataset.read(columns=["repo"])["repo"].to_pylist()))
    report = Report(numbers={"repositories": ", ".join(repositories)}, checks=check_documents(dataset))
    return materialized(stage, dataset, {"raw_code": raw_code}, report)
