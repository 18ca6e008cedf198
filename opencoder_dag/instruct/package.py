"""Package items: how a function of a library is called, from its signature and examples that pass.

Belongs here: functions that need their library (those that stand alone are `practical.py`'s) and whose
docstring shows results. The library has to be installed where the examples are run (OpenCoder, section 8.1).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from opencoder_dag.instruct.broad import explanation_of, module_of, shorten, summary_of
from opencoder_dag.instruct.items import fenced, item_row, subject_of
from opencoder_dag.mix.doctests import docstring_tests
from opencoder_dag.mix.functions import Function
from opencoder_dag.mix.standalone import INSTALLABLE, unbound_names

PACKAGE = "package"
KEPT_TESTS = 5


def package_of(path: str) -> str:
    """The package that a file belongs to."""
    return (module_of(path) or "").partition(".")[0]


def package_items(functions: list[Function], repo: str, path: str) -> Iterator[dict[str, Any]]:
    """One candidate for each public function whose docstring shows what it returns."""
    module = module_of(path)
    if module is None:
        return
    for function in functions:
        if ">>>" not in function.docstring or function.name.startswith("_"):
            continue
        tests = docstring_tests(function.docstring, frozenset(), INSTALLABLE)
        shown = _up_to_assert(tests, KEPT_TESTS)
        calls = [test for test in shown if test.startswith("assert ") and f"{function.name}(" in test]
        if calls:
            yield package_item(function, module, list(shown), repo, path)


def _up_to_assert(tests: tuple[str, ...], count: int) -> tuple[str, ...]:
    positions = [position for position, test in enumerate(tests, 1) if test.startswith("assert ")]
    return tests[: positions[min(count, len(positions)) - 1]] if positions else ()


def package_item(function: Function, module: str, tests: list[str], repo: str, path: str) -> dict[str, Any]:
    """A question about one function of a package, answered with its signature and checked examples."""
    package = module.partition(".")[0]
    program = "\n".join(tests)
    if function.name in unbound_names(ast.parse(program)):
        gap = "\n" if program.startswith(("import ", "from ")) else "\n\n"
        program = f"from {module} import {function.name}{gap}{program}"
    summary = summary_of(function.docstring)
    instruction = (
        f"Show with a few checks how `{function.name}` of the Python package `{package}` is used. {summary}"
    )
    explanation = shorten(explanation_of(function.docstring), 400)
    output = f"`{function.name}` is defined in `{module}` as `{function.signature}`."
    if explanation and " ".join(explanation.split()) != summary:
        output += f"\n\n{explanation}"
    item = item_row(
        f"{instruction}", f"{output}\n\n{fenced(program)}", stage=2, kind=PACKAGE, repo=repo, path=path
    )
    return {**item, "subject": subject_of(function.bare_code), "program": f"{program}\n"}
