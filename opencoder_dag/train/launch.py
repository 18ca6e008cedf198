"""Starting and watching the training processes, with or without Dagster.

Belongs here: the command line of the DeepSpeed launcher, following the metrics, and turning the end of the
child into a result or one error line.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.settings import Settings
from opencoder_dag.train.job import TrainJob
from opencoder_dag.train.metrics import Tail

EXIT_FAILED, EXIT_INPUT, EXIT_STOPPED = 1, 2, 3
POLL_SECONDS = 0.2
TERMINATION_SECONDS = 120.0  # for a checkpoint to finish


def free_port() -> int:
    """A TCP port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def launch_command(job_file: Path, settings: Settings) -> tuple[list[str], dict[str, str]]:
    """Command line and environment additions that train a job file.

    On one host it is DeepSpeed's launcher of a host, on loopback and with a free port; with a hostfile it is
    its runner, which starts that launcher on every host (over ssh) with the slots that the file gives.
    """
    environment = child_environment(settings)
    if settings.hostfile is None:
        child = [str(job_file), "--device", settings.device, "--parent", str(os.getpid())]
        return node_command(child, {"localhost": settings.ranks}, 0, "127.0.0.1", free_port()), environment
    if not settings.hostfile.is_file():
        raise InputError(f"OPENCODER_HOSTFILE: {settings.hostfile} is not a file")
    runner = [sys.executable, "-m", "deepspeed.launcher.runner", "--hostfile", str(settings.hostfile)]
    child = [str(job_file), "--device", settings.device]
    return [
        *(*runner, "--force_multi", "--no_local_rank", "--master_port", str(free_port())),
        *("--module", "opencoder_dag.train", *child),
    ], environment


def node_command(
    child: Sequence[str], hosts: Mapping[str, int], node: int, master: str, port: int
) -> list[str]:
    """Command line of DeepSpeed's launcher on one host: `hosts` are names and ranks, `node` is which of them.

    Starting it by hand on every host, with the same `master` address and port, is a multi-host training
    without ssh.
    """
    slots = {name: list(range(ranks)) for name, ranks in hosts.items()}
    world = base64.urlsafe_b64encode(json.dumps(slots).encode()).decode()
    return [
        *(sys.executable, "-m", "opencoder_dag.train.host", "--log_level", "critical"),
        *(f"--world_info={world}", f"--node_rank={node}"),
        *(f"--master_addr={master}", f"--master_port={port}"),
        *("--no_local_rank", "--module", "opencoder_dag.train", *child),
    ]


def child_environment(settings: Settings) -> dict[str, str]:
    """Variables for the training processes: one thread each on CPU, nothing over the network.

    The number of threads changes the last bits of sums, so it does not follow the machine: cores are used by
    giving as many ranks. `OMP_NUM_THREADS`, where it is set, is taken over.
    """
    environment = {
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(
            path for path in (_package_root(), os.environ.get("PYTHONPATH")) if path
        ),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        # glibc returns a step's large tensors to the kernel and asks for them again in the next: keeping
        # them takes a base training of the laptop scale from 95 s to 55 s.
        "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
        "MALLOC_TRIM_THRESHOLD_": str(1 << 31),
    }
    if settings.device == "cpu":
        environment |= {"DS_ACCELERATOR": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    elif settings.device == "auto" and not _has_cuda():
        environment |= {"DS_ACCELERATOR": "cpu"}
    if settings.hostfile is None:
        environment["GLOO_SOCKET_IFNAME"] = "lo" if sys.platform == "linux" else "lo0"
    return environment


def run_training(
    job: TrainJob,
    settings: Settings,
    on_metric: Callable[[dict[str, Any]], None] = lambda line: None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Train a job in child processes and call `on_metric` for each new line of its metrics.

    The child's output is in `train.log` of the job's folder. Returns when the export is there. Raises
    `InputError` or `OpencoderError` with the child's own last word and the path of the log. When this process
    is interrupted the child is asked to write a checkpoint and given time for it.
    """
    job_file = job.save()
    error_file, log_file = job.work / "error.json", job.work / "train.log"
    error_file.unlink(missing_ok=True)
    command, additions = launch_command(job_file, settings)
    tail = Tail(job.work / "metrics.jsonl")
    with log_file.open("ab") as log:
        child = subprocess.Popen(
            command,
            env={**os.environ, **additions, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        while child.poll() is None:
            for line in tail.new_lines():
                on_metric(line)
            time.sleep(POLL_SECONDS)
    except BaseException:
        _end(child)
        raise
    for line in tail.new_lines():
        on_metric(line)
    if child.returncode != 0 or not (job.work / "summary.json").exists():
        raise _failure(error_file, log_file, child.returncode)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ask the launcher to end its processes, and wait for their checkpoint."""
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(TERMINATION_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _failure(error_file: Path, log_file: Path, status: int) -> OpencoderError:
    if error_file.exists():
        error = json.loads(error_file.read_text(encoding="utf-8"))
        kind = InputError if error["kind"] == "input" else OpencoderError
        return kind(f"training: {error['message']} (log: {log_file})")
    lines = log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return OpencoderError(
        f"training: ended with status {status}: {lines[-1] if lines else 'no output'} (log: {log_file})"
    )


def _package_root() -> str:
    return str(Path(__file__).resolve().parents[2])


def _has_cuda() -> bool:
    return Path("/dev/nvidiactl").exists()
