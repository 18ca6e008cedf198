"""The whole graph, end to end, and what a second run does."""

from __future__ import annotations

import pytest

from tests.homes import CHAIN_ASSETS, RECIPES, SHARED_ASSETS, Home

pytestmark = [pytest.mark.graph, pytest.mark.timeout(900)]


def test_every_asset_of_every_recipe_is_there(undisturbed: Home):
    for asset in SHARED_ASSETS:
        assert undisturbed.manifest(asset)["content_digest"]
    for recipe in RECIPES:
        for asset in CHAIN_ASSETS:
            assert undisturbed.manifest(asset, recipe)["content_digest"], (asset, recipe)


def test_documents_are_conserved_and_removals_explained(undisturbed: Home):
    for asset, recipe in [("raw_code", "all"), *((asset, "baseline") for asset in CHAIN_ASSETS[:2])]:
        manifest = undisturbed.manifest(asset, recipe)
        counts = manifest["counts"]
        assert counts["in"] == counts["kept"] + counts["removed"] + counts["quarantined"], asset
        assert counts["kept"] > 0 and counts["removed"] > 0, asset
        assert sum(manifest["reasons"].values()) == counts["removed"], asset


def test_recipes_share_work_and_differ_where_they_say(undisturbed: Home):
    folder = undisturbed.folder
    assert folder("deduped_corpus", "star_filter") == folder("deduped_corpus", "baseline")
    assert folder("deduped_corpus", "repo_dedup") != folder("deduped_corpus", "baseline")
    stars = undisturbed.manifest("filtered_corpus", "star_filter")
    assert stars["reasons"]["stars_below_minimum"] > 0
    assert stars["counts"]["kept"] < undisturbed.manifest("filtered_corpus", "baseline")["counts"]["kept"]


def test_scores_are_measured(undisturbed: Home):
    for recipe in RECIPES:
        scores = undisturbed.manifest("eval_scores", recipe)["facts"]["scores"]
        assert 0 <= scores["ladder.pass@1"] <= 1
        assert 0.5 < scores["held_out.bits_per_byte"] < 10
        card = (undisturbed.folder("sft_model", recipe) / "README.md").read_text()
        assert f"| held_out.bits_per_byte | {scores['held_out.bits_per_byte']:.4f} |" in card


def test_the_terminal_shows_a_line_a_stage_and_the_table(undisturbed: Home):
    text = (undisturbed.path / "terminal.txt").read_text()
    for name in (*SHARED_ASSETS, *CHAIN_ASSETS):
        assert name in text
    assert "reused" in text  # star_filter shares the baseline's dedup
    assert "http://127.0.0.1:3000" in text and "http://127.0.0.1:5000" in text
    assert len(text.splitlines()) < 70, "a wall of logs"


def test_mlflow_has_comparable_parents_with_children(undisturbed: Home):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{undisturbed.path}/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("cookbook")
    parents = client.search_runs([experiment.experiment_id], "tags.`opencoder.stage` = 'recipe'")
    assert sorted(run.info.run_name for run in parents) == sorted(RECIPES)
    for run in parents:
        assert run.info.status == "FINISHED"
        assert 10 <= len(run.data.params) <= 16
        assert {"corpus/documents", "train/loss", "tuned/ladder.pass_at_1"} <= set(run.data.metrics)
        history = client.get_metric_history(run.info.run_id, "train/loss")
        assert len(history) >= 5 and [point.step for point in history] == sorted(
            {point.step for point in history}
        )
        assert run.inputs.dataset_inputs
        children = client.search_runs(
            [experiment.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"
        )
        assert {child.info.run_name for child in children} == set(CHAIN_ASSETS)


def test_a_second_run_reuses_everything(undisturbed: Home):
    before = undisturbed.files()
    digests = {(a, r): undisturbed.manifest(a, r)["content_digest"] for a in CHAIN_ASSETS for r in RECIPES}
    done = undisturbed.run("run", *RECIPES)
    assert done.returncode == 0, done.stderr[-2000:]
    stages = [line for line in done.stderr.splitlines() if line.startswith((*SHARED_ASSETS, *CHAIN_ASSETS))]
    assert len(stages) == len(SHARED_ASSETS) + len(CHAIN_ASSETS) * len(RECIPES)
    assert all("reused" in line for line in stages)
    after = undisturbed.files()
    assert set(after) == set(before), "new files in the lake"
    changed = {name for name in before if after[name] != before[name]}
    assert all(name.startswith("reports/") for name in changed), changed
    assert digests == {
        (a, r): undisturbed.manifest(a, r)["content_digest"] for a in CHAIN_ASSETS for r in RECIPES
    }


def test_dagster_recorded_data_versions(undisturbed: Home, monkeypatch: pytest.MonkeyPatch):
    import dagster as dg

    monkeypatch.setenv("DAGSTER_HOME", str(undisturbed.path / "dagster"))
    with dg.DagsterInstance.get() as instance:
        for asset, recipe in (("raw_code", None), ("filtered_corpus", "baseline")):
            records = instance.fetch_materializations(
                dg.AssetRecordsFilter(dg.AssetKey(asset), asset_partitions=[recipe] if recipe else None),
                limit=5,
            ).records
            versions = {record.asset_materialization.tags["dagster/data_version"] for record in records}
            assert versions == {undisturbed.manifest(asset, recipe or "all")["content_digest"]}
