"""Stage 2 items: practical coding, from functions whose own tests pass.

Belongs here: the educational form (task, analysis, solution, tests; OpenCoder, section 8.1) and the analysis
that can be read off the code. Does not belong here: running the tests, which decides whether an item enters.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from opencoder_dag.instruct.broad import functions_called, plain, shorten
from opencoder_dag.instruct.items import fenced, item_row, subject_of
from opencoder_dag.mix.functions import FunctionNode, without_examples
from opencoder_dag.mix.mining import CheckedFunction

SHOWN_TESTS = 2  # asserts that are part of the task
KEPT_TESTS = 6
MIN_WORDS = 3  # of text before the examples


def practical_items(functions: list[CheckedFunction], repo: str, path: str) -> Iterator[dict[str, Any]]:
    """One candidate a tested function, with the program that has to pass."""
    for tested in functions:
        if len(without_examples(tested.function.docstring).split()) < MIN_WORDS:
            continue
        item = educational_item(tested, repo, path)
        subject = subject_of(tested.function.bare_code)
        yield {**item, "subject": subject, "program": tested.program()}


def educational_item(tested: CheckedFunction, repo: str, path: str) -> dict[str, Any]:
    """Task with examples; analysis, solution and tests."""
    function = tested.function
    text = shorten(plain(without_examples(function.docstring)), 600)
    shown = "\n".join(tested.tests[: _first_asserts(tested, SHOWN_TESTS)])
    instruction = (
        f"{text}\n\nWrite it in Python as `{function.signature}`. It has to pass:\n\n{fenced(shown)}"
    )
    tests = "\n".join(tested.tests[: _first_asserts(tested, KEPT_TESTS)])
    output = (
        f"{analysis_of(tested)}\n\n{fenced(tested.solution(docstring=False))}\n\nTests:\n\n{fenced(tests)}"
    )
    return item_row(instruction, output, stage=2, kind="educational", repo=repo, path=path)


def _first_asserts(tested: CheckedFunction, count: int) -> int:
    """How many tests there are up to the assert of that number; what they need comes before them."""
    seen = 0
    for position, test in enumerate(tested.tests, 1):
        seen += test.startswith("assert ")
        if seen == count:
            return position
    return len(tested.tests)


def analysis_of(tested: CheckedFunction) -> str:
    """What the code shows of the way it goes: inputs, helpers, control flow, refused input, result."""
    tree = ast.parse(tested.function.bare_code)
    node = tree.body[0]
    assert isinstance(node, FunctionNode)
    sentences = [_inputs(node.args)]
    used = _used(tested)
    if used:
        sentences.append(f"It relies on {_enumerate(used)}.")
    if (way := _way(node)) is not None:
        sentences.append(way)
    refused = sorted(
        {
            name
            for inner in ast.walk(node)
            if isinstance(inner, ast.Raise) and inner.exc is not None and (name := _exception(inner.exc))
        }
    )
    if refused:
        sentences.append(f"Input that it cannot work with raises {_enumerate(refused)}.")
    return " ".join(sentences)


def _inputs(arguments: ast.arguments) -> str:
    names = [
        f"`{argument.arg}`" for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    ]
    if arguments.vararg is not None:
        names.append(f"any number of `{arguments.vararg.arg}`")
    if not names:
        return "The function takes no arguments."
    defaults = len(arguments.defaults) + sum(default is not None for default in arguments.kw_defaults)
    optional = f", of which {defaults} may be left out" if defaults else ""
    return f"The function takes {', '.join(names[:-1])}{' and ' if names[1:] else ''}{names[-1]}{optional}."


def _used(tested: CheckedFunction) -> list[str]:
    names = []
    for node in ast.parse(tested.setup).body if tested.setup else []:
        if isinstance(node, ast.Import):
            names += [f"the module `{alias.name}`" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"`{alias.name}` of `{node.module}`" for alias in node.names]
        elif isinstance(node, FunctionNode | ast.ClassDef):
            names.append(f"the helper `{node.name}`")
    return names


def _way(node: FunctionNode) -> str | None:
    inner = [child for child in ast.walk(node) if child is not node]
    loops = [child for child in inner if isinstance(child, ast.For | ast.While)]
    if node.name in functions_called(node):
        return (
            "It calls itself on a smaller part of the problem, so the first thing is the case that ends it."
        )
    if any(isinstance(child, ast.Yield | ast.YieldFrom) for child in inner):
        return "It yields its results one by one instead of building a list."
    if loops:
        first = loops[0]
        if isinstance(first, ast.While):
            return f"It repeats its work while `{ast.unparse(first.test)}` holds."
        return f"It goes through `{ast.unparse(first.iter)}` and builds the result step by step."
    for child in inner:
        if isinstance(child, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            return f"One expression over `{ast.unparse(child.generators[0].iter)}` gives the result."
    if any(isinstance(child, ast.If | ast.IfExp) for child in inner):
        return "It tells the cases apart and returns the result of each."
    return "The result follows directly from the arguments."


def _exception(node: ast.expr) -> str:
    name = node.func if isinstance(node, ast.Call) else node
    return f"`{ast.unparse(name)}`" if isinstance(name, ast.Name | ast.Attribute) else ""


def _enumerate(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
