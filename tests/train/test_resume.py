"""Stopping, crashing and damage: a training goes on from its newest whole checkpoint, bit by bit."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from opencoder_dag.errors import OpencoderError
from opencoder_dag.train import TrainJob, checkpoint
from opencoder_dag.train.checkpoint import Progress
from opencoder_dag.train.loop import StoppedError, Trainer

from .conftest import World, losses, weights_of

Train = Callable[[TrainJob], None]


@pytest.fixture(scope="module")
def undisturbed(world: World, tmp_path_factory: pytest.TempPathFactory, train_here: Train) -> TrainJob:
    job = world.base(tmp_path_factory.mktemp("undisturbed"))
    train_here(job)
    return job


class Crash(BaseException):
    """Stands for a kill: nothing that the program does afterwards may matter."""


@pytest.mark.parametrize("step", [1, 4, 7, 13, 15])
def test_a_crash_after_any_step_changes_no_later_loss(
    world: World,
    tmp_path: Path,
    train_here: Train,
    undisturbed: TrainJob,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
) -> None:
    job = world.base(tmp_path / "job")
    real = Trainer.train_step

    def crashing(self: Trainer, number: int, what: object) -> bool:
        if number > step:
            raise Crash
        return real(self, number, what)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "train_step", crashing)
    with pytest.raises(Crash):
        train_here(job)
    monkeypatch.undo()
    train_here(job)
    assert losses(job) == losses(undisturbed)
    assert weights_of(job) == weights_of(undisturbed)


@pytest.mark.parametrize("zero_stage", [0, 2, 3])
def test_every_zero_stage_resumes_bit_by_bit(
    world: World, tmp_path: Path, train_here: Train, zero_stage: int
) -> None:
    job = world.base(tmp_path / "job", zero_stage=zero_stage)
    train_here(job)
    before, expected = weights_of(job), losses(job)
    forget_the_end(job)
    train_here(job)
    assert (weights_of(job), losses(job)) == (before, expected)


def forget_the_end(job: TrainJob) -> None:
    """As if the process had died just before the export."""
    shutil.rmtree(job.work / "export")
    (job.work / "summary.json").unlink()


def test_a_request_to_stop_writes_a_checkpoint(
    world: World, tmp_path: Path, train_here: Train, undisturbed: TrainJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = world.base(tmp_path / "job")
    real = Trainer.train_step

    def stopping(self: Trainer, number: int, what: object) -> bool:
        self.stop_requested = number == 6
        return real(self, number, what)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "train_step", stopping)
    with pytest.raises(StoppedError, match="stopped at step 6"):
        train_here(job)
    assert checkpoint.found(job.work / "checkpoints")[-1].name == "step-00000006"
    monkeypatch.undo()
    train_here(job)
    assert weights_of(job) == weights_of(undisturbed)


@pytest.mark.parametrize("damage", ["flip", "cut", "missing", "half_written"])
def test_a_damaged_checkpoint_is_detected_and_the_one_before_is_used(
    world: World,
    tmp_path: Path,
    train_here: Train,
    undisturbed: TrainJob,
    damage: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    job = world.base(tmp_path / "job")
    shutil.copytree(undisturbed.work, job.work, dirs_exist_ok=True)
    forget_the_end(job)
    newest = checkpoint.found(job.work / "checkpoints")[-1]
    state = newest / "state.safetensors"
    if damage == "flip":
        content = bytearray(state.read_bytes())
        content[len(content) // 2] ^= 1
        state.write_bytes(content)
    elif damage == "cut":
        state.write_bytes(state.read_bytes()[:-100])
    elif damage == "missing":
        (newest / "checkpoint.json").unlink()
    else:
        newest.rename(newest.with_name(f".{newest.name}.1.tmp"))
    train_here(job)
    assert weights_of(job) == weights_of(undisturbed)
    assert losses(job) == losses(undisturbed)
    if damage != "half_written":
        assert f"{newest}" in capfd.readouterr().out
    assert not list((job.work / "checkpoints").glob(".*"))


def test_checkpoints_of_other_data_are_not_used(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_text("")
    tensors, tensors_too = {"a": torch.ones(2)}, {"a": torch.ones(2)}
    checkpoint.write(tmp_path / "c", Progress(3, 10, 1.0, "one"), tensors, tensors_too, metrics)
    assert checkpoint.newest(tmp_path / "c", "one")[0] is not None
    found, passed = checkpoint.newest(tmp_path / "c", "other")
    assert found is None
    assert "other data" in passed[0]


def test_a_full_disk_keeps_the_checkpoints_before(tmp_path: Path) -> None:
    """The kernel refuses to let files grow, as it does on a full disk."""
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_text("")
    folder, tensors, tensors_too = tmp_path / "c", {"a": torch.ones(50_000)}, {"a": torch.ones(50_000)}
    checkpoint.write(folder, Progress(1, 10, 1.0, "d"), tensors, tensors_too, metrics)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OpencoderError, match=r"step-00000002: checkpoint cannot be written \(.*\)$"):
            checkpoint.write(folder, Progress(2, 20, 2.0, "d"), tensors, tensors_too, metrics)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in folder.iterdir()] == ["step-00000001"]
    assert checkpoint.read(folder / "step-00000001").progress.step == 1


def test_only_the_newest_checkpoints_are_kept(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_text("")
    for step in range(1, 6):
        tensors, tensors_too = {"a": torch.full((2,), float(step))}, {"a": torch.ones(2)}
        checkpoint.write(tmp_path / "c", Progress(step, step, 1.0, "d"), tensors, tensors_too, metrics)
    assert [path.name for path in checkpoint.found(tmp_path / "c")] == ["step-00000004", "step-00000005"]
