"""What people look at: the Dagster and MLflow pages, used with mouse and keyboard."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import keep_screenshot
from tests.graph.test_services import free_port
from tests.homes import ROOT, Home, materialize

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

EIGHT = (
    *("raw_code", "web_recall", "deduped_corpus", "filtered_corpus"),
    *("annealing_mix", "base_model", "sft_model", "eval_scores"),
)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


class Pages:
    """`opencoder-dag ui` serving a home."""

    def __init__(self, home: Home) -> None:
        self.dagster, self.mlflow = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        ports = {
            "OPENCODER_DAGSTER_PORT": self.dagster.rsplit(":", 1)[1],
            "OPENCODER_MLFLOW_PORT": self.mlflow.rsplit(":", 1)[1],
        }
        home.path.mkdir(parents=True, exist_ok=True)
        self.log = home.path / "ui.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "opencoder_dag.cli", "ui"],
                cwd=ROOT,
                env=home.environment(**ports),
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def wait(self, seconds: float = 150) -> None:
        """Wait until both servers answer and Dagster has loaded the definitions."""
        deadline = time.monotonic() + seconds
        while not (answers(self.dagster) and answers(self.mlflow) and self._definitions_loaded()):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.5)

    def _definitions_loaded(self) -> bool:
        return "opencoder_dag" in json.dumps(
            self.ask(
                "{ repositoriesOrError { ... on RepositoryConnection { nodes { location { name } } } } }"
            )
        )

    def ask(self, query: str) -> Any:
        """A GraphQL query."""
        body = json.dumps({"query": query}).encode()
        request = urllib.request.Request(
            f"{self.dagster}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.load(response)

    def close(self) -> None:
        """Interrupt the command as Ctrl-C does, and see that nothing is left of it."""
        os.kill(self.process.pid, signal.SIGINT)
        self.process.wait(timeout=60)
        assert not answers(self.dagster) and not answers(self.mlflow), "a server was left behind"


@pytest.fixture(scope="module")
def corpus_pages(
    tmp_path_factory: pytest.TempPathFactory, undisturbed: Home, browser: Any
) -> Iterator[Pages]:
    """Pages of a home in which the corpus is deduplicated and no more."""
    home = Home(tmp_path_factory.mktemp("clicked"), {"OPENCODER_DASK_WORKERS": "1"})
    for ready in ("raw_code", "deduped_corpus"):
        shutil.copytree(undisturbed.path / "lake" / ready, home.path / "lake" / ready)
    done = materialize(home, "raw_code,deduped_corpus")
    assert done.returncode == 0, done.stderr[-3000:]
    pages = Pages(home)
    try:
        pages.wait()
        yield pages
    finally:
        pages.close()


@pytest.fixture(scope="module")
def result_pages(undisturbed: Home, browser: Any) -> Iterator[Pages]:
    """Pages of a home in which three recipes were run."""
    pages = Pages(undisturbed)
    try:
        pages.wait()
        yield pages
    finally:
        pages.close()


def test_the_graph_shows_the_eight_assets(corpus_pages: Pages, page: Any):
    page.goto(f"{corpus_pages.dagster}/asset-groups")
    for name in EIGHT:
        page.get_by_text(name, exact=True).first.wait_for()
    time.sleep(2)  # the layout settles
    keep_screenshot(page, "dagster-graph")


def runs_of(pages: Pages) -> list[dict[str, str]]:
    """The newest runs with their status."""
    query = "{ runsOrError(limit: 5) { ... on Runs { results { id status } } } }"
    runs: list[dict[str, str]] = pages.ask(query)["data"]["runsOrError"]["results"]
    return runs


def test_filtered_corpus_is_materialised_by_clicking(corpus_pages: Pages, page: Any):
    before = {run["id"] for run in runs_of(corpus_pages)}
    page.goto(f"{corpus_pages.dagster}/assets/filtered_corpus")
    page.get_by_role("button", name="Materialize").first.click()
    page.get_by_text("Select a partition").first.click()
    page.get_by_role("menuitem").filter(has_text="baseline").click()
    page.get_by_text("Launch runs to materialize").click()  # closes the list
    page.get_by_role("button", name="Launch 1 run").click()
    deadline = time.monotonic() + 200
    status = ""
    while status != "SUCCESS":
        status = next((run["status"] for run in runs_of(corpus_pages) if run["id"] not in before), "")
        assert status != "FAILURE" and time.monotonic() < deadline, status
        time.sleep(1)
    page.goto(f"{corpus_pages.dagster}/assets/filtered_corpus?view=partitions&partition=baseline")
    page.get_by_text("Materialized (1)").wait_for()
    time.sleep(2)
    keep_screenshot(page, "dagster-filtered-corpus-partition")
    page.goto(f"{corpus_pages.dagster}/assets/filtered_corpus")
    page.get_by_text("[Show Markdown]").first.wait_for()
    keep_screenshot(page, "dagster-filtered-corpus")
    row = page.get_by_role("row").filter(has_text="funnel")
    row.get_by_text("[Show Markdown]").click()
    page.get_by_role("button", name="Close").wait_for()
    time.sleep(1)  # the dialog fades in
    keep_screenshot(page, "dagster-funnel")
    page.goto(f"{corpus_pages.dagster}/asset-groups")
    node = page.get_by_text("filtered_corpus", exact=True).last
    node.wait_for()
    time.sleep(3)
    keep_screenshot(page, "dagster-graph-after-click")


def test_a_model_page_shows_its_loss_curve(result_pages: Pages, page: Any):
    page.goto(f"{result_pages.dagster}/assets/base_model")
    page.get_by_role("row").filter(has_text="loss against tokens").get_by_text("[Show Markdown]").click()
    image = page.get_by_role("img", name="loss against tokens")
    image.wait_for()
    assert image.evaluate("image => image.naturalWidth") > 300
    keep_screenshot(page, "dagster-loss-curve")


def test_the_report_shows_recipes_side_by_side(result_pages: Pages, page: Any):
    page.goto(f"{result_pages.dagster}/assets/ablation_report")
    page.get_by_role("row").filter(has_text="report").first.get_by_text("[Show Markdown]").click()
    for name in ("baseline", "star_filter", "repo_dedup"):
        page.get_by_role("cell", name=name).first.wait_for()
    time.sleep(1)  # the dialog fades in
    keep_screenshot(page, "dagster-report")


def test_three_runs_are_compared_in_mlflow(result_pages: Pages, page: Any):
    page.add_init_script("localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')")
    table = f"{result_pages.mlflow}/#/experiments/1/runs?workflowType=machine_learning"
    page.goto(f"{table}&viewStateShareKey=recipes")
    for name in ("baseline", "star_filter", "repo_dedup"):
        page.get_by_text(name, exact=True).first.wait_for()
    keep_screenshot(page, "mlflow-runs")
    page.get_by_role("checkbox").first.click()  # all runs of the table
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("Comparing 3 Runs").first.wait_for()
    keep_screenshot(page, "mlflow-compare")
    for text in ("dedup.level", "filter.min_stars", "base/held_out.bits_per_byte"):
        page.get_by_text(text, exact=True).last.scroll_into_view_if_needed()
    keep_screenshot(page, "mlflow-compare-metrics")
    page.goto(
        f"{result_pages.mlflow}/#/experiments/1/runs?workflowType=machine_learning&compareRunsMode=CHART"
    )
    page.locator(".js-plotly-plot").first.wait_for()
    keep_screenshot(page, "mlflow-charts-scores")
    page.get_by_placeholder("Search metric charts").fill("train/")
    page.get_by_text("train/loss", exact=True).first.wait_for()
    time.sleep(3)  # the lines are drawn
    keep_screenshot(page, "mlflow-charts")


def test_screenshots_are_kept():
    folder = Path(ROOT) / "artifacts" / "screenshots"
    names = {path.stem for path in folder.glob("*.png")}
    if not names:
        pytest.skip("no Chromium is installed: no screenshots")
    assert {"dagster-graph", "dagster-filtered-corpus", "mlflow-runs", "mlflow-compare"} <= names
