"""Signals of Python files (8)."""

from __future__ import annotations

from opencoder_dag.rules.lines import lines_with, lines_with_word
from opencoder_dag.rules.signal import Value, signal
from opencoder_dag.rules.source_file import SourceFile


def _lines_of(file: SourceFile, word: str, text: str) -> int:
    """Lines that hold a word; the released filter takes any part of a word for it (pass for password)."""
    return lines_with(text, (word,)) if file.released else lines_with_word(text, word)


@signal("qsc_codepython_cate_ast", "language", "python")
def parses(file: SourceFile) -> Value:
    """Whether the file parses to a Python syntax tree."""
    return file.python is not None


@signal("qsc_codepython_frac_lines_func_ratio", "language", "python")
def functions(file: SourceFile) -> Value:
    """Function definitions (not async ones) per code line."""
    return file.per_code_line(file.python.functions) if file.python else None


@signal("qsc_codepython_cate_var_zero", "language", "python")
def no_variable(file: SourceFile) -> Value:
    """Whether no plain name is bound by assignment, `for` or as a positional parameter."""
    return file.python.variables == 0 if file.python else None


@signal("qsc_codepython_frac_lines_pass", "language", "python")
def pass_lines(file: SourceFile) -> Value:
    """Code lines with "pass" among code lines."""
    return file.per_code_line(_lines_of(file, "pass", file.lower_code))


@signal("qsc_codepython_frac_lines_import", "language", "python")
def import_lines(file: SourceFile) -> Value:
    """Code lines with "import" among code lines."""
    return file.per_code_line(_lines_of(file, "import", file.lower_code))


@signal("qsc_codepython_frac_lines_simplefunc", "language", "python")
def simple_functions(file: SourceFile) -> Value:
    """Functions whose body is a single return, per code line."""
    return file.per_code_line(file.python.simple_functions) if file.python else None


@signal("qsc_codepython_score_lines_no_logic", "language", "python")
def no_logic(file: SourceFile) -> Value:
    """Definitions, imports, returns and names bound in top-level classes, per code line."""
    tree = file.python
    if tree is None:
        return None
    imports = _lines_of(file, "import", file.lower_code)
    return file.per_code_line(tree.functions + imports + tree.classes + tree.returns + tree.class_names)


@signal("qsc_codepython_frac_lines_print", "language", "python")
def print_lines(file: SourceFile) -> Value:
    """Code lines with "print" among code lines."""
    return file.per_code_line(_lines_of(file, "print", file.code))
