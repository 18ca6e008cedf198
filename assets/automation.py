"""What starts runs by itself, and what tells people: the weekly refresh, changed sources, alerts.

Nothing here trains by itself, except `weekly_evaluation` when it is switched on: a changed upstream refreshes
the corpus and no more.
"""

import json
import urllib.request
from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from assets.recipes import RECIPES
from opencoder_dag.lake import sha256_text
from opencoder_dag.settings import load_settings
from opencoder_dag.sources import sources_from_spec
from opencoder_dag.sources.survey import survey_sources
from resources.lake import LakeResource

CORPUS_JOB = "corpus_refresh"
EVALUATION_JOB = "evaluation"
ALERT_SECONDS = 10

# Overdue after two weeks: the weekly refresh failed twice, or was never switched on.
FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=14), warn_window=timedelta(days=8))


def built_recipes(lake: LakeResource) -> list[str]:
    """Recipes whose corpus was built before, in the partitions' order; `baseline` when there are none."""
    built = set(lake.latest("filtered_corpus")) or {"baseline"}
    return [recipe for recipe in RECIPES.get_partition_keys() if recipe in built]


@dg.schedule(
    job_name=CORPUS_JOB,
    cron_schedule="0 3 * * 0",
    description="Sundays at 03:00: refresh the corpus of every recipe that was built before",
)
def weekly_corpus_refresh(
    context: dg.ScheduleEvaluationContext, lake: LakeResource
) -> Iterator[dg.RunRequest]:
    """One run a recipe; the first reads what changed, the others find it ready and reuse it."""
    for recipe in built_recipes(lake):
        yield dg.RunRequest(run_key=f"{context.scheduled_execution_time:%F}-{recipe}", partition_key=recipe)


@dg.schedule(
    job_name=EVALUATION_JOB,
    cron_schedule="0 5 * * 0",
    description="Sundays at 05:00: score the model with the best held-out loss again, on the suites of now",
)
def weekly_evaluation(
    context: dg.ScheduleEvaluationContext, lake: LakeResource
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run, for the recipe whose base model has the lowest loss on the common held-out code."""
    losses = {
        name: float(model.manifest.facts["held_out_loss"])
        for name, model in lake.latest("base_model").items()
        if name in RECIPES.get_partition_keys() and model.manifest.facts.get("held_out_loss") is not None
    }
    if not losses:
        yield dg.SkipReason("no model has been trained yet")
        return
    best = min(losses, key=lambda name: losses[name])
    yield dg.RunRequest(run_key=f"{context.scheduled_execution_time:%F}-{best}", partition_key=best)


@dg.sensor(
    job_name=CORPUS_JOB,
    minimum_interval_seconds=900,
    description="Refreshes the corpus when a source has another version, commit or content",
)
def changed_sources(
    context: dg.SensorEvaluationContext, lake: LakeResource
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run a built recipe when the listing of the sources differs from that of the last tick."""
    settings = load_settings()
    now = survey_sources(sources_from_spec(settings.sources), settings.source_bytes).digest()
    before = context.cursor
    context.update_cursor(now)
    if before in (None, now):
        yield dg.SkipReason("sources are as they were" if before else "first look at the sources")
        return
    for recipe in built_recipes(lake):
        yield dg.RunRequest(run_key=sha256_text(f"{now}{recipe}")[:24], partition_key=recipe)


def send_alert(url: str, title: str, lines: list[str]) -> None:
    """POST `{"text": ...}`, the form that chat services take; a failing endpoint fails the sensor's tick."""
    body = json.dumps({"text": "\n".join([title, *lines])}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=ALERT_SECONDS) as response:
        response.read()


@dg.run_failure_sensor(
    description="Posts every failed run to OPENCODER_ALERT_URL", default_status=dg.DefaultSensorStatus.RUNNING
)
def alert_on_failure(context: dg.RunFailureSensorContext) -> None:
    """Say which step failed and why, when an alert address is set."""
    url = load_settings().alert_url
    if url is None:
        return
    steps = [
        f"{event.step_key}: {' '.join((event.step_failure_data.error_display_string or '').split())[:500]}"
        for event in context.get_step_failure_events()
    ]
    send_alert(
        url, f"opencoder_dag: {context.dagster_run.job_name} failed ({context.dagster_run.run_id})", steps
    )


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    description="Posts failed checks of runs that went through to OPENCODER_ALERT_URL",
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def alert_on_failed_checks(context: dg.RunStatusSensorContext) -> None:
    """Say which checks failed without stopping the run, when an alert address is set."""
    url = load_settings().alert_url
    if url is None:
        return
    logs = context.instance.all_logs(
        context.dagster_run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
    )
    checks = [log.dagster_event.asset_check_evaluation_data for log in logs if log.dagster_event]
    failed = [
        f"{check.asset_key.to_user_string()}: {check.check_name}" for check in checks if not check.passed
    ]
    if failed:
        send_alert(url, f"opencoder_dag: failed checks in run {context.dagster_run.run_id}", failed)
