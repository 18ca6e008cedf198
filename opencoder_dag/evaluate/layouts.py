"""What the columns of published sets mean: each layout turns rows into problems.

Belongs here: suites of Python functions, multiple choice and questions, and the names of all layouts. Suites
in many languages are in `polyglot.py`, contest problems in `livecodebench.py`.

A layout takes the rows of the set, the rows of the examples shown as shots, and the suite's YAML. Sources:
methods page, section 10.2 (fields of the code sets) and 10.3 (language sets).
"""

from __future__ import annotations

import ast
import json
import string
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib import resources

from opencoder_dag.evaluate.livecodebench import livecodebench
from opencoder_dag.evaluate.polyglot import STUB, mceval, mdeval, multipl_e
from opencoder_dag.evaluate.suites import Problem, Row, Spec

Layout = Callable[[Sequence[Row], Sequence[Row], Spec], Iterator[Problem]]

ORACLE = str(resources.files("opencoder_dag.evaluate").joinpath("oracle.py").read_text(encoding="utf-8"))


def ladder(rows: Sequence[Row], shown: Sequence[Row], spec: Spec) -> Iterator[Problem]:
    """The project's own form."""
    for row in rows:
        yield Problem(
            task_id=row["task_id"],
            prompt=row["prompt"],
            reference=row["canonical_solution"],
            entry_point=row["entry_point"],
            test=row["test"],
            prelude=row["prompt"] + STUB,
            group=f"level_{row['level']}",
        )


def humaneval(rows: Sequence[Row], shown: Sequence[Row], spec: Spec) -> Iterator[Problem]:
    """Prompt, canonical_solution, entry_point, and a test that defines `check(candidate)`."""
    for row in rows:
        yield Problem(
            task_id=row["task_id"],
            prompt=row["prompt"],
            reference=row["canonical_solution"],
            entry_point=row["entry_point"],
            test=f"{row['test']}\ncheck({row['entry_point']})\n",
            prelude=row["prompt"] + STUB,
        )


def evalplus(rows: Sequence[Row], shown: Sequence[Row], spec: Spec) -> Iterator[Problem]:
    """Inputs instead of asserts: the answer of the reference solution is the expected one.

    `spec.options` may name task numbers whose JSON arguments stand for tuples, sets or complex numbers
    (`argument_types`), and entry points with an oracle of their own (`oracles`).
    """
    types = {
        number: kind for kind, numbers in spec.options.get("argument_types", {}).items() for number in numbers
    }
    for row in rows:
        number = int(row["task_id"].rpartition("/")[2])
        inputs = [*row["base_input"], *(row["plus_input"] or [])]
        entry = row["entry_point"]
        reference = row["canonical_solution"]
        facts = {
            "entry_point": entry,
            "reference": row["prompt"] + reference,
            "kind": types.get(number),
            "tolerance": row.get("atol") or 0,
            "oracle": spec.options.get("oracles", {}).get(entry),
        }
        yield Problem(
            task_id=row["task_id"],
            prompt=row["prompt"],
            reference=reference,
            entry_point=entry,
            test=f"examine({entry}, {json.dumps(inputs)!r}, {facts!r})\n",
            prelude=ORACLE,
            seconds=spec.options.get("seconds", {}).get(number),
        )


def mbpp(rows: Sequence[Row], shown: Sequence[Row], spec: Spec) -> Iterator[Problem]:
    """Text (or prompt), code, test_list and set-up; `options.first` and `options.last` cut the ids, and the
    first `shots` of `options.shots` are shown before each problem."""
    by_id = {row["task_id"]: row for row in rows}
    first, last = spec.options.get("first", 0), spec.options.get("last", 1 << 60)
    template = spec.template or '"""\n{text}\n{first_test}\n"""\n'
    examples = "".join(
        fill(template, _mbpp_fields(by_id[number]))
        + by_id[number]["code"].replace("\r", "").strip()
        + "\n```\n\n"
        for number in spec.options.get("shots", [])[: spec.shots]
    )
    for row in rows:
        if not first <= row["task_id"] <= last:
            continue
        code = row["code"].replace("\r", "")
        tests = "\n".join(row["test_list"])
        before = "\n".join([*row.get("test_imports", []), row.get("test_setup_code", "")])
        prompt = fill(template, _mbpp_fields(row))
        yield Problem(
            task_id=f"MBPP/{row['task_id']}",
            prompt=examples + prompt,
            stem="" if spec.template else prompt,
            reference=code if code.endswith("\n") else code + "\n",
            entry_point=_tested_name(code, tests),
            test=f"{before}\n{tests}\n",
        )


def _mbpp_fields(row: Row) -> dict[str, str]:
    return {
        "text": row.get("text") or row.get("prompt", ""),
        "tests": "\n".join(row["test_list"]),
        "first_test": row["test_list"][0],
    }


def _tested_name(code: str, tests: str) -> str:
    """The first function of the reference that the tests name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the set has escape sequences that Python warns of
        examined, solution = ast.parse(tests), ast.parse(code)
    used = {node.id for node in ast.walk(examined) if isinstance(node, ast.Name)}
    defined = [node.name for node in solution.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return next((name for name in defined if name in used), "")


def bigcodebench(rows: Sequence[Row], shown: Sequence[Row], spec: Spec) -> Iterator[Problem]:
    """Complete form: a signature with its docstring; a chat model is asked the instruct form. The test is a
    unittest class that patches modules of the solution, so it runs in the solution's process."""
    for row in rows:
        yield Problem(
            task_id=row["task_id"],
            prompt=row["complete_prompt"],
            request=row.get("instruct_prompt") or "",
            reference=row["canonical_solution"],
            entry_point=row["entry_point"],
            test=row["test"] + UNITTEST_RUN,
            language="python_together",
        )


