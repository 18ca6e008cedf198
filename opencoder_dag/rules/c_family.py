"""Signals of C and C++ files (16): the same eight quantities, told by regular expressions over the code."""

from __future__ import annotations

import re

from opencoder_dag.rules.lines import lines_with
from opencoder_dag.rules.signal import Compute, Value, signal
from opencoder_dag.rules.source_file import SourceFile

# A word, a name and a parenthesised list: definitions and declarations, but calls after a word as well.
FUNCTION = re.compile(r"\b[a-zA-Z_]\w*\s*\**\s+\**\w+\([^)]*\)")
INCLUDE = re.compile(r"#\s*include")
MAIN = re.compile(r"\bmain\s*\([^)]*\)\s*\{")
SCALAR = re.compile(
    r"^[ \t]*(?:std::)?(?:int|char|float|double|bool|string)\s+\w+[ \t]*;[ \t]*$", re.MULTILINE
)
RETURN = re.compile(r"^[ \t]*return(?:\s+[\w\"']+)?;[ \t]*$", re.MULTILINE)
CLASS = re.compile(r"^\s*class\s+\w+\s*(?::\s*[^{]*)?\{", re.MULTILINE)
VARIABLE = re.compile(
    r"\b(?:int|char|float|double|bool|long|short|unsigned|size_t|string|auto)\s*[*&]*\s+[*&]*\w+\s*(?:=|;|\[|,)"
)
DIRECTIVE = re.compile(
    r"#\s*(?:include|define|if|ifdef|ifndef|else|elif|endif|undef|pragma|error|line)|struct|using"
)
HEADERS = ("h", "hpp", "hxx", "hh", "h++")
BITS_HEADER = "bits/stdc++.h"
BITS_WINDOW = 200  # characters


def _matches(pattern: re.Pattern[str], text: str) -> int:
    return sum(1 for _ in pattern.finditer(text))


def functions(file: SourceFile) -> Value:
    """Function heads (and calls after a word) per code line."""
    return file.per_code_line(_matches(FUNCTION, file.code))


def bits_header(file: SourceFile) -> Value:
    """Whether the first 200 characters include bits/stdc++.h."""
    return BITS_HEADER in file.code[:BITS_WINDOW]


def mains(file: SourceFile) -> Value:
    """Number of definitions of main."""
    return float(_matches(MAIN, file.code)) if "main" in file.code else 0.0


def gotos(file: SourceFile) -> Value:
    """Code lines with "goto" among code lines."""
    return file.per_code_line(lines_with(file.code, ("goto",)))


def no_variable(file: SourceFile) -> Value:
    """Whether no variable is declared."""
    return VARIABLE.search(file.code) is None


def no_logic(file: SourceFile) -> Value:
    """Functions, includes, scalar declarations, simple returns and class heads, per code line."""
    code = file.code
    return file.per_code_line(
        sum(_matches(part, code) for part in (FUNCTION, INCLUDE, SCALAR, RETURN, CLASS))
    )


def directives(file: SourceFile) -> Value:
    """Code lines with a directive, "struct" or "using", among code lines; undefined in headers."""
    if file.extension in HEADERS:
        return None
    return file.per_code_line(sum(DIRECTIVE.search(line) is not None for line in file.code.split("\n")))


def _prints(*needles: str) -> Compute:
    def prints(file: SourceFile) -> Value:
        """Code lines that print, among code lines."""
        return file.per_code_line(lines_with(file.code, needles))

    return prints


for _language, _printers in (("c", ("printf",)), ("cpp", ("printf", "cout"))):
    for _name, _compute in (
        ("frac_lines_func_ratio", functions),
        ("cate_bitsstdc", bits_header),
        ("nums_lines_main", mains),
        ("frac_lines_goto", gotos),
        ("cate_var_zero", no_variable),
        ("score_lines_no_logic", no_logic),
        ("frac_lines_print", _prints(*_printers)),
        ("frac_lines_preprocessor_directives", directives),
    ):
        signal(f"qsc_code{_language}_{_name}", "language", _language)(_compute)
