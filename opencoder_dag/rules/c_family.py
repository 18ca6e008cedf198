"""Signals of C and C++ files (16): the same eight quantities, told by regular expressions over the code."""

from __future__ import annotations

import re

from opencoder_dag.rules.heads import Openers
from opencoder_dag.rules.lines import hits, lines_with
from opencoder_dag.rules.signal import Compute, Value, signal
from opencoder_dag.rules.source_file import SourceFile

INCLUDE = re.compile(r"#\s*include")
MAIN = re.compile(r"main\s*\(")
BODY = re.compile(r"\)\s*\{")
SCALAR = re.compile(r"(?:std::)?(?:int|char|float|double|bool|string)[^\S\n]+\w+[ \t]*;[ \t]*$", re.MULTILINE)
RETURN = re.compile(r"return(?:[^\S\n]+[\w\"']+)?;[ \t]*$", re.MULTILINE)
SCALARS = ("int", "char", "float", "double", "bool", "string", "std")
PLAIN_LINES = Openers({"return": RETURN, **dict.fromkeys(SCALARS, SCALAR)})
CLASS = re.compile(r"class\s+\w+\s*(?::\s*[^{]*)?\{")
VARIABLE = re.compile(
    r"\b(?:int|char|float|double|bool|long|short|unsigned|size_t|string|auto)(?:\s++|\s*+[*&]++\s++)[*&]*+\w++\s*+(?:=|;|\[|,)"
)
DIRECTIVE = re.compile(r"#\s*(?:include|define|if|ifdef|ifndef|else|elif|endif|undef|pragma|error|line)")
HEADERS = ("h", "hpp", "hxx", "hh", "h++")
BITS_HEADER = "bits/stdc++.h"
BITS_WINDOW = 200  # characters


def _matches(pattern: re.Pattern[str], text: str) -> int:
    return sum(1 for _ in pattern.finditer(text))


def functions(file: SourceFile) -> Value:
    """Function heads (and calls after a word) per code line."""
    return file.per_code_line(file.function_heads)


def bits_header(file: SourceFile) -> Value:
    """Whether the first 200 characters include bits/stdc++.h."""
    return BITS_HEADER in file.code[:BITS_WINDOW]


def mains(file: SourceFile) -> Value:
    """Number of definitions of main."""
    code = file.code
    count = 0
    head = MAIN.search(code)
    while head is not None:
        after = head.end()
        if head.start() == 0 or not (code[head.start() - 1].isalnum() or code[head.start() - 1] == "_"):
            after = code.find(")", after)  # heads before it would end there too: no text is read twice
            if after < 0:
                break
            count += BODY.match(code, after) is not None
        head = MAIN.search(code, after)
    return float(count)


def gotos(file: SourceFile) -> Value:
    """Code lines with "goto" among code lines."""
    return file.per_code_line(lines_with(file.code, ("goto",)))


def no_variable(file: SourceFile) -> Value:
    """Whether no variable is declared."""
    return VARIABLE.search(file.code) is None


def no_logic(file: SourceFile) -> Value:
    """Functions, includes, scalar declarations, simple returns and class heads, per code line."""
    plain = PLAIN_LINES.count(file.code, file.code_codes)
    includes = _matches(INCLUDE, file.code)
    return file.per_code_line(file.function_heads + includes + plain + _class_heads(file.code))


def _class_heads(code: str) -> int:
    """Classes with a body whose head opens a line."""
    count = 0
    found = code.find("class")
    while found >= 0 and code.find("{", found) >= 0:
        after = found + 1
        head = CLASS.match(code, found) if found == 0 or code[found - 1].isspace() else None
        if head is not None:
            count += code[code.rfind("\n", 0, found) + 1 : found].strip() == ""
            after = head.end()
        found = code.find("class", after)
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
