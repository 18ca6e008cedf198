"""Documented functions of a Python file, as text.

Belongs here: finding module-level functions with a docstring and cutting them out of their file, with and
without that docstring. Does not belong here: what a function needs (`standalone.py`) and its tests
(`doctests.py`).
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

MAX_SOURCE = 400_000  # characters; longer files are data or generated, and slow to parse

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Function:
    """A documented module-level function as it stands in its file."""

    name: str
    signature: str  # `def name(parameters) -> result`, on one line
    docstring: str  # cleaned of indentation
    code: str  # with decorators and docstring
    bare_code: str  # without docstring
    line: int


def parse(source: str) -> ast.Module | None:
    """The syntax tree of a Python file, or None when it is too long or not Python."""
    if len(source) > MAX_SOURCE:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def documented_functions(source: str, tree: ast.Module) -> Iterator[Function]:
    """The module-level functions of a file that have a docstring and a body beside it."""
    lines = source.splitlines()
    if "\f" in source or "\x0b" in source or "\x1c" in source or "\u2028" in source:
        lines = re.split(r"\r\n|\r|\n", source)  # the tree counts only these as ends of lines
    for node in tree.body:
        if isinstance(node, FunctionNode) and (function := _function(node, lines)) is not None:
            yield function


def _function(node: FunctionNode, lines: list[str]) -> Function | None:
    docstring = ast.get_docstring(node)
    if not docstring or len(node.body) < 2:
        return None
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    text = node.body[0]
    end, text_end = node.end_lineno or 0, text.end_lineno or 0
    if text.lineno <= node.lineno or node.body[1].lineno <= text_end:
        return None  # all on one line
    head = lines[first - 1 : text.lineno - 1]
    body = lines[text_end:end]
    while body and not body[0].strip():
        body = body[1:]
    return Function(
        name=node.name,
        signature=_signature(node),
        docstring=docstring,
        code="\n".join(lines[first - 1 : end]),
        bare_code="\n".join([*head, *body]),
        line=first,
    )


def _signature(node: FunctionNode) -> str:
    result = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    kind = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    return f"{kind} {node.name}({ast.unparse(node.args)}){result}"


def without_examples(docstring: str) -> str:
    """A docstring up to its examples, without the heading that announces them."""
    kept: list[str] = []
    for line in docstring.splitlines():
        if line.lstrip().startswith(">>>"):
            break
        kept.append(line.rstrip())
    heading = re.compile(
        r"^\s*(examples?|usage|doctests?|see also|e\.g\.|for example)?\s*:{0,2}\s*$|^\s*[-=~^]{3,}\s*$", re.I
    )
    while kept and heading.match(kept[-1]):
        kept.pop()
    return "\n".join(kept).strip()


def with_docstring(function: Function) -> str:
    """The function's code with its docstring cut before the examples."""
    text = without_examples(function.docstring)
    if not text or '"""' in text or "\\" in text:
        return function.bare_code
    head, body = _split_head(function)
    indent = re.match(r"\s*", body).group() if (body := body.rstrip("\n")) else "    "  # type: ignore[union-attr]
    quoted = "\n".join(f"{indent}{line}" if line else "" for line in text.splitlines())
    closing = f"\n{indent}" if "\n" in text else ""
    if not closing and text.endswith('"'):
        closing = " "
    return f'{head}\n{indent}"""{quoted.lstrip()}{closing}"""\n{body}'


def _split_head(function: Function) -> tuple[str, str]:
    """The lines up to the colon of `def`, and the body."""
    tree = ast.parse(function.bare_code)
    node = tree.body[0]
    assert isinstance(node, FunctionNode)
    lines = function.bare_code.split("\n")
    start = min([node.body[0].lineno, *(d.lineno for d in getattr(node.body[0], "decorator_list", []))])
    # Comments between the signature and the first statement belong to the body.
    while start > 2 and lines[start - 2].lstrip().startswith("#"):
        start -= 1
    return "\n".join(lines[: start - 1]).rstrip("\n"), "\n".join(lines[start - 1 :])
