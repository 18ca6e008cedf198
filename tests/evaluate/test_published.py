"""Published suites, where their files are beside the checkout: references pass, mutated ones fail."""

from __future__ import annotations

import ast
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from opencoder_dag.evaluate.judge import program_of
from opencoder_dag.evaluate.suites import (
    DATA_VARIABLE,
    MissingDataError,
    Problem,
    known_suites,
    load_suite,
    load_suites,
)
from opencoder_dag.evaluate.toolchains import missing_tools
from opencoder_dag.sandbox import SandboxOptions, run_programs

DATA = Path(__file__).parents[3] / "shared" / "data" / "eval"
published = pytest.mark.skipif(not DATA.is_dir(), reason=f"no published suites at {DATA}")


@pytest.fixture(autouse=True)
def data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(DATA))


def without_returns(problem: Problem) -> str:
    """The reference solution, every value that its entry point returns replaced by a fresh object."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(problem.beginning + problem.reference)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == problem.entry_point:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return):
                    inner.value = ast.Call(ast.Name("object", ast.Load()), [], [])
    return ast.unparse(ast.fix_missing_locations(tree))


@published
@pytest.mark.parametrize(
    ("name", "count", "every"),
    [("humaneval", 164, 1), ("humaneval_plus", 164, 8), ("mbpp_sanitized", 427, 3), ("mbpp_full", 974, 9)],
)
def test_references_pass_and_mutants_fail(name: str, count: int, every: int) -> None:
    """Every `every`-th problem here; benchmarks/execution_references.py runs them all."""
    suite = load_suite(name)
    assert len(suite.problems) == count
    problems = suite.problems[::every]
    right = [program_of(problem, problem.beginning + problem.reference) for problem in problems]
    wrong = [program_of(problem, without_returns(problem)) for problem in problems]
    empty = [
        program_of(problem, f"{problem.beginning}\ndef {problem.entry_point}(*arguments):\n    pass\n")
        for problem in problems
        if not problem.entry_point[0].isupper()
    ]
    outcomes = run_programs([*right, *wrong, *empty], SandboxOptions(seconds=15.0))
    failed = [
        (problem.task_id, outcome)
        for problem, outcome in zip(problems, outcomes, strict=False)
        if not outcome.passed
    ]
    assert failed == []
    assert [outcome for outcome in outcomes[len(right) :] if outcome.passed] == []


@published
def test_oracles_of_mbpp_plus() -> None:
    """Arguments that JSON cannot say, and tasks whose text leaves the form of the answer open."""
    numbers = (2, 63, 106, 115, 124, 252, 259, 278, 400, 405, 444, 580, 722, 737, 750, 753, 787, 794)
    special = {f"Mbpp/{number}" for number in numbers}
    problems = [problem for problem in load_suite("mbpp_plus").problems if problem.task_id in special]
    assert len(problems) >= 12
    strict = [problem for problem in problems if "same_truth" not in problem.test]
    right = [program_of(problem, problem.beginning + problem.reference) for problem in problems]
    wrong = [program_of(problem, without_returns(problem)) for problem in strict]
    outcomes = run_programs([*right, *wrong], SandboxOptions(seconds=15.0))
    assert [outcome.passed for outcome in outcomes] == [True] * len(right) + [False] * len(wrong), outcomes


@published
def test_every_shipped_suite_loads_or_says_what_is_missing() -> None:
    loaded, missing = load_suites(sorted(known_suites()), 3, skip_missing=True)
    names = {suite.name for suite in loaded}
    assert names >= {"humaneval", "mbpp_3shot", "mmlu", "cmmlu", "gsm8k", "bbh", "arc_easy"}
    assert set(missing) >= {"ceval", "hellaswag", "bigcodebench"}
    assert "fetch hub data set ceval/ceval-exam" in missing["ceval"] and DATA_VARIABLE in missing["ceval"]
    assert all(len(suite.problems) == 3 and suite.problems[0].prompt for suite in loaded)


def test_a_missing_file_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    with pytest.raises(MissingDataError, match=r"suite 'humaneval': no file .*HumanEval.jsonl.gz; fetch"):
        load_suite("humaneval")


@published
def test_three_shots_are_shown_before_the_task() -> None:
    problem = load_suite("mbpp_3shot").problems[0]
    assert problem.task_id == "MBPP/11" and problem.prompt.count("```python") == 4
    assert problem.prompt.endswith("```python\n") and problem.beginning == ""


SOLUTIONS = {  # of MultiPL-E's HumanEval_23_strlen
    "cpp": "    return string.length();\n}\n",
    "js": "  return string.length;\n}\n",
    "sh": '    echo "${#1}"\n}\n',
    "java": "        return (long) string.length();\n    }\n",
}


@published
@pytest.mark.parametrize("language", ["js", "sh", "cpp"])
def test_other_languages(language: str) -> None:
    if absent := missing_tools(language):
        pytest.skip(f"not installed: {', '.join(absent)}")
    from opencoder_dag.evaluate.judge import solution_of

    suite = load_suite(f"multipl_e_{language}")
    problem = next(one for one in suite.problems if one.task_id == "HumanEval_23_strlen")
    good = solution_of(problem, SOLUTIONS[language], "base", ())
    bad = solution_of(problem, SOLUTIONS[language].replace("length", "size").replace("#1", "1"), "base", ())
    programs = [program_of(problem, good), program_of(problem, bad)]
    if language == "cpp":  # size() is the same there
        programs[1] = program_of(replace(problem), good.replace("length()", "length() + 1"))
    outcomes = run_programs(programs, SandboxOptions(seconds=20.0, memory_bytes=4 << 30))
    assert [outcome.passed for outcome in outcomes] == [True, False], outcomes
