"""A whole suite scored on a quiet machine and on one that is busy with other work: the same scores."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opencoder_dag.evaluate.judge import Judgement, judge_suite
from opencoder_dag.evaluate.suites import Suite
from opencoder_dag.sandbox import SandboxOptions
from opencoder_dag.sandbox.calibrate import slowness

LIMIT = 0.8  # seconds
SLOW = 6  # problems with a solution that takes more than half of its time
# CPU time, so that it is the same work whoever else is running; in the first of several calls only.
BURN = """    import time
    end = time.thread_time() + (0 if hasattr(time, "burnt") else {})
    time.burnt = True
    while time.thread_time() < end:
        pass
"""


def scores(suite: Suite, completions: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    options = SandboxOptions(seconds=LIMIT)
    judged: list[Judgement] = judge_suite(suite, completions, "base", options)
    return {each.problem.task_id: each.verdicts for each in judged}


def test_the_same_completions_score_the_same_under_full_load(
    ladder: Suite, request: pytest.FixtureRequest
) -> None:
    suite = replace(ladder, spec=ladder.spec.model_copy(update={"seconds": LIMIT}))
    burn = BURN.format(LIMIT * slowness() * 0.55)
    completions = {
        problem.task_id: [problem.reference, "    return object()\n"] for problem in suite.problems
    }
    for problem in suite.problems[:SLOW]:
        completions[problem.task_id] += [burn + problem.reference, "    while True:\n        pass\n"]
    quiet = scores(suite, completions)
    assert all(verdicts[0] == "passed" and verdicts[1] != "passed" for verdicts in quiet.values())
    slow = [quiet[problem.task_id][2:] for problem in suite.problems[:SLOW]]
    assert slow == [("passed", "timeout")] * SLOW
    request.getfixturevalue("full_load")
    assert scores(suite, completions) == quiet
