"""Tests that a function carries, as plain statements: doctest examples and asserts.

Belongs here: turning what a docstring shows into `assert call == result`. Does not belong here: running it.
"""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Container

from opencoder_dag.mix.standalone import BUILTINS, STABLE_MODULES, loaded_names

MAX_TESTS = 12
_PARSER = doctest.DocTestParser()
_UNSTABLE_RESULT = re.compile(r"\bat 0x[0-9a-f]+|<BLANKLINE>|\.\.\.")


def docstring_tests(
    docstring: str, known: frozenset[str], modules: Container[str] = STABLE_MODULES
) -> tuple[str, ...]:
    """The examples of a docstring as statements: `assert call == result` where a result is shown.

    Examples that import `known` names (the function itself) from their package lose the import; the tests
    end before the first example that cannot be judged by its value (output of several lines, ellipses) or
    that imports anything but `modules`.
    """
    try:
        examples = _PARSER.get_examples(docstring)
    except ValueError:
        return ()
    tests: list[str] = []
    for example in examples:
        source, want = example.source.strip("\n"), example.want.rstrip("\n")
        if example.exc_msg is not None:
            continue  # an expected error has no effect on what follows
        test = _statement(source, known, modules) if not want else _as_assert(source, want)
        if test is None:
            break
        if test:
            tests.append(test)
        if len(tests) >= MAX_TESTS:
            break
    while tests and not tests[-1].startswith("assert "):
        tests.pop()
    return tuple(tests)


def _statement(source: str, known: frozenset[str], modules: Container[str]) -> str | None:
    """A statement without result; empty: it only imports what stands above; None: cannot be had."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return None
    for node in body:
        if isinstance(node, ast.ImportFrom):
            if all(alias.name in known and alias.asname is None for alias in node.names):
                return "" if len(body) == 1 else None
            if node.level or (node.module or "").partition(".")[0] not in modules:
                return None
        elif isinstance(node, ast.Import) and any(
            alias.name.partition(".")[0] not in modules for alias in node.names
        ):
            return None
    return source


def _as_assert(source: str, want: str) -> str | None:
    """`assert source == want` for an expression and the value that is shown for it."""
    try:
        tree = ast.parse(source, mode="eval")
    except (SyntaxError, ValueError):
        return None
    if _UNSTABLE_RESULT.search(want) or "#" in source:
        return None
    call = tree.body
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print":
        if len(call.args) != 1 or call.keywords:
            return None
        return f"assert str({ast.unparse(call.args[0])}) == {want!r}"
    source = source if "\n" not in source else ast.unparse(tree)
    try:
        literal = ast.literal_eval(want)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None if "\n" in want else f"assert repr({source}) == {want!r}"
    shown = " ".join(want.split()) if "\n" in want else want
    if isinstance(literal, bool) or literal is None:
        return (
            f"assert ({source}) is {shown}"
            if isinstance(call, ast.Compare | ast.BoolOp)
            else f"assert {source} is {shown}"
        )
    return (
        f"assert ({source}) == {shown}"
        if not isinstance(call, ast.Call | ast.Name)
        else f"assert {source} == {shown}"
    )


def asserts_on(tree: ast.Module, names: frozenset[str]) -> dict[str, list[str]]:
    """Asserts of a file, anywhere in it, that compare a call of one of `names` on literals with a literal."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assert) or not isinstance(node.test, ast.Compare):
            continue
        left, right = node.test.left, node.test.comparators
        if not (isinstance(left, ast.Call) and isinstance(left.func, ast.Name) and left.func.id in names):
            continue
        used = loaded_names([*left.args, *left.keywords, *right])
        if used <= BUILTINS and len(right) == 1:
            found.setdefault(left.func.id, []).append(f"assert {ast.unparse(node.test)}")
    return found
