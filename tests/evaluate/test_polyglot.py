"""Suites in many languages and contest problems, from small data of our own in the published formats."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from pathlib import Path
from typing import Any

import pytest

from opencoder_dag.errors import InputError
from opencoder_dag.evaluate.extract import balanced, framed
from opencoder_dag.evaluate.generate import chat_message
from opencoder_dag.evaluate.judge import judge_suite, program_of, solution_of
from opencoder_dag.evaluate.livecodebench import test_cases as cases_of
from opencoder_dag.evaluate.suites import DATA_VARIABLE, MissingDataError, Suite, load_suite, load_suites
from opencoder_dag.evaluate.toolchains import C_LIKE, TOOLCHAINS, missing_tools
from opencoder_dag.sandbox import SandboxOptions, run_programs


def packed(cases: list[dict[str, str]]) -> str:
    """Private test cases as the hub's file has them."""
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(cases)))).decode()


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def contest(number: str, date: str, function: str = "", starter: str = "") -> dict[str, Any]:
    kind = "functional" if function else "stdin"
    public = [{"input": "[1, 2]\n3" if function else "1 2\n", "output": "6" if function else "3\n"}]
    private = [{"input": "[4]\n1" if function else "2.5 1\n", "output": "5" if function else "3.50\n"}]
    return {
        "question_id": number,
        "question_content": "Add it all up.",
        "contest_date": f"{date}T00:00:00",
        "starter_code": starter,
        "difficulty": "easy",
        "public_test_cases": json.dumps([{**case, "testtype": kind} for case in public]),
        "private_test_cases": packed([{**case, "testtype": kind} for case in private]),
        "metadata": json.dumps({"func_name": function} if function else {}),
    }


STARTER = "class Solution:\n    def total(self, numbers: List[int], more: int) -> int:\n        "


@pytest.fixture
def contests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Suite:
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    rows = [
        contest("early", "2023-04-30"),
        contest("input", "2023-05-01"),
        contest("function", "2024-09-30", "total", STARTER),
        contest("late", "2024-10-01"),
    ]
    write(tmp_path, "livecodebench/test.jsonl", rows)
    return load_suite("livecodebench")


def test_contests_are_cut_by_date_and_judged_case_by_case(contests: Suite) -> None:
    assert [problem.task_id for problem in contests.problems] == ["input", "function"]
    assert "starter" not in chat_message(contests, contests.problems[0])
    assert "class Solution" in chat_message(contests, contests.problems[1])
    completions = {
        "input": [
            "print(sum(map(float, input().split())))",
            "import sys\nprint(sum(map(float, sys.stdin.buffer.read().split())))\nsys.exit()",
            "print(sum(map(float, open(0).read().split())))",
            "print(3)",
            "import os\nprint(3)\nos._exit(0)",
            "raise ValueError('no')",
        ],
        "function": [
            f"print('noise')\n{STARTER}return sum(numbers, more)",
            f"{STARTER}return 6",
            "def total(numbers, more):\n    return more + sum(numbers)",
        ],
    }
    fenced = {key: [f"So:\n```python\n{text}\n```" for text in texts] for key, texts in completions.items()}
    judged = judge_suite(contests, fenced, "chat", SandboxOptions())
    assert [verdict == "passed" for verdict in judged[0].verdicts] == [True, True, True, False, False, False]
    assert [verdict == "passed" for verdict in judged[1].verdicts] == [True, False, True]
    assert "case 2" in judged[0].details[3] and "ValueError: no" in judged[0].details[5]


def test_a_pickle_that_names_something_is_not_run() -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return print, ("run",)

    evil = base64.b64encode(zlib.compress(pickle.dumps(Evil()))).decode()
    with pytest.raises(ValueError, match=r"names builtins\.print"):
        cases_of(evil)
    assert cases_of('[{"input": "1"}]') == [{"input": "1"}]


PARTS = {  # prompt, the rest of the function, a wrong rest, test
    "C": ("int two()", "{\n    return 2;\n}", "{\n    return 3;\n}", "int main() { assert(two() == 2); }"),
    "CPP": ("int two()", "{\n    return 2;\n}", "{\n    return 3;\n}", "int main() { assert(two() == 2); }"),
    "JavaScript": (
        "function two()",
        "{\n    return 2;\n}",
        "{\n    return 3;\n}",
        "console.assert(two() === 2);",
    ),
    "Perl": ("sub two {", "return 2;\n}", "return 3;\n}", "die 'no' unless two() == 2;"),
    "Python": ("def two():", "    return 2", "    return 3", "import unittest\nassert two() == 2"),
    "Shell": ("two() {", "echo 2\n}", "echo 3\n}", "[[ $(two) == 2 ]] || exit 1"),
    "Tcl": ("proc two {} {", "return 2\n}", "return 3\n}", "if {[two] != 2} { error no }"),
    "VimScript": (
        "function! Two()",
        "return 2\nendfunction",
        "return 3\nendfunction",
        "if Two() != 2 | cq | endif",
    ),
}
IMPORTS = {"C": "#include <assert.h>\n", "CPP": "#include <cassert>\n"}
ABSENT = {"Lua": "lua", "Go": None, "HTML": None}


