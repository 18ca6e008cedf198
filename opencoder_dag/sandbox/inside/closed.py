"""Which tests leave no trace in the process that runs them, so that it may run the next test as well.

A test is closed when it changes no attribute, makes no class, catches nothing, imports only modules of pure
functions, and names no builtin but those that compute. What it then reaches is its own globals, the plain
answers of the solution, and objects that cannot be changed. Whatever cannot be told is not closed.
"""

from __future__ import annotations

import builtins
from opcode import opmap
from types import CodeType

PURE_BUILTINS = frozenset(
    {
        *("abs", "all", "any", "ascii", "bin", "bool", "bytearray", "bytes", "chr", "complex", "dict"),
        *("divmod", "enumerate", "filter", "float", "format", "frozenset", "hash", "hex", "int"),
        *("isinstance", "iter", "len", "list", "map", "max", "min", "next", "oct", "ord", "pow", "print"),
        *("range", "repr", "reversed", "round", "set", "slice", "sorted", "str", "sum", "tuple", "zip"),
        *("AssertionError", "Exception", "ValueError"),
    }
)
PURE_MODULES = frozenset({"math", "typing"})
# Every handler of an exception begins with PUSH_EXC_INFO; tables of exceptions also stand for generators.
TRACING = frozenset(
    opmap[name]
    for name in ("DELETE_ATTR", "END_ASYNC_FOR", "LOAD_BUILD_CLASS", "PUSH_EXC_INFO", "STORE_ATTR")
)
IMPORTS_ALL = ("*",)  # a constant of such an import; what carries it out depends on the version of Python
IMPORT, EXTENDED = opmap["IMPORT_NAME"], opmap["EXTENDED_ARG"]


def is_closed(code: CodeType) -> bool:
    """Whether running this code, and the functions in it, changes nothing but its own globals."""
    operations = code.co_code[::2]
    if IMPORTS_ALL in code.co_consts or not TRACING.isdisjoint(operations):
        return False
    if not all(map(_is_harmless, code.co_names)):
        return False
    if IMPORT in operations:
        if EXTENDED in operations:  # the argument of an import may be longer than its byte
            return False
        pairs = zip(operations, code.co_code[1::2], strict=True)
        if not PURE_MODULES.issuperset(code.co_names[at] for operation, at in pairs if operation == IMPORT):
            return False
    return all(is_closed(inner) for inner in code.co_consts if isinstance(inner, CodeType))


def _is_harmless(name: str) -> bool:
    return name in PURE_BUILTINS or not (name[0] == "_" or hasattr(builtins, name))
