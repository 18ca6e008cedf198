"""Signals of Java files (8)."""

from __future__ import annotations

import re

from opencoder_dag.rules.heads import Openers, keys_of
from opencoder_dag.rules.lines import lines_with
from opencoder_dag.rules.signal import Value, signal
from opencoder_dag.rules.source_file import SourceFile

WORDS = "public|protected|private|static|final|abstract|synchronized|native|default"
MODIFIERS = rf"(?:(?:{WORDS})[ \t]+)*"
MODIFIER_KEYS = keys_of(WORDS.split("|"))
NO_METHOD = keys_of(("return",))
METHOD = re.compile(
    r"^[ \t]*(?!return\b)" + MODIFIERS + r"(?:<[^>\n]+>[ \t]*)?\w+[ \t]+(\w+)[ \t]*\([^\n]*\)", re.MULTILINE
)
CLASS = re.compile(r"^[ \t]*" + MODIFIERS + r"(?:class|interface|enum)\s+(\w+)", re.MULTILINE)
ACCESS = re.compile(r"^[ \t]*(?:public|protected|private)\b")
SCALARS = "int|float|double|char|boolean"
KINDS = rf"(?:{SCALARS}|[A-Z]\w*(?:<[^>\n]{{0,200}}>)?)"
VARIABLE = re.compile(r"\b" + KINDS + r"\s+(\w+)\s*[=;]")
RETURN = re.compile(r"return(?:\s+[\w\"'.]+)?[ \t]*;")
BARE = re.compile(MODIFIERS + rf"(?:{KINDS}[ \t]+\w+[ \t]*;|(?:class|interface|enum)\s+\w)")
PLAIN_LINES = Openers(
    {
        "import": None,
        "return": RETURN,
        **dict.fromkeys((*WORDS.split("|"), *SCALARS.split("|"), "class", "interface", "enum"), BARE),
    },
    capitalised=BARE,
)
LOWER_CAMEL = re.compile(r"[a-z][a-zA-Z0-9]*|[A-Z][A-Z0-9_]*")
UPPER_ALPHANUMERIC = re.compile(r"[A-Z][a-zA-Z0-9]*")


def _methods(file: SourceFile) -> int:
    return file.method_heads(MODIFIER_KEYS, NO_METHOD, generics=True)


def _share_named(found: list[str], form: re.Pattern[str]) -> float | None:
    return sum(form.fullmatch(name) is not None for name in found) / len(found) if found else None


@signal("qsc_codejava_cate_var_zero", "language", "java")
def no_variable(file: SourceFile) -> Value:
    """Whether no field or local variable is declared."""
    return VARIABLE.search(file.code) is None


@signal("qsc_codejava_frac_lines_func_ratio", "language", "java")
def methods(file: SourceFile) -> Value:
    """Method heads per code line."""
    return file.per_code_line(_methods(file))


@signal("qsc_codejava_score_lines_no_logic", "language", "java")
def no_logic(file: SourceFile) -> Value:
    """Method heads, imports, bare declarations, simple returns and class heads, per code line."""
    return file.per_code_line(_methods(file) + PLAIN_LINES.count(file.code, file.code_codes))


@signal("qsc_codejava_frac_words_no_modifier", "language", "java")
def no_modifier(file: SourceFile) -> Value:
    """Methods and classes without an access modifier among methods and classes."""
    heads = [found.group() for part in (METHOD, CLASS) for found in part.finditer(file.code)]
    return sum(ACCESS.match(head) is None for head in heads) / len(heads) if heads else None


@signal("qsc_codejava_frac_words_legal_var_name", "language", "java")
def legal_variables(file: SourceFile) -> Value:
    """Variables named in lower camel case (or as constants) among variables."""
    return _share_named(VARIABLE.findall(file.code), LOWER_CAMEL)


@signal("qsc_codejava_frac_words_legal_func_name", "language", "java")
def legal_methods(file: SourceFile) -> Value:
    """Methods named in lower camel case among methods."""
    return _share_named(METHOD.findall(file.code), LOWER_CAMEL)


@signal("qsc_codejava_frac_words_legal_class_name", "language", "java")
def legal_classes(file: SourceFile) -> Value:
    """Classes named in upper camel case among classes."""
    return _share_named(CLASS.findall(file.code), UPPER_ALPHANUMERIC)


@signal("qsc_codejava_frac_lines_print", "language", "java")
def print_lines(file: SourceFile) -> Value:
    """Code lines with System.out.print among code lines."""
    return file.per_code_line(lines_with(file.code, ("System.out.print",)))
