"""Semi-Instruct: code that somebody wrote, tidied, with tests that the original gave the answers to.

Belongs here: which functions can be treated so, their rewriting without a language model, and the item.
Inputs come from `inputs.py`, results from `oracle.py`. Source: arXiv 2403.00338 (methods page, section 5).
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from opencoder_dag.instruct.broad import is_worthwhile, plain, shorten
from opencoder_dag.instruct.inputs import calls_of
from opencoder_dag.instruct.items import fenced, item_row, subject_of
from opencoder_dag.instruct.oracle import choose_cases, marked, read_cases, recording_program
from opencoder_dag.mix.functions import Function, FunctionNode, without_examples
from opencoder_dag.mix.standalone import Module

KIND = "semi_instruct"
SHOWN = 2


@dataclass(frozen=True)
class Recording:
    """All that is needed to record a function's results and to make an item of it."""

    setup: str
    original: str  # without docstring
    request: str
    signature: str
    calls: list[str]

    def program(self) -> str:
        """Runs the original on every call."""
        return recording_program(self.setup, self.original, self.calls)

    def to_json(self) -> str:
        """For a column of candidates."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Recording:
        """The inverse of `to_json`."""
        return cls(**json.loads(text))


def semi_items(
    functions: list[Function], module: Module, repo: str, path: str, seed: int
) -> Iterator[dict[str, Any]]:
    """One candidate for each documented function that stands alone and whose inputs can be guessed."""
    for function in functions:
        if not is_worthwhile(function) or (setup := module.setup(function.name)) is None:
            continue
        node = ast.parse(function.bare_code).body[0]
        assert isinstance(node, FunctionNode)
        if not _returns_a_value(node) or node.decorator_list:
            continue
        calls = calls_of(node, function.docstring, seed)
        if not calls:
            continue
        request = shorten(plain(without_examples(function.docstring)), 600)
        recording = Recording(setup, function.bare_code, request, function.signature, calls)
        subject = subject_of(function.bare_code)
        # Until it has cases an item has no text of its own; its identity is the function's.
        item = item_row(request, subject, stage=2, kind=KIND, repo=repo, path=path)
        yield {**item, "subject": subject, "recording": recording.to_json()}


def _returns_a_value(node: FunctionNode) -> bool:
    if isinstance(node, ast.AsyncFunctionDef):
        return False
    inner = list(ast.walk(node))
    if any(isinstance(child, ast.Yield | ast.YieldFrom | ast.Await | ast.Global) for child in inner):
        return False
    return any(isinstance(child, ast.Return) and child.value is not None for child in inner)


def tidy(code: str) -> str:
    """Code with one statement a line and even spacing, which is what can be done to it without a model."""
    return ast.unparse(ast.parse(code))


def with_cases(item: dict[str, Any], detail: str) -> tuple[dict[str, Any], str | None]:
    """The finished item of a recorded candidate, or the reason why there is none.

    `detail` is the line that the sandbox gave of the recording program. The item's program checks the tidied
    code against what the original returned.
    """
    recording = Recording.from_json(item["recording"])
    cases = read_cases(detail, recording.calls)
    chosen, reason = choose_cases(cases, marked(recording.original)[1])
    if reason is not None:
        return item, reason
    tests = [case.as_assert() for case in chosen]
    return finished(item, recording, tidy(recording.original), tests), None


def finished(item: dict[str, Any], recording: Recording, code: str, tests: list[str]) -> dict[str, Any]:
    """The item with its instruction, its answer and the program that verifies the answer."""
    instruction = (
        f"{recording.request}\n\nWrite it in Python as `{recording.signature}`. It has to pass:\n\n"
        f"{fenced(chr(10).join(tests[:SHOWN]))}"
    )
    solution = f"{recording.setup}\n\n\n{code}" if recording.setup else code
    output = f"{fenced(solution)}\n\nTests:\n\n{fenced(chr(10).join(tests))}"
    row = item_row(instruction, output, stage=2, kind=KIND, repo=item["repo"], path=item["path"])
    program = f"{solution}\n\n\n" + "\n".join(tests) + "\n"
    return {**item, **row, "doc_id": item["doc_id"], "program": program}


def tests_of(item: dict[str, Any]) -> list[str]:
    """The asserts of a finished item."""
    return [line for line in item["program"].splitlines() if line.startswith("assert ")]
