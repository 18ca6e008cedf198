"""Resumable steps inside a stage: tasks with a JSON report each, which an interrupted run does not redo."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from opencoder_dag.engine import Engine
from opencoder_dag.lake import canonical_json, exists, read_text, write_bytes
from opencoder_dag.shards import Task, task_identity

AnyTask = TypeVar("AnyTask", bound=Task)
Report = dict[str, Any]


def run_step(
    folder: str,
    tasks: Sequence[AnyTask],
    work: Callable[[AnyTask], Report],
    engine: Engine,
    on_done: Callable[[], None] = lambda: None,
) -> list[Report]:
    """Run the tasks without a report in `folder`; returns all reports in the order of `tasks`."""
    reports: dict[str, Report] = {}
    missing: list[AnyTask] = []
    for task in tasks:
        report = _finished(folder, task)
        if report is None:
            missing.append(task)
        else:
            reports[task.name] = report
            on_done()
    for name, report in engine.map(partial(_run, folder, work), missing):
        reports[name] = report
        on_done()
    return [reports[task.name] for task in tasks]


def _run(folder: str, work: Callable[[AnyTask], Report], task: AnyTask) -> tuple[str, Report]:
    report = work(task)
    text = canonical_json({"task": task_identity(task), "report": report})
    write_bytes(_path(folder, task), text.encode())
    return task.name, report


def _finished(folder: str, task: Task) -> Report | None:
    path = _path(folder, task)
    if not exists(path):
        return None
    saved: dict[str, Any] = json.loads(read_text(path))
    return saved["report"] if saved["task"] == task_identity(task) else None


def _path(folder: str, task: Task) -> str:
    return f"{folder}/{task.name}.json"
