"""The outline of a Python file: one parse, and what the rules count in the tree.

The grammar is that of the running interpreter. Only statements are walked: no rule looks into expressions
but for docstrings, parameters and targets.
"""

from __future__ import annotations

import ast
import inspect
import warnings
from dataclasses import dataclass, field
from typing import Any

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")  # where statements hold statements


@dataclass
class Outline:
    """What the rules count in a syntax tree."""

    functions: int = 0  # `def`; `async def` is not counted
    simple_functions: int = 0  # whose body is a single return
    classes: int = 0
    returns: int = 0
    variables: int = 0  # plain-name assignments, `for` targets and positional parameters
    class_names: int = 0  # plain names bound in the body of a top-level class
    docstrings: list[str] = field(default_factory=list)


def outline_of(text: str) -> Outline | None:
    """Outline of a Python file, or None when it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    outline = Outline()
    _docstring(tree, outline)
    for statement in tree.body:
        if isinstance(statement, ast.ClassDef):
            outline.class_names += sum(map(_binds_a_name, statement.body))
    pending: list[Any] = list(tree.body)
    while pending:
        node = pending.pop()
        kind = type(node)
        if kind is ast.Expr or kind is ast.Import or kind is ast.ImportFrom:
            continue
        if kind is ast.Assign:
            outline.variables += sum(type(target) is ast.Name for target in node.targets)
            continue
        if kind is ast.Return:
            outline.returns += 1
            continue
        if kind in DEFINITIONS:
            _definition(node, outline)
        elif kind is ast.For:
            outline.variables += type(node.target) in (ast.Name, ast.Tuple)
        for name in BLOCKS:
            pending.extend(getattr(node, name, ()))
    return outline


def _definition(node: ast.AST, outline: Outline) -> None:
    if isinstance(node, ast.ClassDef):
        outline.classes += 1
    elif isinstance(node, ast.FunctionDef):
        outline.functions += 1
        outline.variables += len(node.args.args)
        outline.simple_functions += len(node.body) == 1 and isinstance(node.body[0], ast.Return)
    _docstring(node, outline)


def _docstring(node: Any, outline: Outline) -> None:
    body = node.body
    if body and type(body[0]) is ast.Expr:
        value = body[0].value
        if type(value) is ast.Constant and type(value.value) is str:
            text = inspect.cleandoc(value.value)
            if text:
                outline.docstrings.append(text)


def _binds_a_name(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign):
        return any(isinstance(target, ast.Name) for target in statement.targets)
    return isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
