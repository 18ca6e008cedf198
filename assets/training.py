"""What `base_model` and `sft_model` share: launch, live metrics, the loss curve."""

from __future__ import annotations

from typing import Any

from assets.materialization import Report, StageOf
from opencoder_dag.lake import Dataset, Lake
from opencoder_dag.report.plots import curves
from opencoder_dag.report.scores import held_out_curve
from opencoder_dag.train import TrainJob, publish_model
from resources.deepspeed import DeepSpeedResource
from resources.mlflow import MlflowResource

FACTS = ("parameters", "tokens", "steps", "ranks", "tokens_per_second", "resumed_from")
LOSSES = ("loss", "held_out_loss")


def train(
    stage: StageOf, lake: Lake, job: TrainJob, deepspeed: DeepSpeedResource, mlflow: MlflowResource
) -> Dataset:
    """The trained model: from the lake when its fingerprint is there, else by a launch."""
    ready = lake.find(job.stage)
    if ready is not None:
        return ready
    recipe = stage.recipe
    assert recipe is not None
    tags = {"dagster.run_id": stage.context.run_id}
    run_id, _ = mlflow.stage(recipe, stage.asset, job.stage.fingerprint, tags)

    with mlflow.training_log(recipe, stage.asset, run_id) as record:

        def on_metric(point: dict[str, Any]) -> None:
            record(point)
            if "steps" in point:
                stage.on_progress(int(point["step"]), int(point["steps"]))

        deepspeed.train(stage.context, job, on_metric)
    return publish_model(lake, job)


def training_report(dataset: Dataset, title: str) -> Report:
    """Loss against tokens as a plot, and the numbers people ask for first."""
    facts = dataset.manifest.facts
    lines: dict[str, list[tuple[float, float]]] = {}
    for point in facts["curve"]:
        lines.setdefault(str(point["phase"]), []).append((point["tokens"], point["loss"]))
    lines["held out"] = held_out_curve(dataset)
    numbers = {name: facts[name] for name in (*FACTS, *LOSSES) if facts.get(name) is not None}
    losses = {name: facts[name] for name in LOSSES if facts.get(name) is not None}
    prefix = dataset.manifest.stage.removesuffix("_model")
    return Report(
        headline={f"{prefix}.final_{name}": float(value) for name, value in losses.items()},
        numbers=numbers,
        plots={"loss against tokens": curves(lines, title, "tokens", "loss (nats a token)")},
    )
