"""MLflow: one experiment an ablation family, one parent run a recipe, child runs for stages.

Runs are found by tags, handles are never passed. Headline numbers are copied to the parent run, so that the
compare table and charts of the parents show them; losses are logged with tokens as the step.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Dataset as MlflowDataset
from mlflow.entities import DatasetInput, Metric, Param
from pydantic import PrivateAttr

from opencoder_dag.lake import Dataset
from opencoder_dag.recipe import Recipe

RECIPE, DIGEST, SEED = "opencoder.recipe", "opencoder.recipe_digest", "opencoder.seed"
STAGE, FINGERPRINT, CONTENT = "opencoder.stage", "opencoder.fingerprint", "opencoder.content_digest"
PARENT = "mlflow.parentRunId"
BUNDLE_SECONDS = 2.0
BATCH = 500  # metrics a request; MLflow takes up to 1000
NOT_CHARTED = ("step", "steps", "tokens", "elapsed")
# MLflow opens on its pages about chat traces unless an address asks for those about training.
TRAINING_PAGES = "workflowType=machine_learning"
# A saved view of the table of runs, in the form in which MLflow's own "share view" keeps it.
VIEW = "recipes"
TABLE_VIEW = {
    "searchFilter": "",
    "orderByKey": "attributes.start_time",
    "orderByAsc": True,
    "startTime": "ALL",
    "lifecycleFilter": "Active",
    "datasetsFilter": [],
    "modelVersionFilter": "All Runs",
    "selectedColumns": [
        "params.`dedup.level`",
        "params.`filter.min_stars`",
        *(
            f"metrics.`{name}`"
            for name in (
                "corpus/documents",
                "base/final_loss",
                "base/held_out.bits_per_byte",
                "base/ladder.bits_per_byte",
                "base/ladder.pass_at_1",
                "tuned/ladder.pass_at_1",
            )
        ),
    ],
}


class MlflowResource(dg.ConfigurableResource):
    """A tracking server, or a SQLite file by absolute path.

    `artifacts` is where artefacts go when no server decides on it; `link_base` is where people open MLflow.
    """

    uri: str
    artifacts: str
    link_base: str

    _client: MlflowClient | None = PrivateAttr(default=None)

    @property
    def client(self) -> MlflowClient:
        """The MLflow client; creates the database of a SQLite address first, one process at a time."""
        if self._client is None:
            for noisy in ("mlflow", "alembic"):
                logging.getLogger(noisy).setLevel(logging.WARNING)
            if self.uri.startswith("sqlite:///"):
                database = Path(self.uri.removeprefix("sqlite:///"))
                database.parent.mkdir(parents=True, exist_ok=True)
                with FileLock(f"{database}.lock"):
                    client = MlflowClient(self.uri)
                    client.search_experiments(max_results=1)
            else:
                client = MlflowClient(self.uri)
            self._client = client
        return self._client

    # --- finding and creating runs ---

    def experiment(self, family: str) -> str:
        """Id of the experiment of an ablation family."""
        found = self.client.get_experiment_by_name(family)
        if found is not None:
            return str(found.experiment_id)
        local = self.uri.startswith("sqlite:///")
        location = Path(self.artifacts, family).as_uri() if local else None
        # The kind decides which page of MLflow an experiment opens on: runs, not traces of chats.
        tags = {
            "mlflow.experimentKind": "custom_model_development",
            f"mlflow.sharedViewState.{VIEW}": json.dumps(TABLE_VIEW),
        }
        return str(self.client.create_experiment(family, artifact_location=location, tags=tags))

    def parent(self, recipe: Recipe) -> str:
        """Id of the run of a recipe and seed; created with the recipe's readable parameters."""
        experiment = self.experiment(recipe.family)
        tags = {RECIPE: recipe.base_name, DIGEST: recipe.digest, SEED: str(recipe.seed), STAGE: "recipe"}
        found = self._find(experiment, tags)
        if found is not None:
            return found
        note = f"{recipe.title}\n\n{f'Paper: {recipe.paper}' if recipe.paper else ''}".strip()
        run = self.client.create_run(
            experiment, run_name=recipe.name, tags={**tags, "mlflow.note.content": note}
        )
        self.client.log_batch(run.info.run_id, params=_params(readable_parameters(recipe)))
        return str(run.info.run_id)

    def stage(
        self, recipe: Recipe, asset: str, fingerprint: str, tags: Mapping[str, str]
    ) -> tuple[str, bool]:
        """Id of the child run of a stage, and whether it is new."""
        experiment = self.experiment(recipe.family)
        parent = self.parent(recipe)
        identity = {PARENT: parent, STAGE: asset, FINGERPRINT: fingerprint}
        found = self._find(experiment, identity)
        if found is not None:
            return found, False
        run = self.client.create_run(
            experiment, run_name=asset, tags={**identity, RECIPE: recipe.name, **tags}
        )
        return str(run.info.run_id), True

    def _find(self, experiment: str, tags: Mapping[str, str]) -> str | None:
        query = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
        runs = self.client.search_runs([experiment], query, max_results=1)
        return str(runs[0].info.run_id) if runs else None

    # --- logging ---

    def log_stage(
        self,
        recipe: Recipe,
        asset: str,
        dataset: Dataset,
        *,
        metrics: Mapping[str, float],
        inputs: Mapping[str, Dataset],
        headline: Mapping[str, float] | None = None,
        figures: Mapping[str, bytes] | None = None,
        dagster_run: str = "",
    ) -> str:
        """Record a finished stage as a child run and its headline numbers on the parent; returns its link.

        A stage that was recorded before under the same fingerprint only links the new Dagster run.
        """
        tags = {CONTENT: dataset.digest, "opencoder.folder": dataset.path, "dagster.run_id": dagster_run}
        run_id, _ = self.stage(recipe, asset, dataset.manifest.fingerprint, tags)
        run = self.client.get_run(run_id)
        if run.info.status != "FINISHED":
            for key, value in tags.items():
                self.client.set_tag(run_id, key, value)
            self._metrics(run_id, metrics)
            self._inputs(run_id, inputs)
            self._figures(run_id, figures or {})
            self.client.set_terminated(run_id)
            parent = self.parent(recipe)
            self._metrics(parent, headline or {})
            self._inputs(
                parent, {name: data for name, data in inputs.items() if name in ("raw_code", "web_recall")}
            )
            self.client.set_tag(parent, f"opencoder.data.{asset}", dataset.digest[:16])
            self.client.set_tag(parent, "dagster.run_id", dagster_run)
        return self.link(recipe, run_id)

    @contextmanager
    def training_log(
        self, recipe: Recipe, asset: str, run_id: str
    ) -> Iterator[Callable[[Mapping[str, Any]], None]]:
        """Yield a function that records lines of training metrics, tokens as the step.

        They go to the stage's run and, as far as people compare by them, to the parent; they are sent in
        bundles, since a line a step would keep the database busier than the model. A training that goes on
        tells its lines from the first: those that the stage's run has are left out. The parent is served
        first, so that what the stage's run has the parent has too.
        """
        parent = self.parent(recipe)
        prefix = "sft" if asset == "sft_model" else "train"
        waiting: dict[str, list[Metric]] = {parent: [], run_id: []}
        sent = time.monotonic()

        @cache
        def recorded_up_to(name: str) -> int:
            return max((metric.step for metric in self.client.get_metric_history(run_id, name)), default=-1)

        def send() -> None:
            nonlocal sent
            for run, metrics in waiting.items():
                self._send(run, metrics)
                metrics.clear()
            sent = time.monotonic()

        def record(point: Mapping[str, Any]) -> None:
            now, step = int(time.time() * 1000), int(point["tokens"])
            for name, value in point.items():
                if isinstance(value, int | float) and name not in NOT_CHARTED:
                    metric = Metric(f"{prefix}/{name}", float(value), now, step)
                    if step <= recorded_up_to(metric.key):
                        continue
                    waiting[run_id].append(metric)
                    if name.endswith(("loss", "learning_rate")):
                        waiting[parent].append(metric)
            if time.monotonic() - sent > BUNDLE_SECONDS:
                send()

        try:
            yield record
        finally:
            send()

    def finish(self, recipe: Recipe, figures: Mapping[str, bytes] | None = None) -> None:
        """Mark the run of a recipe as finished."""
        parent = self.parent(recipe)
        self._figures(parent, figures or {})
        self.client.set_terminated(parent)

    def attach(self, recipe: Recipe, path: str) -> None:
        """Keep a file beside the run of a recipe."""
        import tempfile

        import fsspec

        with fsspec.open(path, "rb") as handle, tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, Path(path).name)
            copy.write_bytes(handle.read())
            self.client.log_artifact(self.parent(recipe), str(copy), artifact_path="report")

    def link(self, recipe: Recipe, run_id: str | None = None) -> str:
        """Where to look at a run."""
        run_id = run_id or self.parent(recipe)
        return (
            f"{self.link_base}/#/experiments/{self.experiment(recipe.family)}/runs/{run_id}?{TRAINING_PAGES}"
        )

    def table_link(self, recipe: Recipe) -> str:
        """The table of all recipes of a family, with the columns that they are compared by."""
        runs = f"{self.link_base}/#/experiments/{self.experiment(recipe.family)}/runs"
        return f"{runs}?{TRAINING_PAGES}&viewStateShareKey={VIEW}"

    def compare_link(self, recipes: Sequence[Recipe]) -> str:
        """The compare page of the parents of several recipes of one family."""
        runs = "[" + ",".join(f'"{self.parent(recipe)}"' for recipe in recipes) + "]"
        experiment = self.experiment(recipes[0].family)
        return f'{self.link_base}/#/compare-runs?runs={runs}&experiments=["{experiment}"]&{TRAINING_PAGES}'

    def _metrics(self, run_id: str, values: Mapping[str, float]) -> None:
        now = int(time.time() * 1000)
        self._send(run_id, [Metric(_key(name), float(value), now, 0) for name, value in values.items()])

    def _send(self, run_id: str, metrics: Sequence[Metric]) -> None:
        for start in range(0, len(metrics), BATCH):
            self.client.log_batch(run_id, metrics=metrics[start : start + BATCH])

    def _inputs(self, run_id: str, inputs: Mapping[str, Dataset]) -> None:
        logged = [
            DatasetInput(
                MlflowDataset(
                    name=name,
                    digest=data.digest[:32],
                    source_type="local",
                    source=f'{{"uri": "{data.path}"}}',
                    profile=f'{{"documents": {data.manifest.counts.get("kept", 0)}}}',
                )
            )
            for name, data in inputs.items()
        ]
        if logged:
            self.client.log_inputs(run_id, datasets=logged)

    def _figures(self, run_id: str, figures: Mapping[str, bytes]) -> None:
        import tempfile

        for name, image in figures.items():
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, f"{name}.png")
                path.write_bytes(image)
                self.client.log_artifact(run_id, str(path), artifact_path="plots")


