"""Undefined names: which findings of the linter count.

Belongs here: the allowances without which good files would go (methods page, section 1.3): names in string
annotations, names made at run time, Python 2 names behind a version check, names that a star import brings.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources

from opencoder_dag.rules.python_rules.linter import Diagnostic

# The file makes names at run time, or speaks of undefined names on purpose.
_DYNAMIC = re.compile(
    r"\bglobals\(\)|\bvars\(\)|\blocals\(\)\.update|\bexec\s*\(|\bexecfile\s*\(|\bglobal_enum\b|\._convert_\("
    r"|\bNameError\b|\bsys\.modules\[__name__\]"
)
_PYTHON_2_NAMES = frozenset(
    [
        *(
            "unicode",
            "xrange",
            "basestring",
            "long",
            "raw_input",
            "unichr",
            "reduce",
            "file",
            "cmp",
            "execfile",
        ),
        *("reload", "intern", "apply", "buffer", "coerce", "StandardError"),
    ]
)
_VERSION_CHECK = re.compile(
    r"\bversion_info\b|\bPY_?[23]\b|\bhexversion\b|\bsys\.version\b|\bIS_PY(?:THON)?[23]\b"
)
_STAR_IMPORT = re.compile(r"^[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]+(?:\*|\(\s*\*)", re.MULTILINE)
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_ALLOWED_LINE = re.compile(r"#.*\bnoqa\b.*\bF821\b", re.IGNORECASE)
_STRING_START = re.compile(r"""([A-Za-z]{0,2})(\"|')""")


def undefined_names(text: str, findings: list[Diagnostic]) -> list[str]:
    """The names, in order of appearance, that `text` uses and that nothing can define."""
    if not findings or _DYNAMIC.search(text):
        return []
    lines = _LINE_BREAK.split(text)
    checked = bool(_VERSION_CHECK.search(text))
    provided = _star_names(text) if any(finding.code == "F405" for finding in findings) else None
    names: dict[str, None] = {}
    for finding in findings:
        if finding.code == "F405" and (provided is None or finding.name in provided):
            continue
        if checked and finding.name in _PYTHON_2_NAMES:
            continue
        line = lines[finding.row - 1] if finding.row <= len(lines) else ""
        if not _ALLOWED_LINE.search(line) and not _in_plain_string(line, finding.column - 1):
            names[finding.name] = None
    return list(names)


def _in_plain_string(line: str, column: int) -> bool:
    """Whether `column` lies inside of a string that is no f-string, as a name in an annotation may."""
    position = 0
    while (opened := _STRING_START.search(line, position)) and opened.start() < column:
        closed = line.find(opened[2], opened.end())
        if closed < 0 or closed >= column:
            return opened.end() <= column and "f" not in opened[1].lower()
        position = closed + 1
    return False


def _star_names(text: str) -> frozenset[str] | None:
    """What the star imports of `text` provide; None if one of them is of a module that is not known."""
    modules = set(_STAR_IMPORT.findall(text))
    table = _exports()
    if not modules or not all(module in table for module in modules):
        return None
    return frozenset().union(*(table[module] for module in modules))


@cache
def _exports() -> dict[str, frozenset[str]]:
    """Module of the standard library to the names that `import *` takes from it."""
    path = resources.files("opencoder_dag.rules.python_rules") / "star_exports.json"
    table: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
    return {module: frozenset(names) for module, names in table.items()}