UNITTEST_RUN = """
import unittest as _unittest
_tests = _unittest.defaultTestLoader.loadTestsFromTestCase(TestCases)
_result = _unittest.TextTestRunner(verbosity=0).run(_tests)
_problems = [trace for _, trace in _result.failures + _result.errors]
assert _result.testsRun and not _problems, _problems[:1]
"""


def choices(rows: Sequence[Row], shown: Sequence[Row], spec: Spec) -> Iterator[Problem]:
    """Multiple choice: question and choices (or columns A, B, C, ...), answer as an index or a letter.

    `options` may rename columns (`question`, `choices`, `answer`, `group`), put a `heading` before all, and
    say what is scored (`score`): the letter after the listed choices, the text of each after the question, or
    each as the end of the question (`continuation`).
    """
    group = spec.options.get("group")
    heading = spec.options.get("heading", "")
    by_group: dict[str, list[Row]] = {}
    for row in shown:
        by_group.setdefault(str(row[group]) if group else "", []).append(row)
    for index, row in enumerate(rows):
        subject = str(row.get(group, "")) if group else ""
        options = _choices_of(row, spec)
        letters = spec.options.get("score", "letter") == "letter"
        examples = by_group.get(subject, [])[: spec.shots]
        before = "".join(f"{_question(one, spec)} {_right(one, spec)}\n\n" for one in examples)
        yield Problem(
            task_id=f"{subject or 'item'}/{row.get('id', index)}",
            prompt=fill(heading, {"group": subject.replace("_", " ")}) + before + _question(row, spec),
            choices=tuple(f" {text}" for text in (LETTERS[: len(options)] if letters else options)),
            answer=str(_answer_of(row, spec)),
            group=subject,
        )


LETTERS = string.ascii_uppercase


def _choices_of(row: Row, spec: Spec) -> list[str]:
    column = spec.options.get("choices", "choices")
    if column not in row and "A" in row:
        return [str(row[letter]) for letter in LETTERS if letter in row]
    return [str(choice) for choice in row[column]]


def _answer_of(row: Row, spec: Spec) -> int:
    answer = row[spec.options.get("answer", "answer")]
    return LETTERS.index(answer) if isinstance(answer, str) and answer in LETTERS else int(answer)


def _right(row: Row, spec: Spec) -> str:
    """The right choice as it follows the question."""
    right = _answer_of(row, spec)
    return (
        LETTERS[right] if spec.options.get("score", "letter") == "letter" else _choices_of(row, spec)[right]
    )


def _question(row: Row, spec: Spec) -> str:
    question = str(row[spec.options.get("question", "question")]).strip()
    score = spec.options.get("score", "letter")
    if score == "continuation":
        return question
    listed = zip(LETTERS, _choices_of(row, spec), strict=False) if score == "letter" else ()
    return "\n".join([question, *(f"{letter}. {choice}" for letter, choice in listed), "Answer:"])


BBH_ANSWER = "A: Let's think step by step."


def questions(rows: Sequence[Row], shown: Sequence[Row], spec: Spec) -> Iterator[Problem]:
    """Free answers: the completion's last number, or what follows "the answer is", must equal the answer.

    GSM8K has its answer after four hashes; BBH has one prompt of worked examples for each task.
    """
    prompts = {row["task"]: row["prompt"].partition("-----\n")[2] for row in shown if "task" in row}
    worked = "".join(
        f"Question: {row['question']}\nAnswer: {_worked(row['answer'])}\n\n"
        for row in [row for row in shown if "question" in row][: spec.shots]
    )
    for index, row in enumerate(rows):
        if "question" in row:
            yield Problem(
                task_id=f"item/{index}",
                prompt=f"{worked}Question: {row['question']}\nAnswer:",
                reference=f" {_worked(row['answer'])}",
                answer=row["answer"].rpartition("####")[2].strip().replace(",", ""),
            )
        else:
            yield Problem(
                task_id=f"{row['task']}/{index}",
                prompt=f"{prompts.get(row['task'], '').strip()}\n\nQ: {row['input']}\n{BBH_ANSWER}\n",
                answer=row["target"].strip(),
                group=row["task"],
            )


def _worked(answer: str) -> str:
    """A worked answer of GSM8K without the calculator's notes, ending in "The answer is N."."""
    steps, _, number = answer.rpartition("####")
    while "<<" in steps:
        before, _, rest = steps.partition("<<")
        steps = before + rest.partition(">>")[2]
    return f"{steps.strip()} The answer is {number.strip()}."


def fill(template: str, fields: dict[str, str]) -> str:
    """A template with {fields} replaced; other braces stay as they are."""
    for name, value in fields.items():
        template = template.replace("{" + name + "}", value)
    return template


LAYOUTS: dict[str, Layout] = {
    "bigcodebench": bigcodebench,
    "choices": choices,
    "evalplus": evalplus,
    "humaneval": humaneval,
    "ladder": ladder,
    "livecodebench": livecodebench,
    "mbpp": mbpp,
    "mceval": mceval,
    "mdeval": mdeval,
    "multipl_e": multipl_e,
    "questions": questions,
}
