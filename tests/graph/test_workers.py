"""Other numbers of workers, other shard sizes, a worker killed: the content stays the same."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from tests.homes import CORPUS_ASSETS, Home, materialize

pytestmark = [pytest.mark.graph, pytest.mark.timeout(900)]


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
