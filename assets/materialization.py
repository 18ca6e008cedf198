"""What every asset does around its one call into the library: progress, errors in one line, and the report
that Dagster and MLflow show.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.lake import Dataset
from opencoder_dag.recipe import Recipe
from opencoder_dag.report.console import console, progress, stage_line
from opencoder_dag.report.plots import bars, markdown_image, short_number
from opencoder_dag.report.scores import markdown_table
from resources.mlflow import MlflowResource

# A lost worker or a busy disk deserves one more try; wrong input is never retried (see `stage_of`).
RETRY = dg.RetryPolicy(max_retries=1, delay=5)
TRAINING_POOL = "training"
# Named, because an asset that also yields checks cannot tell its type by annotation.
DATASET = dg.PythonObjectDagsterType(
    Dataset, name="Dataset", description="a finished stage folder of the lake"
)

_interrupted = threading.Event()  # a run is one process


@dataclass
class Report:
    """What an asset wants shown beside the counts that every stage has."""

    headline: Mapping[str, float] = field(default_factory=dict)  # numbers for the recipe's MLflow run
    plots: Mapping[str, bytes] = field(default_factory=dict)  # title to PNG
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)  # title to rows
    numbers: Mapping[str, float | int | str] = field(default_factory=dict)
    checks: Sequence[dg.AssetCheckResult] = ()


@dataclass
class StageOf:
    """One materialisation in progress."""

    context: dg.AssetExecutionContext
    recipe: Recipe | None
    on_progress: Callable[[int, int], None]
    started: float

    @property
    def asset(self) -> str:
        """Name of the asset."""
        return self.context.asset_key.path[-1]


@contextmanager
def stage_of(context: dg.AssetExecutionContext, recipe: Recipe | None = None) -> Iterator[StageOf]:
    """Show progress, and turn the library's errors into Dagster failures of one line.

    Wrong input is not retried; failed work is, as the asset's retry policy says. An interrupt ends the whole
    run: Dagster would take it for failed work, try the step again and go on with the others.
    """
    name = context.asset_key.path[-1]
    label = f"{name} {recipe.name}" if recipe else name
    if _interrupted.is_set():
        raise dg.Failure(f"{label}: not started, because the run was interrupted", allow_retries=False)
    with progress(label) as on_progress:
        try:
            yield StageOf(context, recipe, on_progress, time.monotonic())
        except OpencoderError as error:
            retry = not isinstance(error, InputError)
            metadata = {"kind": type(error).__name__}
            raise dg.Failure(f"{label}: {error}", metadata=metadata, allow_retries=retry) from error
        except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError) as interrupt:
            _interrupted.set()
            message = f"{label}: interrupted; run again to go on from there"
            raise dg.Failure(message, allow_retries=False) from interrupt


def materialized(
    stage: StageOf,
    dataset: Dataset,
    inputs: Mapping[str, Dataset],
    report: Report,
    mlflow: MlflowResource | None = None,
) -> dg.MaterializeResult:
    """Report a finished stage to the terminal, MLflow and Dagster."""
    seconds = time.monotonic() - stage.started
    recipe_name = stage.recipe.name if stage.recipe else None
    console.print(stage_line(stage.asset, recipe_name, dataset, seconds))
    manifest = dataset.manifest
    plots = dict(report.plots)
    if manifest.reasons:
        plots["removed, by reason"] = bars(
            manifest.reasons, f"{stage.asset}: removed, by reason", "documents"
        )
    metadata: dict[str, Any] = {
        **{name: value for name, value in manifest.counts.items() if not name.startswith("bytes")},
        **{
            name.replace("_", " "): f"{short_number(value)}B"
            for name, value in manifest.counts.items()
            if name.startswith("bytes")
        },
        **report.numbers,
        **{name.replace("_", " "): count for name, count in manifest.facts.get("refresh", {}).items()},
        **{title: dg.MetadataValue.md(markdown_table(rows)) for title, rows in report.tables.items() if rows},
        **{title: dg.MetadataValue.md(markdown_image(image, title)) for title, image in plots.items()},
        "fingerprint": manifest.fingerprint,
        "content digest": dataset.digest,
        "reused": dataset.reused,
        "seconds": round(seconds, 2),
        "seconds of work": manifest.seconds,
        "folder": dg.MetadataValue.path(dataset.path),
    }
    if "kept" in manifest.counts:
        metadata["dagster/row_count"] = manifest.counts["kept"]
        metadata["funnel"] = dg.MetadataValue.md(markdown_table(funnel(dataset)))
    if stage.recipe is not None and mlflow is not None:
        metrics = {
            **{f"documents.{name}": float(value) for name, value in manifest.counts.items()},
            "seconds": manifest.seconds,
            **report.headline,
        }
        link = mlflow.log_stage(
            stage.recipe,
            stage.asset,
            dataset,
            metrics=metrics,
            inputs=inputs,
            headline=report.headline,
            figures={title.replace(" ", "_").replace(",", ""): image for title, image in plots.items()},
            dagster_run=stage.context.run_id,
        )
        metadata["MLflow"] = dg.MetadataValue.url(link)
    return dg.MaterializeResult(
        value=dataset,
        metadata=metadata,
        data_version=dg.DataVersion(dataset.digest),
        check_results=list(report.checks),
    )


def funnel(dataset: Dataset) -> list[dict[str, Any]]:
    """Rows of the funnel: what came in, what left for which reason, what stays."""
    counts = dataset.manifest.counts
    total = max(counts["in"], 1)

    def row(step: str, documents: int) -> dict[str, Any]:
        return {"step": step, "documents": f"{documents:,}", "share": f"{documents / total:.1%}"}

    removed = [row(f"− {reason}", -count) for reason, count in dataset.manifest.reasons.items()]
    return [
        row("in", counts["in"]),
        *removed,
        row("− quarantined", -counts["quarantined"]),
        row("kept", counts["kept"]),
    ]


# --- checks ---


def document_checks(asset: str) -> list[dg.AssetCheckSpec]:
    """Specs of the checks of every corpus stage; both stop what is downstream."""
    return [
        dg.AssetCheckSpec(
            "conservation", asset=asset, blocking=True, description="in = kept + removed + quarantined"
        ),
        dg.AssetCheckSpec(
            "not_empty", asset=asset, blocking=True, description="at least one document is kept"
        ),
    ]


def check_documents(dataset: Dataset) -> list[dg.AssetCheckResult]:
    """Results of `document_checks`, recounted from the files and not taken from the manifest."""
    counts = dataset.manifest.counts
    rows = {
        part: sum(_rows(path) for path in dataset.shards(part)) for part in ("kept", "removed", "quarantined")
    }
    out = sum(rows.values())
    return [
        dg.AssetCheckResult(
            check_name="conservation",
            passed=counts["in"] == out,
            metadata={"in": counts["in"], **rows, "out": out},
        ),
        dg.AssetCheckResult(check_name="not_empty", passed=rows["kept"] > 0, metadata={"kept": rows["kept"]}),
    ]


def _rows(path: str) -> int:
    import fsspec
    import pyarrow.parquet as pq

    with fsspec.open(path, "rb") as handle:
        return int(pq.read_metadata(handle).num_rows)


def sizes_by(dataset: Dataset, column: str) -> dict[str, float]:
    """Bytes kept by the values of a column, such as language or repo."""
    import pyarrow.compute as pc

    table = dataset.read(columns=[column, "size"])
    grouped = table.group_by(column).aggregate([("size", "sum")])
    total = pc.sum(grouped["size_sum"]).as_py() or 0
    pairs = zip(grouped[column].to_pylist(), grouped["size_sum"].to_pylist(), strict=True)
    return {str(name): float(size) for name, size in pairs} if total else {}
