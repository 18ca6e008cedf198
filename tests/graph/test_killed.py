"""Killed in each stage and run again: the end is what it would have been."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.homes import CORPUS_ASSETS, Home

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
    """`kill -9` of the process group in each."""
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
