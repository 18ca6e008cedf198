"""Semi-Instruct: the original answers, and only functions that can be told from a wrong one become items."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from opencoder_dag.instruct.inputs import CALLS, calls_of
from opencoder_dag.instruct.oracle import Case, choose_cases, marked, read_cases, recording_program
from opencoder_dag.instruct.semi import Recording, semi_items, tidy, with_cases
from opencoder_dag.mix.functions import FunctionNode, documented_functions, parse
from opencoder_dag.mix.standalone import Module
from opencoder_dag.sandbox import SandboxOptions, run_programs

OPTIONS = SandboxOptions(kind="process", workers=1)

SOURCE = '''
import random

FACTOR = 3


def grow(number, offset=1):
    """Make a number larger in one of two ways, by its sign."""
    if number < 0: return offset - number
    for _ in range(2): number += FACTOR
    return number * offset


def constant(number):
    """Return the same thing whatever is given to it."""
    unused = number
    return 7


def same(text):
    """Give back what it is given without any change."""
    result = str(text)
    return result


def chance(number):
    """Return something else every time it is called."""
    step = random.random()
    return number + step


def endless(number):
    """Never come to an end whatever the number is."""
    while True:
        number += 1
    return number


def listing(number):
    """Yield the numbers below a number one by one."""
    for value in range(number):
        yield value
'''


def node_of(source: str) -> FunctionNode:
    node = ast.parse(source).body[0]
    assert isinstance(node, FunctionNode)
    return node


def candidates() -> dict[str, dict[str, Any]]:
    tree = parse(SOURCE)
    assert tree is not None
    module = Module.read(SOURCE, tree)
    assert module is not None
    items = semi_items(list(documented_functions(SOURCE, tree)), module, "repo", "a.py", seed=0)
    return {Recording.from_json(item["recording"]).calls[0].partition("(")[0]: item for item in items}


def test_functions_that_can_be_recorded() -> None:
    # `random` is not stable, a generator returns nothing that can be compared.
    assert set(candidates()) == {"grow", "constant", "same", "endless"}


def test_only_functions_that_differ_from_wrong_ones_become_items() -> None:
    items = candidates()
    programs = [Recording.from_json(item["recording"]).program() for item in items.values()]
    quick = SandboxOptions(kind="process", workers=1, seconds=0.5)
    results = {
        name: with_cases(item, outcome.detail)
        for (name, item), outcome in zip(items.items(), run_programs(programs, quick), strict=True)
    }
    reasons = {name: reason for name, (_, reason) in results.items()}
    assert reasons == {
        "grow": None,
        "constant": "same_results",
        "same": "echoes",
        "endless": "too_few_cases",
    }
    item = results["grow"][0]
    assert item["doc_id"] == items["grow"]["doc_id"]
    assert "FACTOR = 3" in item["output"] and "assert grow(" in item["instruction"]
    assert "if number < 0:\n        return offset - number" in item["output"]  # tidied
    wrong = item["program"].replace("offset - number", "offset + number")
    assert wrong != item["program"]
    verdicts = [outcome.verdict for outcome in run_programs([item["program"], wrong], OPTIONS)]
    assert verdicts == ["passed", "failed"]


def test_results_survive_the_one_line_of_the_sandbox() -> None:
    calls = ["f('a  b')", "f(1)", "f(None)", "f([1, 2])", "f(object())"]
    (outcome,) = run_programs([recording_program("", "def f(x):\n    return x, x", calls)], OPTIONS)
    cases = read_cases(outcome.detail, calls)
    assert [case.result for case in cases] == [
        "('a  b', 'a  b')",
        "(1, 1)",
        "(None, None)",
        "([1, 2], [1, 2])",
    ]


def test_a_function_that_changes_with_time_is_not_recorded() -> None:
    code = "def f(x, seen=[]):\n    seen.append(x)\n    return len(seen)"
    (outcome,) = run_programs([recording_program("", code, ["f(1)"])], OPTIONS)
    assert read_cases(outcome.detail, ["f(1)"]) == []


@pytest.mark.parametrize(
    "detail", ["", "Recorded", "ValueError: x", "Recorded: not base85 §", "Recorded: abcde"]
)
def test_a_line_that_is_no_recording_gives_no_cases(detail: str) -> None:
    assert read_cases(detail, ["f(1)"]) == []


def test_branches_are_marked() -> None:
    code = "def f(x):\n    if x:\n        return 1\n    for i in x:\n        pass\n    return 2"
    text, count = marked(code)
    assert count == 4 and text.count("_seen_branches.add") == 4


def test_cases_that_reach_new_branches_come_first() -> None:
    def case(number: int, result: str, *branches: int) -> Case:
        return Case(f"f({number})", result, frozenset(branches))

    cases = [case(1, "'x'", 0), case(2, "'y'", 0), case(3, "'z'", 0), case(4, "'w'", 1, 2)]
    chosen, reason = choose_cases(cases, 3)
    assert reason is None and chosen[0].call == "f(4)"
    assert choose_cases(cases[:3], 3) == ([], "low_coverage")
    assert choose_cases(cases[:2], 1) == ([], "too_few_cases")


@pytest.mark.parametrize(
    ("source", "docstring", "expected"),
    [
        ("def f(s: str): pass", "", "'"),
        ("def f(values: list[float]): pass", "", "["),
        ("def f(x):\n    return x.split()", "", "'"),
        ("def f(d):\n    return d.items()", "", "{"),
        ("def f(thing): pass", ":type thing: bytes", "b'"),
        ("def f(thing): pass", "thing (dict): of names", "{"),
    ],
)
def test_inputs_fit_what_is_known_of_a_parameter(source: str, docstring: str, expected: str) -> None:
    calls = calls_of(node_of(source), docstring, seed=0)
    assert 3 < len(calls) <= CALLS and len(set(calls)) == len(calls)
    assert all(call.startswith(f"f({expected}") for call in calls)


def test_what_is_compared_with_is_tried() -> None:
    calls = calls_of(node_of("def f(mode: str):\n    return mode == 'fast'"), "", seed=0)
    assert "f('fast')" in calls


@pytest.mark.parametrize(
    "source", ["def f(): pass", "def f(*a): pass", "def f(self, x): pass", "def f(*, a): pass"]
)
def test_functions_whose_calls_cannot_be_guessed(source: str) -> None:
    assert calls_of(node_of(source), "", seed=0) == []


def test_tidy_code_has_one_statement_a_line() -> None:
    assert tidy("def f(a):\n    b=a;c = b\n    return c") == "def f(a):\n    b = a\n    c = b\n    return c"
