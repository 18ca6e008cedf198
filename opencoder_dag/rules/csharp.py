"""Signals of C# files (4)."""

from __future__ import annotations

import re

from opencoder_dag.rules.heads import Openers, keys_of
from opencoder_dag.rules.lines import lines_with
from opencoder_dag.rules.signal import Value, signal
from opencoder_dag.rules.source_file import SourceFile

WORDS = (
    "public|protected|private|internal|static|sealed|abstract|virtual|override|async|readonly|const|unsafe"
    "|extern|new|partial"
)
MODIFIERS = keys_of(WORDS.split("|"))
NO_METHOD = keys_of(("return", "else"))
SCALARS = "bool|byte|char|decimal|double|float|int|long|object|sbyte|short|string|uint|ulong|ushort|var"
VARIABLE = re.compile(rf"\b(?:(?:{SCALARS})|[A-Z]\w*(?:<[^>\n]{{0,200}}>)?)(?:\[\])?\??\s+\w+\s*[=;]")
BARE = re.compile(rf"(?:(?:{WORDS})[ \t]+)*(?:(?:{SCALARS})[ \t]+\w+[ \t]*;|class\s+\w+)")
PLAIN_LINES = Openers(
    {"using": None, "return": None, **dict.fromkeys((*WORDS.split("|"), *SCALARS.split("|"), "class"), BARE)}
)


def _methods(file: SourceFile) -> int:
    return file.method_heads(MODIFIERS, NO_METHOD, generics=False)


@signal("qsc_codecsharp_frac_lines_func_ratio", "language", "csharp")
def methods(file: SourceFile) -> Value:
    """Method heads per code line."""
    return file.per_code_line(_methods(file))


@signal("qsc_codecsharp_cate_var_zero", "language", "csharp")
def no_variable(file: SourceFile) -> Value:
    """Whether no variable or field is declared."""
    return False if file.released else VARIABLE.search(file.code) is None


@signal("qsc_codecsharp_score_lines_no_logic", "language", "csharp")
def no_logic(file: SourceFile) -> Value:
    """Method heads, using lines, bare declarations, returns and class heads, per code line."""
    return file.per_code_line(_methods(file) + PLAIN_LINES.count(file.code, file.code_codes))


@signal("qsc_codecsharp_frac_lines_print", "language", "csharp")
def print_lines(file: SourceFile) -> Value:
    """Code lines with Console.WriteLine among code lines."""
    return file.per_code_line(lines_with(file.code, ("Console.WriteLine",)))
