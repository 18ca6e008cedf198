from pathlib import Path

import pytest

from opencoder_dag.recipe_files import load_recipe
from resources.mlflow import MlflowResource, readable_parameters


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> MlflowResource:
    """Tracking in a SQLite file that no run has touched before."""
    home = tmp_path_factory.mktemp("mlflow")
    return MlflowResource(
        uri=f"sqlite:///{home}/deep/mlflow.db",
        artifacts=str(home / "artifacts"),
        link_base="http://127.0.0.1:5000",
    )


def test_one_parent_a_recipe_and_one_child_a_stage(mlflow: MlflowResource, dataset_of):
    recipe = load_recipe("baseline")
    dataset = dataset_of([{"content": "text", "repo": "r", "path": "p"}])
    parent = mlflow.parent(recipe)
    for _ in range(2):
        link = mlflow.log_stage(
            recipe,
            "deduped_corpus",
            dataset,
            metrics={"documents.kept": 1},
            inputs={"raw_code": dataset},
            headline={"corpus.documents": 1},
            figures={"plot": b"\x89PNG"},
            dagster_run="run-1",
        )
    assert mlflow.parent(recipe) == parent
    experiment = mlflow.experiment(recipe.family)
    runs = mlflow.client.search_runs([experiment])
    assert sorted(run.info.run_name for run in runs) == ["baseline", "deduped_corpus"]
    child = next(run for run in runs if run.info.run_name == "deduped_corpus")
    assert link.startswith(f"http://127.0.0.1:5000/#/experiments/{experiment}/runs/{child.info.run_id}")
    assert child.data.tags["mlflow.parentRunId"] == parent
    assert child.data.tags["opencoder.content_digest"] == dataset.digest
    assert [item.dataset.name for item in child.inputs.dataset_inputs] == ["raw_code"]
    top = mlflow.client.get_run(parent)
    assert top.data.metrics["corpus/documents"] == 1
    assert top.data.params == {key: str(value) for key, value in readable_parameters(recipe).items()}


def test_losses_are_logged_against_tokens(mlflow: MlflowResource):
    recipe = load_recipe("star_filter")
    run_id, new = mlflow.stage(recipe, "base_model", "fingerprint", {})
    assert new
    with mlflow.training_log(recipe, "base_model", run_id) as record:
        for step in (1, 2, 3):
            record({"step": step, "phase": "stable", "tokens": step * 100, "loss": 5.0 - step})
    for run in (run_id, mlflow.parent(recipe)):
        history = mlflow.client.get_metric_history(run, "train/loss")
        assert [(point.step, point.value) for point in history] == [(100, 4.0), (200, 3.0), (300, 2.0)]


def test_a_training_that_goes_on_leaves_no_gap_and_no_point_twice(mlflow: MlflowResource):
    """The first run is killed with points unsent; the second tells its lines from the first."""
    recipe = load_recipe("star_filter")
    run_id, _ = mlflow.stage(recipe, "base_model", "goes on", {})
    for steps in (range(1, 4), range(1, 7)):
        with mlflow.training_log(recipe, "base_model", run_id) as record:
            for step in steps:
                record({"step": step, "phase": "stable", "tokens": step * 100, "loss": 5.0 - step})
                if step % 2 == 0:
                    record({"step": step, "tokens": step * 100, "held_out_loss": 6.0 - step})
    for name, points in {"train/loss": 6, "train/held_out_loss": 3}.items():
        every = 6 // points * 100
        steps = [point.step for point in mlflow.client.get_metric_history(run_id, name)]
        assert steps == [every * (at + 1) for at in range(points)]


def test_names_that_mlflow_refuses_are_spelt_out(mlflow: MlflowResource, dataset_of):
    recipe = load_recipe("repo_dedup")
    dataset = dataset_of([{"content": "other", "repo": "r", "path": "p"}])
    mlflow.log_stage(recipe, "eval_scores", dataset, metrics={"ladder.pass@1": 0.5}, inputs={})
    experiment = mlflow.experiment(recipe.family)
    run = mlflow.client.search_runs([experiment], "tags.`opencoder.stage` = 'eval_scores'")[0]
    assert run.data.metrics == {"ladder/pass_at_1": 0.5}


def test_the_database_is_where_the_address_says(mlflow: MlflowResource):
    assert mlflow.client is not None
    assert Path(mlflow.uri.removeprefix("sqlite:///")).exists()
