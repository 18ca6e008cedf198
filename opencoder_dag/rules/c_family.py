"""Signals of C and C++ files (16): the same eight quantities, told by regular expressions over the code."""

from __future__ import annotations

import re
from typing import Any

from numba import njit

from opencoder_dag.rules.characters import SPACE, WORD, class_table
from opencoder_dag.rules.lines import hits, lines_with
from opencoder_dag.rules.signal import Compute, Value, signal
from opencoder_dag.rules.source_file import SourceFile

OPEN, CLOSE, STAR = 40, 41, 42
INCLUDE = re.compile(r"#\s*include")
MAIN = re.compile(r"\bmain\s*\([^)]*\)\s*\{")
# These three are tried only on lines that start with the right word, without the blanks around them.
SCALAR = re.compile(r"(?:std::)?(?:int|char|float|double|bool|string)\s+\w+[ \t]*;")
RETURN = re.compile(r"return(?:\s+[\w\"']+)?;")
SCALAR_STARTS = ("int", "char", "float", "double", "bool", "string", "std::")
CLASS = re.compile(r"(?:^|(?<=[\s]))class\s+\w+\s*(?::\s*[^{]*)?\{")
VARIABLE = re.compile(
    r"\b(?:int|char|float|double|bool|long|short|unsigned|size_t|string|auto)\s*[*&]*\s+[*&]*\w+\s*(?:=|;|\[|,)"
)
DIRECTIVE = re.compile(r"#\s*(?:include|define|if|ifdef|ifndef|else|elif|endif|undef|pragma|error|line)")
HEADERS = ("h", "hpp", "hxx", "hh", "h++")
BITS_HEADER = "bits/stdc++.h"
BITS_WINDOW = 200  # characters


def _matches(pattern: re.Pattern[str], text: str) -> int:
    return sum(1 for _ in pattern.finditer(text))


def functions(file: SourceFile) -> Value:
    """Function heads (and calls after a word) per code line."""
    return file.per_code_line(_function_heads(file))


def _function_heads(file: SourceFile) -> int:
    return int(function_heads(file.code_codes, class_table(file.code_codes)))


@njit(cache=True, nogil=True)
def function_heads(codes: Any, classes: Any) -> int:
    """A word, a name and a parenthesised list: definitions and declarations, but calls after a word as well.

    Matches of `\\b[a-zA-Z_]\\w*\\s*\\**\\s+\\**\\w+\\([^)]*\\)` from left to right.
    """
    size = len(codes)
    last_close = size - 1
    while last_close >= 0 and codes[last_close] != CLOSE:
        last_close -= 1
    heads = 0
    position = 0
    while position < last_close:
        code = codes[position]
        if not classes[code] & WORD:
            position += 1
            continue
        digit_first = not (97 <= code <= 122 or 65 <= code <= 90 or code == 95)
        while position < size and classes[codes[position]] & WORD:
            position += 1
        if digit_first:
            continue
        gap = position
        blanks = 0
        while gap < size and classes[codes[gap]] & SPACE:
            gap += 1
            blanks += 1
        stars = gap
        while gap < size and codes[gap] == STAR:
            gap += 1
        if gap > stars:
            more = gap
            while gap < size and classes[codes[gap]] & SPACE:
                gap += 1
            if gap > more:  # blanks after the stars: more stars may follow
                blanks += 1
                while gap < size and codes[gap] == STAR:
                    gap += 1
        if blanks == 0:
            continue
        name = gap
        while gap < size and classes[codes[gap]] & WORD:
            gap += 1
        if gap == name or gap >= last_close or codes[gap] != OPEN:
            continue
        while codes[gap] != CLOSE:
            gap += 1
        heads += 1
        position = gap + 1
    return heads


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
    count = _function_heads(file) + _matches(INCLUDE, file.code) + _class_heads(file.code)
    for line in file.code.split("\n"):
        bare = line.strip(" \t")
        if bare.startswith("return"):
            count += RETURN.fullmatch(bare) is not None
        elif bare.startswith(SCALAR_STARTS):
            count += SCALAR.fullmatch(bare) is not None
    return file.per_code_line(count)


def _class_heads(code: str) -> int:
    """Classes with a body whose head opens a line."""
    if "class" not in code:
        return 0
    count = 0
    for found in CLASS.finditer(code):
        start = code.rfind("\n", 0, found.start()) + 1
        count += code[start : found.start()].strip() == ""
    return count


def directives(file: SourceFile) -> Value:
    """Code lines with a directive, "struct" or "using", among code lines; undefined in headers."""
    if file.extension in HEADERS:
        return None
    code = file.code
    found = {code.rfind("\n", 0, match.start()) for match in DIRECTIVE.finditer(code)}
    for word in ("struct", "using"):
        found.update(code.rfind("\n", 0, hit) for hit in hits(code, word))
    return file.per_code_line(len(found))


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
