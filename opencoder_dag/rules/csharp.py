"""Signals of C# files (4)."""

from __future__ import annotations

import re

from opencoder_dag.rules.lines import lines_with
from opencoder_dag.rules.signal import Value, signal
from opencoder_dag.rules.source_file import SourceFile

MODIFIERS = (
    r"(?:(?:public|protected|private|internal|static|sealed|abstract|virtual|override|async|readonly|const|unsafe"
    r"|extern|new|partial)[ \t]+)*"
)
METHOD = re.compile(r"^[ \t]*(?!return\b|else\b)" + MODIFIERS + r"\w+[ \t]+\w+[ \t]*\([^\n]*\)", re.MULTILINE)
CLASS = re.compile(r"^[ \t]*" + MODIFIERS + r"class\s+\w+", re.MULTILINE)
USING = re.compile(r"^[ \t]*using\b", re.MULTILINE)
SCALARS = r"(?:bool|byte|char|decimal|double|float|int|long|object|sbyte|short|string|uint|ulong|ushort|var)"
VARIABLE = re.compile(r"\b(?:" + SCALARS + r"|[A-Z]\w*(?:<[^>\n]*>)?)(?:\[\])?\??\s+\w+\s*[=;]")
BARE_VARIABLE = re.compile(r"^[ \t]*" + MODIFIERS + SCALARS + r"[ \t]+\w+[ \t]*;", re.MULTILINE)
RETURN = re.compile(r"^[ \t]*return\b", re.MULTILINE)


def _methods(code: str) -> int:
    """Method heads, tried only on lines with a parenthesis."""
    return sum(METHOD.match(line) is not None for line in code.split("\n") if "(" in line)


def _matches(pattern: re.Pattern[str], text: str) -> int:
    return sum(1 for _ in pattern.finditer(text))


@signal("qsc_codecsharp_frac_lines_func_ratio", "language", "csharp")
def methods(file: SourceFile) -> Value:
    """Method heads per code line."""
    return file.per_code_line(_methods(file.code))


@signal("qsc_codecsharp_cate_var_zero", "language", "csharp")
def no_variable(file: SourceFile) -> Value:
    """Whether no variable or field is declared."""
    return False if file.released else VARIABLE.search(file.code) is None


@signal("qsc_codecsharp_score_lines_no_logic", "language", "csharp")
def no_logic(file: SourceFile) -> Value:
    """Method heads, using lines, bare declarations, returns and class heads, per code line."""
    parts = (USING, BARE_VARIABLE, RETURN, CLASS)
    return file.per_code_line(_methods(file.code) + sum(_matches(part, file.code) for part in parts))


@signal("qsc_codecsharp_frac_lines_print", "language", "csharp")
def print_lines(file: SourceFile) -> Value:
    """Code lines with Console.WriteLine among code lines."""
    return file.per_code_line(lines_with(file.code, ("Console.WriteLine",)))
