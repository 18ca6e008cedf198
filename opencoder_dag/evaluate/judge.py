"""Completions judged: programs by running them in the sandbox, answers by what they come to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from opencoder_dag.errors import OpencoderError
from opencoder_dag.evaluate.extract import (
    answered_program,
    balanced,
    complete_function,
    cut_at_stops,
    fenced_code,
    framed,
)
from opencoder_dag.evaluate.generate import Form
from opencoder_dag.evaluate.livecodebench import contest_program
from opencoder_dag.evaluate.suites import Problem, Suite
from opencoder_dag.evaluate.toolchains import TOOLCHAINS, tool_program
from opencoder_dag.sandbox import Outcome, Program, Sandbox, SandboxOptions

ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class Judgement:
    """One problem's solutions (or answers) and what became of them."""

    problem: Problem
    solutions: tuple[str, ...]
    verdicts: tuple[str, ...]
    details: tuple[str, ...]

    @property
    def correct(self) -> int:
        """Completions that passed."""
        return self.verdicts.count("passed")


def judge_suite(
    suite: Suite, completions: Mapping[str, Sequence[str]], form: Form, sandbox: SandboxOptions
) -> list[Judgement]:
    """Judge every completion of a suite; equal solutions of one problem are run once.

    Limits are the larger of the suite's and the sandbox's.
    """
    if suite.spec.task == "answer":
        return [
            judge_answers(problem, completions[problem.task_id], suite.stops) for problem in suite.problems
        ]
    solutions = {
        problem.task_id: [
            solution_of(problem, text, form, suite.stops) for text in completions[problem.task_id]
        ]
        for problem in suite.problems
    }
    problems = {problem.task_id: problem for problem in suite.problems}
    distinct = list(dict.fromkeys((task_id, text) for task_id, texts in solutions.items() for text in texts))
    options = replace(
        sandbox,
        seconds=max(sandbox.seconds, suite.spec.seconds),
        memory_bytes=max(sandbox.memory_bytes, int(suite.spec.memory_gib * (1 << 30))),
    )
    with Sandbox(options) as running:
        ran = running.run([program_of(problems[task_id], text) for task_id, text in distinct])
    broken = [outcome.detail for outcome in ran if outcome.verdict == "error"]
    if broken:  # says nothing about a program, so it must not become a score
        raise OpencoderError(f"suite '{suite.name}': {len(broken)} programs could not be judged: {broken[0]}")
    outcomes = dict(zip(distinct, ran, strict=True))
    return [
        _judgement(problem, texts, [outcomes[problem.task_id, text] for text in texts])
        for problem in suite.problems
        for texts in [solutions[problem.task_id]]
    ]


def _judgement(problem: Problem, solutions: Sequence[str], outcomes: Sequence[Outcome]) -> Judgement:
    return Judgement(
        problem,
        tuple(solutions),
        tuple(outcome.verdict for outcome in outcomes),
        tuple(stable_detail(outcome) for outcome in outcomes),
    )


def solution_of(problem: Problem, completion: str, form: Form, stops: Sequence[str]) -> str:
    """The solution that a completion stands for, without the test."""
    stops = problem.stops or stops
    if not problem.language.startswith("python"):
        chain = TOOLCHAINS[problem.language]
        answer = fenced_code(completion, None) if form == "chat" else None
        if answer is None:
            solution = problem.beginning + cut_at_stops(completion, stops)
        else:
            solution = framed(problem.beginning, answer, chain.imports, chain.opening)
        return balanced(solution, problem.test, chain.unbraced) if chain.unbraced else solution
    if form == "chat":
        return answered_program(problem.beginning, problem.entry_point, completion)
    return complete_function(problem.beginning, completion, stops)


def program_of(problem: Problem, solution: str) -> str | Program:
    """What the sandbox runs: the solution and its test, in two processes where the language allows."""
    if problem.language == "python":
        entry_points = (problem.entry_point,) if problem.entry_point else ()
        return Program(solution, problem.test, entry_points, problem.prelude, problem.seconds)
    if problem.language == "python_contest":
        return contest_program(problem, solution)
    if problem.language == "python_together":
        return f"{solution}\n{problem.test}"
    return tool_program(problem.language, f"{solution}\n{problem.test}")


def judge_answers(problem: Problem, completions: Sequence[str], stops: Sequence[str]) -> Judgement:
    """Whether each completion comes to the problem's answer."""
    answers = [final_answer(cut_at_stops(text, stops), problem.answer) for text in completions]
    verdicts = ["passed" if answer == normal(problem.answer) else "failed" for answer in answers]
    return Judgement(problem, tuple(answers), tuple(verdicts), tuple("" for _ in answers))


def final_answer(text: str, like: str) -> str:
    """What a worked answer comes to: the text after "answer is", and of that the last number where a number
    is wanted; a text without these words is searched as a whole."""
    found = re.findall(r"answer is:?\s*(.+?)\.?\s*(?:\n|$)", text, re.IGNORECASE)
    said = found[0] if found else text
    if NUMBER.fullmatch(like.replace(",", "")):
        numbers = NUMBER.findall(said) or NUMBER.findall(text)
        return normal(numbers[-1]) if numbers else ""
    return normal(said)


def normal(answer: str) -> str:
    """An answer without case, blanks at its ends, thousands separators and a closing full stop."""
    bare = answer.strip().rstrip(".").strip()
    number = bare.replace(",", "").lstrip("$")
    if NUMBER.fullmatch(number):
        return str(int(float(number))) if float(number).is_integer() else str(float(number))
    return bare.casefold()


def judge_choices(problem: Problem, bits: Sequence[float]) -> Judgement:
    """Whether the choice with the fewest bits a byte is the right one; the first wins a tie.

    The blank before a choice costs bits but is not counted as a byte, as in `acc_norm` of
    lm-evaluation-harness.
    """
    sizes = [len(choice.strip().encode()) or 1 for choice in problem.choices]
    best = min(range(len(bits)), key=lambda index: (bits[index] / sizes[index], index))
    verdict = "passed" if best == int(problem.answer) else "failed"
    return Judgement(problem, (problem.choices[best],), (verdict,), ("",))


def stable_detail(outcome: Outcome) -> str:
    """An outcome's detail without memory addresses, which differ from run to run."""
    return ADDRESS.sub("0x...", outcome.detail)
