"""Kills, other numbers of workers, other shard sizes: the content stays the same."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest
from mlflow import MlflowClient

from tests.homes import CORPUS_ASSETS, Home, materialize

pytestmark = [pytest.mark.graph, pytest.mark.timeout(900)]


def unfinished(lake: Path, stage: str) -> Path | None:
    """The folder of a stage that has begun and has no manifest."""
    for folder in sorted((lake / stage).glob("*")):
        if not (folder / "manifest.json").exists():
            return folder
    return None


def reports_in(lake: Path, stage: str) -> dict[str, int]:
    """Finished shards of an unfinished stage with their time of writing."""
    folder = unfinished(lake, stage)
    return (
        {path.name: path.stat().st_mtime_ns for path in (folder / "reports").glob("*.json")} if folder else {}
    )


def test_killed_in_dedup_filter_and_training(undisturbed: Home, tmp_path: Path):
    """`kill -9` of the process group in each; the end is what it would have been."""
    home = Home(tmp_path / "home")
    lake = home.path / "lake"
    for ready in ("web_pages", "web_recall"):  # takes its time, and is not what is killed here
        shutil.copytree(undisturbed.path / "lake" / ready, lake / ready)

    for stage in CORPUS_ASSETS:
        home.run_until(lambda stage=stage: len(reports_in(lake, stage)) >= 2, "run", "baseline")
        written = reports_in(lake, stage)
        assert written, f"{stage} was not caught in the middle"
        folder = unfinished(lake, stage)

    checkpoints = home.path / "work"
    home.run_until(lambda: any(checkpoints.rglob("step-*/checkpoint.json")), "run", "baseline")
    assert unfinished(lake, "base_model") is None and not (lake / "base_model").exists()
    after_kill = {name: (folder / "reports" / name).stat().st_mtime_ns for name in written}
    assert after_kill == written, "finished shards were redone"

    done = home.run("run", "baseline")
    assert done.returncode == 0, done.stderr[-3000:]
    for asset in ("raw_code", "held_out"):
        assert home.manifest(asset)["content_digest"] == undisturbed.manifest(asset)["content_digest"], asset
    for asset in (*CORPUS_ASSETS, "tokenizer", "annealing_mix", "base_model", "instruct_data", "sft_model"):
        mine, theirs = home.manifest(asset, "baseline"), undisturbed.manifest(asset, "baseline")
        assert mine["content_digest"] == theirs["content_digest"], asset
    base = home.manifest("base_model", "baseline")["facts"]
    assert base["resumed_from"] > 0, "training began anew"
    calm = undisturbed.manifest("base_model", "baseline")["facts"]
    assert abs(base["loss"] - calm["loss"]) < 1e-6
    client = MlflowClient(f"sqlite:///{home.path}/mlflow/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("cookbook").experiment_id])
    run = next(run.info.run_id for run in runs if run.data.tags.get("opencoder.stage") == "base_model")
    logged = [point.step for point in client.get_metric_history(run, "train/loss")]
    assert len(logged) == len(set(logged)) == base["steps"], "the curve has gaps, or points twice"


@pytest.mark.parametrize(
    ("workers", "shard_bytes"),
    [("1", "300000"), ("3", "110000")],
    ids=["one-worker", "three-workers-other-shards"],
)
def test_workers_and_shards_do_not_matter(undisturbed: Home, tmp_path: Path, workers: str, shard_bytes: str):
    home = Home(tmp_path / "home", {"OPENCODER_DASK_WORKERS": workers, "OPENCODER_SHARD_BYTES": shard_bytes})
    done = materialize(home, "raw_code,deduped_corpus,filtered_corpus")
    assert done.returncode == 0, done.stderr[-3000:]
    assert home.manifest("raw_code")["content_digest"] == undisturbed.manifest("raw_code")["content_digest"]
    for asset in CORPUS_ASSETS:
        mine, theirs = home.manifest(asset, "baseline"), undisturbed.manifest(asset, "baseline")
        assert mine["content_digest"] == theirs["content_digest"], asset
    if shard_bytes != "300000":
        assert len(home.manifest("raw_code")["shards"]) != len(undisturbed.manifest("raw_code")["shards"])


def test_a_dask_worker_killed_during_dedup(undisturbed: Home, tmp_path: Path):
    home = Home(tmp_path / "home")
    killed: list[int] = []
    stop = threading.Event()

    def kill_a_worker() -> None:
        while not stop.is_set():
            if (home.path / "lake" / "deduped_corpus").exists():
                workers = [
                    process
                    for process in psutil.Process().children(recursive=True)
                    if "multiprocessing.spawn" in " ".join(_command(process))
                    or "multiprocessing.forkserver" in " ".join(_command(process))
                ]
                if workers:
                    os.kill(workers[-1].pid, signal.SIGKILL)
                    killed.append(workers[-1].pid)
                    return
            time.sleep(0.005)

    watcher = threading.Thread(target=kill_a_worker)
    watcher.start()
    try:
        done = materialize(home, "raw_code,deduped_corpus")
    finally:
        stop.set()
        watcher.join()
    assert killed, "no worker was killed"
    assert done.returncode == 0, done.stderr[-3000:]
    mine = home.manifest("deduped_corpus", "baseline")["content_digest"]
    assert mine == undisturbed.manifest("deduped_corpus", "baseline")["content_digest"]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
