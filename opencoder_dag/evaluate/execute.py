"""Completions judged by running them: the program of each, and the verdict of the sandbox."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from opencoder_dag.evaluate.extract import answered_program, complete_function
from opencoder_dag.evaluate.generate import Form
from opencoder_dag.evaluate.suites import Problem, Suite
from opencoder_dag.sandbox import Outcome, Sandbox

ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


@dataclass(frozen=True)
class Judgement:
    """One problem's completions and what became of them."""

    problem: Problem
    programs: tuple[str, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def correct(self) -> int:
        """Completions that passed."""
        return sum(outcome.passed for outcome in self.outcomes)


def program_of(problem: Problem, completion: str, form: Form, stops: Sequence[str]) -> str:
    """The solution that a completion stands for, without the test."""
    if form == "chat":
        return answered_program(problem.prompt, problem.entry_point, completion)
    return complete_function(problem.prompt, completion, stops)


def judge_suite(
    suite: Suite,
    completions: Mapping[str, Sequence[str]],
    form: Form,
    sandbox: Sandbox,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Judgement]:
    """Run every completion of a suite against its test; equal programs of one problem run once."""
    programs = {
        problem.task_id: [
            program_of(problem, text, form, suite.stops) for text in completions[problem.task_id]
        ]
        for problem in suite.problems
    }
    distinct = list(
        dict.fromkeys(
            (problem.task_id, text) for problem in suite.problems for text in programs[problem.task_id]
        )
    )
    tests = {problem.task_id: problem.test for problem in suite.problems}
    ran = sandbox.run([f"{text}\n{tests[task_id]}" for task_id, text in distinct])
    outcomes = dict(zip(distinct, ran, strict=True))
    on_progress(len(distinct), len(distinct))
    return [
        Judgement(
            problem,
            tuple(programs[problem.task_id]),
            tuple(outcomes[problem.task_id, text] for text in programs[problem.task_id]),
        )
        for problem in suite.problems
    ]


def stable_detail(outcome: Outcome) -> str:
    """An outcome's detail without memory addresses, which differ from run to run."""
    return ADDRESS.sub("0x...", outcome.detail)
