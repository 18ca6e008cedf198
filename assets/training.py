"""What `base_model` and `sft_model` share: launch, live metrics, the loss curve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resources.deepspeed import DeepSpeedResource

from assets.materialization import Report, StageOf
from opencoder_dag.lake import Dataset, Lake
from opencoder_dag.report.plots import curves
from opencoder_dag.train import TrainJob, publish_model, read_metrics
from resources.mlflow import MlflowResource


def train(
    stage: StageOf, lake: Lake, job: TrainJob, deepspeed: DeepSpeedResource, mlflow: MlflowResource
) -> Dataset:
    """The trained model: from the lake when its fingerprint is there, else by a launch."""
    ready = lake.find(job.stage)
    if ready is not None:
        return ready
    recipe = stage.recipe
    assert recipe is not None
    run_id, _ = mlflow.stage(
        recipe, stage.asset, job.stage.fingerprint, {"dagster.run_id": stage.context.run_id}
    )
    mlflow_point = 0

    def on_metric(point: dict[str, Any]) -> None:
        nonlocal mlflow_point
        mlflow.log_training_point(recipe, run_id, point)
        mlflow_point += 1
        stage.on_progress(int(point["step"]), job.total_steps)

    deepspeed.train(stage.context, job, on_metric)
    return publish_model(lake, job)


def training_report(dataset: Dataset, title: str) -> Report:
    """Loss against tokens as a plot, and the numbers people ask for first."""
    points = read_metrics(dataset.file("metrics.jsonl"))
    facts: Mapping[str, Any] = dataset.manifest.facts
    lines: dict[str, list[tuple[float, float]]] = {}
    for point in points:
        if "loss" in point:
            lines.setdefault(str(point["phase"]), []).append((point["tokens"], point["loss"]))
        if "held_out_loss" in point:
            lines.setdefault("held out", []).append((point["tokens"], point["held_out_loss"]))
    numbers = {
        name: facts[name]
        for name in ("parameters", "tokens", "steps", "tokens_per_second", "resumed_from")
        if facts.get(name) is not None
    }
    final = {f"final_{name}": float(value) for name, value in facts.get("final", {}).items()}
    return Report(
        headline={name: value for name, value in final.items()},
        numbers={**numbers, **final},
        plots={"loss against tokens": curves(lines, title, "tokens", "loss (nats a token)")},
    )
