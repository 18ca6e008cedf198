"""Training through Dagster: a real launch that reports through Pipes, and what a failed one says."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from opencoder_dag.errors import OpencoderError
from opencoder_dag.train import TrainJob
from resources.deepspeed import DeepSpeedResource
from tests.train.conftest import World, losses, world  # noqa: F401 - a fixture


def materialise(job: TrainJob, instance: dg.DagsterInstance) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []

    @dg.asset
    def model(context: dg.AssetExecutionContext, deepspeed: DeepSpeedResource) -> dg.MaterializeResult:
        deepspeed.train(context, job, seen.append)
        return dg.MaterializeResult()

    resources = {"deepspeed": DeepSpeedResource(ranks=1, device="cpu")}
    dg.materialize([model], resources=resources, instance=instance)
    return seen


def test_an_asset_trains_and_sees_every_metric(
    world: World,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPENCODER_HOME", str(world.home))
    job = world.base(tmp_path / "job")
    with dg.DagsterInstance.ephemeral() as instance:
        seen = materialise(job, instance)
        said = [entry.message for run in instance.get_runs() for entry in instance.all_logs(run.run_id)]
    assert {line["step"]: line["loss"] for line in seen if "loss" in line} == losses(job)
    assert json.loads((job.work / "summary.json").read_text())["ranks"] == 1
    assert any("parameters, steps 1 to" in message for message in said)  # rank 0 spoke through Pipes
    assert "FutureWarning" not in capfd.readouterr().err  # the child's noise is in train.log


def test_a_failed_training_is_one_line(
    world: World,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENCODER_HOME", str(world.home))
    job = world.base(tmp_path / "job").model_copy(update={"tokenizer": str(tmp_path / "nowhere")})
    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(OpencoderError) as caught:
        materialise(job, instance)
    assert str(caught.value).startswith("training: tokenizer: ")
    assert str(caught.value).endswith(f"(log: {job.work / 'train.log'})")
