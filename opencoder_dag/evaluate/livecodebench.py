"""LiveCodeBench: contest problems that read standard input or fill in a function, dated so that a window can
be chosen that a model cannot have seen.

The columns are those of `livecodebench/code_generation_lite` (methods page, section 10.2): private test cases
are JSON, pickled, compressed and in base64 there, and plain JSON in the full set.
"""

from __future__ import annotations

import base64
import io
import json
import pickle
import zlib
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any

from opencoder_dag.evaluate.suites import Problem, Row, Spec
from opencoder_dag.sandbox import Program
from opencoder_dag.sandbox.calibrate import slowness

CASE_SECONDS = 6.0  # CPU time of one test case
LONGEST_SECONDS = 60.0  # of all cases of a problem together
INSIDE = resources.files("opencoder_dag.evaluate")
CONTEST, CASES = (INSIDE.joinpath(name).read_text(encoding="utf-8") for name in ("contest.py", "cases.py"))

BY_FUNCTION = "Complete this code; it is called with the arguments of each test."
BY_INPUT = "Write a Python program that reads standard input and writes the answer to standard output."


def livecodebench(rows: Sequence[Row], shown: Sequence[Row], spec: Spec) -> Iterator[Problem]:
    """Question, starter code and test cases; `options.first_day` and `options.last_day` cut by date."""
    first, last = (str(spec.options.get(key, day)) for key, day in (("first_day", ""), ("last_day", "9")))
    for row in rows:
        if not first <= str(row["contest_date"])[:10] <= last:
            continue
        cases = [*test_cases(row["public_test_cases"]), *test_cases(row["private_test_cases"])]
        starter = row["starter_code"].strip()
        function = json.loads(row["metadata"]).get("func_name") or ""
        task = f"{BY_FUNCTION}\n\n```python\n{starter}\n```" if starter else BY_INPUT
        question = f"{row['question_content'].strip()}\n\n{task}"
        yield Problem(
            task_id=str(row["question_id"]),
            prompt=f"### Question\n{question}\n\n### Answer\n```python\n",
            request=f"{question}\n\nAnswer with the whole program in one fenced block of Python.",
            stem="",
            entry_point=function,
            test=json.dumps([[case["input"], case["output"]] for case in cases]),
            group=row["difficulty"],
            seconds=min(CASE_SECONDS * len(cases), LONGEST_SECONDS),
            language="python_contest",
        )


def test_cases(packed: str) -> list[dict[str, Any]]:
    """Test cases from a column, packed or not; raises `ValueError` when it holds anything but text."""
    try:
        return list(json.loads(packed))
    except ValueError:
        pass
    try:
        text = _TextOnly(io.BytesIO(zlib.decompress(base64.b64decode(packed)))).load()
    except (zlib.error, pickle.UnpicklingError, EOFError) as error:
        raise ValueError(f"test cases that cannot be unpacked ({error})") from None
    return list(json.loads(text))


class _TextOnly(pickle.Unpickler):
    """A pickle may run whatever it names, and this one was downloaded: it may name nothing."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def contest_program(problem: Problem, solution: str) -> Program:
    """The solution as a program that is started once a test case, and the test that compares its answers."""
    settings = f"PROGRAM = {solution!r}\nENTRY_POINT = {problem.entry_point!r}\n"
    settings += f"SECONDS = {CASE_SECONDS * slowness()!r}\n"
    test = f"examine_cases(answer_to, {problem.test!r}, {bool(problem.entry_point)})\n"
    return Program(f"{CONTEST}\n{settings}", test, ("answer_to",), CASES, problem.seconds)
