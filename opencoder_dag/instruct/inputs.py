"""Inputs to try a function with, guessed from its signature, its text and its body.

Belongs here: which kinds of values a parameter may take, and drawing calls from them. A wrong guess does no
harm: a call that raises is not used.
"""

from __future__ import annotations

import ast
import re

from opencoder_dag.mix.draw import draw
from opencoder_dag.mix.functions import FunctionNode

CALLS = 24  # drawn for each function
MAX_PARAMETERS = 5

VALUES: dict[str, tuple[str, ...]] = {
    "int": ("0", "1", "2", "3", "5", "7", "10", "12", "-1", "-4", "16", "100"),
    "float": ("0.0", "0.5", "1.0", "1.5", "2.25", "-2.0", "3.75", "10.0"),
    "bool": ("True", "False"),
    "str": (
        "''", "'a'", "'abc'", "'hello world'", "'Hello, World!'", "'a,b,c'", "'12'", "'key=value'",
        "'CamelCase'", "'snake_case_name'", "'one two  three'", "'path/to/file.txt'",
        "'line one\\nline two'", "'level'", "'-3.5'",
    ),
    "bytes": ("b''", "b'a'", "b'abc'", "b'\\x00\\x01\\xff'", "b'hello world'", "b'line\\n'"),
    "ints": (
        "[]", "[1]", "[3, 1, 2]", "[1, 2, 3, 4]", "[5, 5, 1, 0]", "[-1, 4, -7, 2]", "[10, 20, 30]",
    ),
    "floats": ("[0.5]", "[1.0, 2.0, 4.0]", "[0.25, 0.75, 0.5]", "[-1.0, 1.0, 3.0]"),
    "strs": (
        "[]", "['a']", "['b', 'a', 'c']", "['apple', 'fig', 'apple']", "['x', 'yy', 'zzz']", "['one', 'two']",
    ),
    "rows": ("[[1, 2], [3, 4]]", "[[1]]", "[[1, 0, 2], [0, 3, 0]]", "[(1, 'a'), (2, 'b')]"),
    "dict": ("{}", "{'a': 1}", "{'b': 2, 'a': 1}", "{'name': 'x', 'size': 3}", "{'a': {'b': 1}, 'c': 2}"),
    "set": ("set()", "{1, 2}", "{'a', 'b'}"),
    "tuple": ("()", "(1, 2)", "(3, 4, 5)", "('a', 1)", "(0, 0)"),
}  # fmt: skip
ANYTHING = ("int", "str", "ints", "strs", "float", "dict")

# The first pattern that fits a name or a written type decides.
_TYPES = (
    (re.compile(r"list\[float|sequence\[float|iterable\[float|floats"), ("floats",)),
    (re.compile(r"(list|sequence|iterable|tuple)\[.*(list|sequence|tuple)"), ("rows",)),
    (re.compile(r"(list|sequence|iterable|collection|set)s?( of |\[)(str|string)"), ("strs",)),
    (re.compile(r"(list|sequence|iterable|collection)"), ("ints", "strs", "rows")),
    (re.compile(r"(dict|mapping)"), ("dict",)),
    (re.compile(r"\btuple"), ("tuple",)),
    (re.compile(r"\bset\b|frozenset"), ("set",)),
    (re.compile(r"bytes"), ("bytes",)),
    (re.compile(r"bool"), ("bool",)),
    (re.compile(r"\bint|integer"), ("int",)),
    (re.compile(r"float|number|real|scalar"), ("float", "int")),
    (re.compile(r"\bstr|string|text"), ("str",)),
)
# What parameters are usually called, by kind; then what their names begin or end with.
_NAMES: dict[tuple[str, ...], str] = {
    (
        "int",
    ): "n m k i j num number count size length width height index start stop end step base limit depth "
    "offset port bits year month day",
    ("str",): "s c ch text string line word name key path prefix suffix sep url source pattern token title "
    "filename identifier label message code",
    ("strs",): "words lines names strings tokens keys parts paths",
    ("ints", "strs"): "l lst seq sequence items values iterable array arr elements numbers nums xs",
    ("rows",): "matrix rows grid table points edges pairs",
    ("dict",): "d dct dic dict mapping options params config attrs headers",
    ("int", "float"): "x y z a b p q r t value val weight ratio alpha scale seconds",
    ("bytes", "str"): "data raw buf buffer payload",
}
_KIND_OF_NAME = {name: kinds for kinds, names in _NAMES.items() for name in names.split()}
_AFFIXES = (
    (re.compile(r"^(is|has|use|allow|include|ignore|reverse|strict)(_|$)|flag$"), ("bool",)),
    (re.compile(r"^(n|num|max|min)_|_(count|size|index|length|level)$"), ("int",)),
    (re.compile(r"_(name|text|str|string|path|url|key|prefix|suffix)$"), ("str",)),
    (re.compile(r"_dict$"), ("dict",)),
)
_METHODS = {
    "str": "split lower upper strip startswith endswith replace rstrip lstrip encode format partition title "
    "join find isdigit",
    "dict": "items keys values get setdefault update",
    "ints": "append sort index extend count",
    "bytes": "decode hex",
    "set": "union intersection add issubset",
}
_KIND_OF_METHOD = {method: kind for kind, methods in _METHODS.items() for method in methods.split()}