def readable_parameters(recipe: Recipe) -> dict[str, Any]:
    """The dozen parameters by which people tell runs apart."""
    model = recipe.model
    return {
        "recipe": recipe.base_name,
        "seed": recipe.seed,
        "dedup.level": recipe.dedup.level,
        "dedup.preset": recipe.dedup.preset,
        "filter.min_stars": recipe.filter.min_stars if recipe.filter.min_stars is not None else "none",
        "mix.web_share": recipe.mix.web,
        "mix.high_quality_anneal": recipe.mix.high_quality,
        "tokenizer.vocab_size": recipe.tokenizer.vocab_size,
        "model": model.preset,
        "train.tokens": recipe.train.tokens,
        "train.anneal_tokens": recipe.train.anneal_tokens,
        "train.schedule": recipe.train.schedule,
        "train.learning_rate": recipe.train.learning_rate,
        "sft.strategy": recipe.sft.strategy,
    }


def _params(values: Mapping[str, Any]) -> list[Param]:
    return [Param(key, str(value)) for key, value in values.items()]


def _key(name: str) -> str:
    """A name in the characters that MLflow allows (pass@1 becomes pass_at_1).

    What stands before its first dot becomes the section of the charts page that shows it.
    """
    name = name.replace("@", "_at_").replace(".", "/", 1)
    return "".join(char if char.isalnum() or char in "_-. /" else "_" for char in name)
