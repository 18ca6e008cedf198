"""The outline of a JavaScript file: one parse by tree-sitter, and what the rules count in the tree.

The grammar knows today's language and JSX. The released filter parsed with esprima 4.0.1, which stops at
ES2018; `released` refuses what esprima refused, so that the two can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

CHUNK = 4096  # bytes handed to the parser at a time
# The most work a parse may take, counted rather than timed so that every machine gives the same verdict.
READS = 16  # times the source's chunks; sound files are read up to four times
STEPS_PER_KB = 60  # hundreds of parser operations; sound files need up to ten
SPARE = 1000  # reads and steps on top, for small files
FUNCTIONS = ("function_expression", "generator_function")
SIMPLE = (
    "string",
    "number",
    "regex",
    "true",
    "false",
    "null",
    "undefined",
    "identifier",
    "unary_expression",
)
QUERY = """
(function_declaration name: (identifier) @function)
(generator_function_declaration name: (identifier) @function)
(class_declaration name: (identifier) @class)
(import_statement) @import
(variable_declarator) @variable
(for_in_statement kind: _ left: (identifier) @loop)
(return_statement) @return
(assignment_expression left: (member_expression) @target right: (_) @value) @export
"""
# Syntax that esprima 4.0.1 does not know.
MODERN = """
[(optional_chain) (field_definition) (jsx_element) (jsx_self_closing_element) (class_static_block)
 (private_property_identifier) "??" "??=" "||=" "&&="] @modern
(catch_clause !parameter) @modern
(for_in_statement "await") @modern
((number) @modern (#match? @modern "_|n$"))
"""


class ParseBudgetError(Exception):
    """A text takes the parser far more work than a program of its size does."""


@dataclass
class Script:
    """What the rules count in a syntax tree."""

    statements: int = 0  # at top level
    functions: list[str] = field(default_factory=list)  # names: declared, bound to a variable, exported
    classes: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)  # names that hold no function expression
    exported_values: int = 0  # exports that are no functions
    imports: int = 0
    simple_variables: int = 0  # set to a literal, a name, a unary expression, or nothing
    simple_returns: int = 0


@cache
def _language() -> Any:
    import tree_sitter_javascript
    from tree_sitter import Language

    return Language(tree_sitter_javascript.language())


@cache
def _parser() -> Any:
    from tree_sitter import Parser

    return Parser(_language())


@cache
def _query(source: str) -> Any:
    from tree_sitter import Query

    return Query(_language(), source)


def script_of(text: str, released: bool = False) -> Script | None:
    """Outline of a JavaScript file, or None when it does not parse."""
    from tree_sitter import QueryCursor

    root = _parse(text.encode("utf-8", "surrogatepass")).root_node
    if root.has_error or (released and QueryCursor(_query(MODERN)).captures(root)):
        return None
    script = Script(
        statements=sum(child.type not in ("comment", "hash_bang_line") for child in root.named_children)
    )
    captures = QueryCursor(_query(QUERY)).captures(root)
    script.functions += [_text(node) for node in captures.get("function", ())]
    script.classes += [_text(node) for node in captures.get("class", ())]
    script.imports = len(captures.get("import", ()))
    for node in captures.get("variable", ()):
        _variable(node, script)
    loops = [_text(node) for node in captures.get("loop", ())]
    script.variables += loops
    script.simple_variables += len(loops)
    for node in captures.get("return", ()):
        values = node.named_children
        script.simple_returns += not values or values[0].type in SIMPLE
    for node in captures.get("export", ()):
        _export(node, script)
    return script


def _parse(source: bytes) -> Any:
    """A syntax tree within a budget of work that sound files stay far below; or a `ParseBudgetError`.

    The parser's recovery from garbage (unclosed comments, alternating quotes) takes quadratic time: it reads
    to the end again and again, or follows many readings of the text at once.
    """
    reads = SPARE + READS * (len(source) // CHUNK + 1)
    steps = SPARE + STEPS_PER_KB * len(source) // 1000

    def read(offset: int, point: Any) -> bytes:
        nonlocal reads
        reads -= 1
        return source[offset : offset + CHUNK] if reads >= 0 else b""

    def is_over(offset: int, has_error: bool) -> bool:
        nonlocal steps
        steps -= 1
        return reads < 0 or steps < 0

    parser = _parser()
    try:
        tree = parser.parse(read, progress_callback=is_over)
    except ValueError:
        parser.reset()
    else:
        if reads >= 0:
            return tree
    raise ParseBudgetError(f"no syntax tree of {len(source)} bytes within the budget of steps")


def _variable(node: Any, script: Script) -> None:
    value = node.child_by_field_name("value")
    name = node.child_by_field_name("name")
    if value is not None and value.type in FUNCTIONS:
        script.functions.append(_text(name))
        return
    script.variables.append(_text(name))
    script.simple_variables += value is None or value.type in SIMPLE


def _export(node: Any, script: Script) -> None:
    """`module.exports.name = ...`."""
    target = _text(node.child_by_field_name("left"))
    if not target.startswith("module.exports."):
        return
    if node.child_by_field_name("right").type in FUNCTIONS:
        script.functions.append(target.rpartition(".")[2])
    else:
        script.exported_values += 1


def _text(node: Any) -> str:
    return str(node.text.decode("utf-8", "replace"))