def calls_of(node: FunctionNode, docstring: str, seed: int) -> list[str]:
    """Calls of a function as source text, each once; empty when its parameters cannot be guessed."""
    arguments = node.args
    if arguments.vararg or arguments.kwarg or arguments.posonlyargs:
        return []
    optional = len(arguments.defaults)
    positional = arguments.args
    if not positional or len(positional) > MAX_PARAMETERS or positional[0].arg in ("self", "cls"):
        return []
    if any(default is None for default in arguments.kw_defaults):
        return []
    pools = [
        _pool(parameter, default, node, docstring)
        for parameter, default in zip(
            positional, [None] * (len(positional) - optional) + list(arguments.defaults), strict=True
        )
    ]
    calls: dict[str, None] = {}
    for number in range(CALLS):
        # Optional parameters are left out of every other call.
        used = len(pools) if number % 2 and optional else len(pools) - optional
        used = max(used, 1)
        values = [
            pool[draw(seed, f"input {number} {position}", node.name) % len(pool)]
            for position, pool in enumerate(pools[:used])
        ]
        calls.setdefault(f"{node.name}({', '.join(values)})")
    return list(calls)


def _pool(parameter: ast.arg, default: ast.expr | None, node: FunctionNode, docstring: str) -> list[str]:
    kinds = _kinds(parameter, default, node, docstring)
    pool = [value for kind in kinds for value in VALUES[kind]]
    if "str" in kinds or kinds == ANYTHING:
        # What the body compares with leads into its branches.
        pool += sorted({repr(text) for text in _constants(node) if len(text) <= 12})[:8]
    return pool


def _kinds(
    parameter: ast.arg, default: ast.expr | None, node: FunctionNode, docstring: str
) -> tuple[str, ...]:
    name = parameter.arg
    written = ast.unparse(parameter.annotation).lower() if parameter.annotation is not None else ""
    if not written:
        described = re.search(rf"(?m)^\s*:type {name}:\s*(.+)$|^\s*{name}\s*(?:\(|:\s+)([^)\n]+)", docstring)
        written = (described.group(1) or described.group(2)).lower() if described else ""
    for pattern, kinds in _TYPES:
        if written and pattern.search(written):
            return kinds
    if isinstance(default, ast.Constant) and default.value is not None:
        kind = type(default.value).__name__
        if kind in VALUES:
            return (kind,)
    used = _used_as(name, node)
    if used:
        return used
    if name in _KIND_OF_NAME:
        return _KIND_OF_NAME[name]
    return next((kinds for pattern, kinds in _AFFIXES if pattern.search(name)), ANYTHING)


def _used_as(name: str, node: FunctionNode) -> tuple[str, ...]:
    """Kinds that the methods called on a parameter belong to."""
    found = {
        _KIND_OF_METHOD[inner.attr]
        for inner in ast.walk(node)
        if isinstance(inner, ast.Attribute)
        and isinstance(inner.value, ast.Name)
        and inner.value.id == name
        and inner.attr in _KIND_OF_METHOD
    }
    return tuple(sorted(found))


def _constants(node: FunctionNode) -> set[str]:
    return {
        inner.value
        for compare in ast.walk(node)
        if isinstance(compare, ast.Compare)
        for inner in ast.walk(compare)
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str)
    }
