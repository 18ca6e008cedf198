"""Services given by address are used instead of the local ones: Dask scheduler, MLflow server, one rank."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.homes import ROOT, Home, materialize

pytestmark = [pytest.mark.graph, pytest.mark.timeout(900)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def server(*command: str, port: int, seconds: float = 60, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server process on loopback that answers at `port`, ended with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, **env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + seconds
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None and time.monotonic() < deadline, f"{command[0]} did not start"
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_a_scheduler_by_address_does_the_work(undisturbed: Home, tmp_path: Path):
    from distributed import Client

    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    scheduler = (
        "distributed.cli.dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-dashboard",
    )
    worker = (
        "distributed.cli.dask_worker",
        address,
        "--host",
        "127.0.0.1",
        "--nthreads",
        "1",
        "--no-dashboard",
    )
    with (
        server(*scheduler, port=port),
        server(*worker, port=port, PYTHONPATH=str(ROOT)),
        Client(address, timeout=20) as client,
    ):
        client.wait_for_workers(1, timeout=30)
        home = Home(tmp_path / "home", {"OPENCODER_DASK_ADDRESS": address})
        done = materialize(home, "raw_code,deduped_corpus")
        assert done.returncode == 0, done.stderr[-3000:]
        ran = client.run_on_scheduler(
            lambda dask_scheduler: [key for _, key, *_ in _transitions(dask_scheduler)]
        )
        assert len(ran) > 10, "the scheduler saw no tasks"
    mine = home.manifest("deduped_corpus", "baseline")["content_digest"]
    assert mine == undisturbed.manifest("deduped_corpus", "baseline")["content_digest"]


def _transitions(dask_scheduler):
    return [(0, entry[0]) for entry in dask_scheduler.transition_log if entry[2] == "memory"]


def test_no_scheduler_at_the_address(tmp_path: Path):
    home = Home(tmp_path / "home", {"OPENCODER_DASK_ADDRESS": f"tcp://127.0.0.1:{free_port()}"})
    started = time.monotonic()
    done = home.run("run", "baseline", timeout=60)
    assert done.returncode == 2
    assert time.monotonic() - started < 40  # ten seconds of waiting, and the imports
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and "no scheduler answers" in lines[0], done.stderr
    assert not (home.path / "lake").exists()


def test_an_mlflow_server_by_uri_gets_the_runs(tmp_path: Path, undisturbed: Home):
    import shutil

    from mlflow import MlflowClient

    port = free_port()
    store = tmp_path / "server"
    store.mkdir()
    command = ("mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1")
    backend = (
        "--backend-store-uri",
        f"sqlite:///{store}/db",
        "--artifacts-destination",
        str(store / "artifacts"),
    )
    with server(*command, *backend, port=port, MLFLOW_DISABLE_TELEMETRY="true"):
        uri = f"http://127.0.0.1:{port}"
        home = Home(tmp_path / "home", {"OPENCODER_MLFLOW_URI": uri, "OPENCODER_DASK_WORKERS": "1"})
        shutil.copytree(undisturbed.path / "lake" / "raw_code", home.path / "lake" / "raw_code")
        done = materialize(home, "raw_code,deduped_corpus")
        assert done.returncode == 0, done.stderr[-3000:]
        client = MlflowClient(uri)
        experiment = client.get_experiment_by_name("cookbook")
        runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
        assert set(runs) == {"baseline", "deduped_corpus"}
        assert runs["baseline"].data.metrics["dedup/kept"] > 0
        assert client.list_artifacts(runs["deduped_corpus"].info.run_id, "plots")
    assert not (home.path / "mlflow" / "mlflow.db").exists()


def test_training_on_one_rank(undisturbed: Home, tmp_path: Path):
    import shutil

    home = Home(tmp_path / "home", {"OPENCODER_RANKS": "1"})
    for name in ("lake", "dagster", "mlflow"):
        shutil.copytree(undisturbed.path / name, home.path / name)
    shutil.rmtree(home.path / "lake" / "base_model")
    done = materialize(home, "base_model")
    assert done.returncode == 0, done.stderr[-3000:]
    one = home.manifest("base_model", "baseline")["facts"]
    two = undisturbed.manifest("base_model", "baseline")["facts"]
    assert one["ranks"] == 1 and two["ranks"] == 2
    assert abs(one["loss"] - two["loss"]) < 1e-3