def mceval_rows() -> list[dict[str, Any]]:
    rows = []
    for language, (prompt, rest, _, test) in {**PARTS, **dict.fromkeys(ABSENT, ("f", "g", "", "h"))}.items():
        row = {"task_id": f"{language}/1", "prompt": IMPORTS.get(language, "") + prompt, "test": test}
        rows.append({**row, "canonical_solution": rest, "instruction": "Return 2.", "entry_point": "two"})
    return rows


def test_mceval_runs_the_languages_that_are_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    rows = mceval_rows()
    write(tmp_path, "own.jsonl", rows)
    (tmp_path / "own.yaml").write_text("{title: own, task: program, file: own.jsonl, layout: mceval}")
    own = str(tmp_path / "own.yaml")
    if missing_tools("lua"):
        with pytest.raises(MissingDataError, match=r"not installed: .*lua \(for lua\)"):
            load_suite(own)
    (suite,), missing = load_suites([own], None, skip_missing=True)
    assert {problem.group for problem in suite.problems} <= {name.lower() for name in {*PARTS, *ABSENT}}
    assert not {"go", "html"} & {problem.group for problem in suite.problems}
    assert not missing_tools("lua") or missing["own.lua"] == "not installed: lua"
    problems = [problem for problem in suite.problems if problem.group != "lua"]
    programs = []
    for problem in problems:
        prompt, rest, wrong, _ = PARTS[problem.task_id.partition("/")[0]]
        programs.append(program_of(problem, problem.beginning + problem.reference))
        programs.append(program_of(problem, problem.beginning + wrong + "\n"))
        answer = f"Here:\n```\n{prompt}\n{rest}\n```"
        programs.append(program_of(problem, solution_of(problem, answer, "chat", suite.stops)))
    outcomes = run_programs(programs, SandboxOptions(seconds=20.0, memory_bytes=4 << 30))
    passed = [outcome.passed for outcome in outcomes]
    assert passed == [True, False, True] * len(problems), list(zip(passed, outcomes, strict=True))


def test_mdeval_asks_for_the_whole_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    right, wrong = "def two():\n    return 2", "def two():\n    return 3"
    row = {
        "question_id": "Python/1",
        "instruction": f"Repair:\n```python\n{wrong}\n```",
        "canonical_solution": right,
        "test": "assert two() == 2",
    }
    write(tmp_path, "own.jsonl", [row, {**row, "question_id": "JSON/1", "test": ""}])
    (tmp_path / "own.yaml").write_text(
        "{title: own, task: program, file: own.jsonl, layout: mdeval, stops: fence}"
    )
    suite = load_suite(str(tmp_path / "own.yaml"))
    (problem,) = suite.problems
    assert chat_message(suite, problem) == row["instruction"] and problem.prompt.endswith("```python\n")
    completions = {"Python/1": [f"{right}\n```\nDone.", f"{wrong}\n```"]}
    assert judge_suite(suite, completions, "base", SandboxOptions())[0].verdicts == ("passed", "failed")


JAVA = "import java.util.List;\n\nclass Solution {\n    // Two.\n    public static int two()"
METHOD = "    public static int two()\n    {\n        return 2;\n    }"


@pytest.mark.parametrize(
    "answer",
    [
        METHOD,
        f"import java.util.Map;\n{METHOD}",
        f"class Solution {{\n{METHOD}\n}}",
        f"import java.util.List;\n\npublic class Solution {{\n{METHOD}\n}}",
    ],
)
def test_an_answer_is_fitted_to_a_test_that_goes_on_in_its_class(answer: str) -> None:
    test = "    public static void main(String[] a) {\n        assert two() == 2; // }\n    }\n}\n"
    chain = TOOLCHAINS["java"]
    program = balanced(framed(JAVA, answer, chain.imports, chain.opening), test, C_LIKE) + test
    assert program.count("class Solution") == program.count("import java.util.List;") == 1
    assert program.index("import") < program.index("class Solution")
    assert program.replace("// }", "").count("{") == program.replace("// }", "").count("}")


def test_a_brace_too_few_is_closed() -> None:
    assert balanced("int f() {\n  return '}';", "int main() {}", C_LIKE) == "int f() {\n  return '}';\n}\n"


def test_an_unknown_language_is_named() -> None:
    with pytest.raises(InputError, match="no tool chain for 'klingon'"):
        missing_tools("klingon")
