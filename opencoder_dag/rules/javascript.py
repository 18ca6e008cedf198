"""Signals of JavaScript files (9)."""

from __future__ import annotations

import re

from opencoder_dag.rules.lines import lines_with
from opencoder_dag.rules.signal import Value, signal
from opencoder_dag.rules.source_file import SourceFile

LOWER_CAMEL = re.compile(r"[a-z][a-zA-Z0-9]*|\$.*", re.DOTALL)
ALPHANUMERIC = re.compile(r"[a-zA-Z0-9]+|\$.*", re.DOTALL)
UPPER_ALPHANUMERIC = re.compile(r"[A-Z][a-zA-Z0-9]*")


def _share_named(names: list[str], form: re.Pattern[str]) -> float | None:
    return sum(form.fullmatch(name) is not None for name in names) / len(names) if names else None


@signal("qsc_codejavascript_cate_ast", "language", "javascript")
def parses(file: SourceFile) -> Value:
    """Whether the file parses to a syntax tree."""
    return file.javascript is not None


@signal("qsc_codejavascript_cate_var_zero", "language", "javascript")
def no_variable(file: SourceFile) -> Value:
    """Whether no variable is declared and no value exported that is not a function."""
    tree = file.javascript
    return not tree.variables and not tree.exported_values if tree else None


@signal("qsc_codejavascript_frac_lines_func_ratio", "language", "javascript")
def functions(file: SourceFile) -> Value:
    """Declared, bound and exported functions per code line."""
    return file.per_code_line(len(file.javascript.functions)) if file.javascript else None


@signal("qsc_codejavascript_num_statement_line", "language", "javascript")
def statements(file: SourceFile) -> Value:
    """Top-level statements per code line."""
    return file.per_code_line(file.javascript.statements) if file.javascript else None


@signal("qsc_codejavascript_score_lines_no_logic", "language", "javascript")
def no_logic(file: SourceFile) -> Value:
    """Functions, imports, simple variables, simple returns and classes, per code line."""
    tree = file.javascript
    if tree is None:
        return None
    simple = tree.simple_variables + tree.simple_returns
    return file.per_code_line(len(tree.functions) + tree.imports + simple + len(tree.classes))


@signal("qsc_codejavascript_frac_words_legal_var_name", "language", "javascript")
def legal_variables(file: SourceFile) -> Value:
    """Variables in lower camel case, or opened by a dollar sign, among variables."""
    return _share_named(file.javascript.variables, LOWER_CAMEL) if file.javascript else None


@signal("qsc_codejavascript_frac_words_legal_func_name", "language", "javascript")
def legal_functions(file: SourceFile) -> Value:
    """Functions with an alphanumeric name, or one opened by a dollar sign, among functions."""
    return _share_named(file.javascript.functions, ALPHANUMERIC) if file.javascript else None


@signal("qsc_codejavascript_frac_words_legal_class_name", "language", "javascript")
def legal_classes(file: SourceFile) -> Value:
    """Classes in upper camel case among classes."""
    return _share_named(file.javascript.classes, UPPER_ALPHANUMERIC) if file.javascript else None


@signal("qsc_codejavascript_frac_lines_print", "language", "javascript")
def print_lines(file: SourceFile) -> Value:
    """Code lines with console.log among code lines."""
    return file.per_code_line(lines_with(file.code, ("console.log",)))
