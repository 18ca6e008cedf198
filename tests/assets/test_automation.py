"""What starts by itself, and what tells people."""

from __future__ import annotations

import datetime
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import dagster as dg
import pytest

from resources.lake import LakeResource

MOMENT = datetime.datetime(2026, 1, 4, 3, tzinfo=datetime.UTC)


@pytest.fixture
def definitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dg.Definitions:
    from definitions import build_definitions
    from opencoder_dag.settings import Settings

    return build_definitions(Settings(home=tmp_path))


@pytest.fixture
def resource(lake, dataset_of) -> LakeResource:
    resource = LakeResource(root=lake.root)
    resource.store("filtered_corpus", dataset_of([{"content": "t", "repo": "r", "path": "p"}]), "star_filter")
    return resource


def scheduled(definitions: dg.Definitions, name: str, resource: LakeResource) -> list[dg.RunRequest]:
    context = dg.build_schedule_context(
        scheduled_execution_time=MOMENT,
        resources={"lake": resource},
        repository_def=definitions.get_repository_def(),
    )
    return definitions.resolve_schedule_def(name).evaluate_tick(context).run_requests


def test_the_weekly_refresh_asks_for_the_recipes_that_were_built(definitions, resource, tmp_path):
    empty = LakeResource(root=str(tmp_path / "empty"))
    name = "weekly_corpus_refresh"
    assert [run.partition_key for run in scheduled(definitions, name, empty)] == ["baseline"]
    assert [run.partition_key for run in scheduled(definitions, name, resource)] == ["star_filter"]


def test_the_weekly_evaluation_takes_the_best_model(definitions, lake, resource, tmp_path):
    from opencoder_dag.lake import Stage, publish

    assert scheduled(definitions, "weekly_evaluation", LakeResource(root=str(tmp_path / "empty"))) == []
    for recipe, loss in (("baseline", 2.5), ("star_filter", 2.25), ("repo_dedup", 2.75)):
        stage = Stage("base_model", "1", inputs={"recipe": recipe})
        model = publish(
            lake, stage, content_digest=recipe, counts={}, facts={"held_out_loss": loss}, seconds=0.0
        )
        resource.store("base_model", model, recipe)
    assert [run.partition_key for run in scheduled(definitions, "weekly_evaluation", resource)] == [
        "star_filter"
    ]


def test_changed_sources_start_a_refresh_once(definitions, resource, tmp_path, monkeypatch):
    sources = tmp_path / "repos" / "project"
    sources.mkdir(parents=True)
    (sources / "one.py").write_text("print(1)\n")
    monkeypatch.setenv("OPENCODER_SOURCES", str(tmp_path / "repos"))
    cursor = None

    def tick() -> list[str]:
        nonlocal cursor
        context = dg.build_sensor_context(
            cursor=cursor, resources={"lake": resource}, repository_def=definitions.get_repository_def()
        )
        result = definitions.resolve_sensor_def("changed_sources").evaluate_tick(context)
        cursor = result.cursor
        return [run.partition_key for run in result.run_requests]

    assert tick() == []  # a first look
    assert tick() == []
    (sources / "two.py").write_text("print(2)\n")
    assert tick() == ["star_filter"]
    assert tick() == []


@pytest.fixture
def mailbox(monkeypatch):
    """A server on loopback that keeps what is posted to it."""
    received: list[dict] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("OPENCODER_ALERT_URL", f"http://127.0.0.1:{server.server_port}/hook")
    yield received
    server.shutdown()
    thread.join()
    server.server_close()


def test_failed_runs_and_failed_checks_are_posted(mailbox):
    from assets.automation import alert_on_failed_checks, alert_on_failure

    @dg.asset
    def broken() -> None:
        raise dg.Failure("the disk is full")

    @dg.asset(check_specs=[dg.AssetCheckSpec("enough", asset="poor")])
    def poor() -> dg.MaterializeResult:
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(check_name="enough", passed=False)])

    with dg.DagsterInstance.ephemeral() as instance:
        failed = dg.materialize([broken], instance=instance, raise_on_error=False)
        context = dg.build_run_status_sensor_context(
            sensor_name="alert_on_failure",
            dagster_event=failed.get_run_failure_event(),
            dagster_instance=instance,
            dagster_run=failed.dagster_run,
        ).for_run_failure()
        alert_on_failure(context)
        done = dg.materialize([poor], instance=instance)
        context = dg.build_run_status_sensor_context(
            sensor_name="alert_on_failed_checks",
            dagster_event=done.get_run_success_event(),
            dagster_instance=instance,
            dagster_run=done.dagster_run,
        )
        alert_on_failed_checks(context)
    assert len(mailbox) == 2
    assert "the disk is full" in mailbox[0]["text"] and failed.run_id in mailbox[0]["text"]
    assert "poor: enough" in mailbox[1]["text"]
