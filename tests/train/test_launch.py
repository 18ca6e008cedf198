"""The real thing: DeepSpeed's launcher, two gloo ranks, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.settings import Settings
from opencoder_dag.train import TrainJob, checkpoint, launch_command, run_training
from opencoder_dag.train.launch import child_environment, free_port, node_command
from opencoder_dag.train.metrics import read_metrics

from .conftest import World, losses, weights_of

Train = Callable[[TrainJob], None]


def kill_while_writing(process: subprocess.Popen[bytes], checkpoints: Path) -> None:
    """`kill -9` of the process group in the middle of writing a checkpoint that is not the first.

    The group is stopped as soon as the folder of an unfinished checkpoint is seen, and goes on when the
    folder was finished before the signal came.
    """
    while process.poll() is None:
        if checkpoint.found(checkpoints) and list(checkpoints.glob(".step-*.tmp")):
            os.killpg(process.pid, signal.SIGSTOP)
            if list(checkpoints.glob(".step-*.tmp")):
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return
            os.killpg(process.pid, signal.SIGCONT)
        time.sleep(0.0005)
    raise AssertionError("the training ended before it could be killed")


def test_two_ranks_killed_in_a_checkpoint_equal_one_undisturbed_rank(
    world: World, tmp_path: Path, train_here: Train
) -> None:
    """kill -9 of the whole group while it writes a checkpoint, then the same command again: the checkpoint
    before is used, and the weights are those of one rank that nothing disturbed, to the bit, with half the
    accumulation."""
    plan = {"tokens": 30_000, "anneal_tokens": 3_200, "checkpoint_steps": 3, "evaluate_steps": 100}
    job, alone = world.base(tmp_path / "job", **plan), world.base(tmp_path / "alone", **plan)
    program = textwrap.dedent(
        f"""
        from pathlib import Path
        from opencoder_dag.settings import Settings
        from opencoder_dag.train import load_job, run_training
        job = load_job(Path({str(job.work / "job.json")!r}))
        run_training(job, Settings(home={str(world.home)!r}, ranks=2, device="cpu"))
        """
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", program], start_new_session=True, env=environment)
    kill_while_writing(process, job.work / "checkpoints")
    kept = checkpoint.found(job.work / "checkpoints")
    assert not (job.work / "export").exists()

    trained = max(line["step"] for line in read_metrics(job.work / "metrics.jsonl"))
    assert trained - int(kept[-1].name.removeprefix("step-")) <= plan["checkpoint_steps"]
    assert list((job.work / "checkpoints").glob(".step-*.tmp")), "it was not killed in the middle"
    lines: list[dict[str, object]] = []
    run_training(job, world.settings(), lines.append)
    summary = json.loads((job.work / "summary.json").read_text())
    assert summary["resumed_from"] == int(
        kept[-1].name.removeprefix("step-")
    )  # what was done is not done again
    assert [line["step"] for line in lines if "loss" in line] == list(range(1, summary["steps"] + 1))
    train_here(alone)
    assert losses(job) == losses(alone)
    assert weights_of(job) == weights_of(alone)


def test_two_hosts_train_together_and_equal_one(world: World, tmp_path: Path, train_here: Train) -> None:
    """Two launchers, one for each host, meet at an address; the weights are those of a single process."""
    job, alone = world.base(tmp_path / "job"), world.base(tmp_path / "alone")
    settings, port = world.settings(ranks=1), free_port()
    child = [str(job.work / "job.json"), "--device", "cpu"]
    hosts = [
        subprocess.Popen(
            node_command(child, {"one": 1, "two": 1}, node, "127.0.0.1", port),
            env={**os.environ, **child_environment(settings)},
        )
        for node in (0, 1)
    ]
    assert [host.wait(120) for host in hosts] == [0, 0], (job.work / "train.log").read_text()
    assert json.loads((job.work / "summary.json").read_text())["ranks"] == 2
    train_here(alone)
    assert losses(job) == losses(alone)
    assert weights_of(job) == weights_of(alone)


def test_with_a_hostfile_the_runner_starts_the_hosts(tmp_path: Path) -> None:
    hostfile = tmp_path / "hosts"
    hostfile.write_text("one slots=2\ntwo slots=2\n")
    command, environment = launch_command(tmp_path / "job.json", Settings(home=tmp_path, hostfile=hostfile))
    assert command[1:5] == ["-m", "deepspeed.launcher.runner", "--hostfile", str(hostfile)]
    assert "--parent" not in command  # a process of this host means nothing on another
    assert "GLOO_SOCKET_IFNAME" not in environment  # which would be loopback


def test_an_error_in_the_child_is_one_line_with_the_log(world: World, tmp_path: Path) -> None:
    job = world.base(tmp_path / "job").model_copy(update={"tokenizer": str(tmp_path / "nowhere")})
    with pytest.raises(
        InputError, match=r"^training: tokenizer: .*nowhere is not a folder \(log: .*train\.log\)$"
    ):
        run_training(job, world.settings(ranks=1))
    assert "Traceback" in (job.work / "train.log").read_text()


def test_a_child_that_cannot_start_is_an_error_with_its_last_line(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = world.base(tmp_path / "job")
    monkeypatch.setattr(
        "opencoder_dag.train.launch.launch_command",
        lambda *_: ([sys.executable, "-c", "import sys; sys.exit('no such thing')"], {}),
    )
    with pytest.raises(OpencoderError, match=r"status 1: no such thing \(log: "):
        run_training(job, world.settings())


def test_the_command_line_names_ranks_port_and_device(tmp_path: Path) -> None:
    job_file = tmp_path / "job.json"
    first, environment = launch_command(job_file, Settings(home=tmp_path, ranks=3, device="cpu"))
    second, _ = launch_command(job_file, Settings(home=tmp_path, ranks=3, device="cpu"))
    port = next(word for word in first if word.startswith("--master_port"))
    assert port not in second  # a free one for each launch
    assert first[-5:-2] == [str(job_file), "--device", "cpu"]
    assert first[-2:] == ["--parent", str(os.getpid())]
    assert environment["DS_ACCELERATOR"] == "cpu"


def test_a_missing_hostfile_is_named(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, hostfile=tmp_path / "hosts")
    with pytest.raises(InputError, match=r"OPENCODER_HOSTFILE: .*hosts is not a file"):
        launch_command(tmp_path / "job.json", settings)
