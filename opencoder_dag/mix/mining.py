"""Python functions that stand alone and carry their own tests, found in source files.

Belongs here: putting function, setup and tests together into a program. Does not belong here: running it, and
judging what a function is good for.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from opencoder_dag.mix.doctests import MAX_TESTS, asserts_on, docstring_tests
from opencoder_dag.mix.functions import Function, documented_functions, with_docstring
from opencoder_dag.mix.standalone import MAX_LINES, Module


@dataclass(frozen=True)
class CheckedFunction:
    """A self-contained function: `setup` (imports and helpers), the function and its tests as statements."""

    function: Function
    setup: str
    tests: tuple[str, ...]

    @cached_property
    def asserts(self) -> tuple[str, ...]:
        """The tests that check something."""
        return tuple(test for test in self.tests if test.startswith("assert "))

    def solution(self, docstring: bool = True) -> str:
        """Everything but the tests."""
        code = with_docstring(self.function) if docstring else self.function.bare_code
        return f"{self.setup}\n\n\n{code}" if self.setup else code

    def program(self) -> str:
        """The whole as one file that runs its tests."""
        return f"{self.solution()}\n\n\n" + "\n".join(self.tests) + "\n"


def checked_functions(source: str, tree: ast.Module, minimum: int = 1) -> Iterator[CheckedFunction]:
    """The self-contained functions of a file that carry at least `minimum` asserts."""
    if ">>>" not in source and "assert " not in source:
        return
    functions = [function for function in documented_functions(source, tree)]
    names = frozenset(function.name for function in functions)
    asserts = asserts_on(tree, names) if "assert " in source else {}
    module: Module | None = None
    for function in functions:
        tests = docstring_tests(function.docstring, names) if ">>>" in function.docstring else ()
        tests = (*tests, *asserts.get(function.name, ()))[:MAX_TESTS]
        checks = sum(test.startswith("assert ") for test in tests)
        if checks < minimum or not any(function.name in test for test in tests):
            continue
        if function.code.count("\n") > MAX_LINES:
            continue
        module = module or Module.read(source, tree)
        if module is None:
            return
        setup = module.setup(function.name)
        if setup is not None and function.name in module.definitions:
            yield CheckedFunction(function, setup, tests)
