"""Signals of Go files (5)."""

from __future__ import annotations

import re

from opencoder_dag.rules.heads import Openers
from opencoder_dag.rules.lines import lines_with
from opencoder_dag.rules.signal import Value, signal
from opencoder_dag.rules.source_file import SourceFile

FUNCTION = re.compile(r"func\s+(?:\(\s*\w+\s+\*?[\w.]+\s*\)\s*)?\w+")
BARE_VARIABLE = re.compile(r"var\s+\w+[ \t]+\w+[ \t]*$", re.MULTILINE)
TYPE = re.compile(r"type\s+\w+\s+(?:struct|interface)\b")
FUNCTIONS = Openers({"func": FUNCTION})
PLAIN_LINES = Openers({"import": None, "return": None, "func": FUNCTION, "var": BARE_VARIABLE, "type": TYPE})
VARIABLE = re.compile(r"\b(?:var|const)\b|:=")


@signal("qsc_codego_cate_testfile", "language", "go")
def test_file(file: SourceFile) -> Value:
    """Whether the file is a test by its name."""
    return file.name.lower().endswith("_test.go")


@signal("qsc_codego_frac_lines_func_ratio", "language", "go")
def functions(file: SourceFile) -> Value:
    """Lines that start a function, among code lines."""
    return file.per_code_line(FUNCTIONS.count(file.code, file.code_codes))


@signal("qsc_codego_cate_var_zero", "language", "go")
def no_variable(file: SourceFile) -> Value:
    """Whether no variable or constant is declared."""
    return False if file.released else VARIABLE.search(file.code) is None


@signal("qsc_codego_score_lines_no_logic", "language", "go")
def no_logic(file: SourceFile) -> Value:
    """Functions, imports, bare variables, returns and struct or interface types, per code line."""
    return file.per_code_line(PLAIN_LINES.count(file.code, file.code_codes))


@signal("qsc_codego_frac_lines_print", "language", "go")
def print_lines(file: SourceFile) -> Value:
    """Code lines with fmt.Print among code lines."""
    return file.per_code_line(lines_with(file.code, ("fmt.Print",)))
