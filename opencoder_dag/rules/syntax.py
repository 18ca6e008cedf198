"""How comments and strings are written, by language: the tables of the comment scanner.

Belongs here: one `Syntax` a family of languages, and which language is of which family. Languages that are
not listed are split by the Pygments lexer of their name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

# Kinds of quotes.
ONE_LINE = 1  # backslash escapes; ends with its line at the latest
SPANNING = 2  # backslash escapes; may span lines
RAW = 3  # no escapes; may span lines
CHARACTER = 4  # a single, possibly escaped character; anything else is no literal

# Features that only some languages have.
REGEX = 1  # /literals/ where an operand may stand
RAW_DELIMITED = 2  # R"x(...)x" of C++
VERBATIM = 4  # @"..." of C#, quotes doubled
HEREDOC = 8  # <<WORD of the shell
MARK_OPENS_WORD = 16  # a line mark counts only where a word could start
MARK_OPENS_LINE = 32  # a line mark counts only where a line starts
NESTED = 64  # block comments nest
TRIPLE = 128  # three double quotes open a string that spans lines
WITH_NEWLINE = 256  # the newline belongs to the line comment
DIRECTIVES = 512  # no strings in preprocessor lines
QUOTE_OPENS_WORD = 1024  # a quote counts only where a word could start
BLOCK_SCALARS = 2048  # lines indented below one that ends in | or > are text


@dataclass(frozen=True)
class Syntax:
    """Comment marks, quotes (character to kind) and features of a family of languages."""

    line: tuple[str, ...] = ()
    block: tuple[tuple[str, str], ...] = ()
    quotes: tuple[tuple[str, int], ...] = ()
    features: int = 0

    @cached_property
    def arrays(self) -> tuple[Any, ...]:
        """The tables as the compiled scanner takes them."""
        kinds = np.zeros(128, np.uint8)
        for quote, kind in self.quotes:
            kinds[ord(quote)] = kind
        starts = np.zeros(128, np.bool_)
        marks = [*self.line, *(opener for opener, _ in self.block)]
        starts[[ord(mark[0]) for mark in marks]] = True
        return (
            _padded(self.line),
            _padded([opener for opener, _ in self.block]),
            _padded([closer for _, closer in self.block]),
            kinds,
            starts | (kinds > 0),
            self.features,
        )


def _padded(marks: Any) -> Any:
    table = np.zeros((max(len(marks), 1), 4), np.uint32)
    for row, mark in enumerate(marks):
        table[row, : len(mark)] = [ord(char) for char in mark]
    return table


_STAR = (("/*", "*/"),)
_DOUBLE_AND_CHARACTER = (('"', ONE_LINE), ("'", CHARACTER))
_BOTH_SPANNING = (('"', SPANNING), ("'", SPANNING))
_BOTH = (('"', ONE_LINE), ("'", ONE_LINE))

_C = Syntax(("//",), _STAR, _DOUBLE_AND_CHARACTER, WITH_NEWLINE | DIRECTIVES)
_FAMILIES = {
    "c": _C,
    "objective-c": _C,
    "cuda, hlsl": _C,
    "cpp": Syntax(("//",), _STAR, _DOUBLE_AND_CHARACTER, WITH_NEWLINE | DIRECTIVES | RAW_DELIMITED),
    "csharp": Syntax(("//",), _STAR, _DOUBLE_AND_CHARACTER, WITH_NEWLINE | VERBATIM),
    "java": Syntax(("//",), _STAR, (('"', SPANNING), ("'", CHARACTER)), TRIPLE),
    "kotlin, scala, groovy, swift, dart": Syntax(("//",), _STAR, (('"', ONE_LINE), ("'", CHARACTER)), TRIPLE),
    "go": Syntax(("//",), _STAR, (('"', SPANNING), ("'", CHARACTER), ("`", RAW))),
    "javascript, typescript": Syntax(("//",), _STAR, (*_BOTH_SPANNING, ("`", SPANNING)), REGEX),
    "rust": Syntax(("//",), _STAR, (('"', SPANNING), ("'", CHARACTER)), NESTED | WITH_NEWLINE),
    "php": Syntax(("//", "#"), _STAR, _BOTH_SPANNING),
    "protocol buffer, graphviz (dot), thrift, solidity, glsl": _C,
    "yaml": Syntax(("#",), (), _BOTH_SPANNING, MARK_OPENS_WORD | QUOTE_OPENS_WORD | BLOCK_SCALARS),
    "ini, desktop, apacheconf, haproxy, dotenv, git attributes, ignore list, crontab, ssh config": Syntax(
        (";", "#"), (), (), MARK_OPENS_LINE
    ),
    "json": Syntax(("//",), _STAR, (('"', ONE_LINE),)),
    "sql": Syntax(("--",), _STAR, (("'", RAW), ('"', RAW)), WITH_NEWLINE | NESTED),
    "shell": Syntax(
        ("#",), (), (('"', SPANNING), ("'", RAW), ("`", 0)), HEREDOC | MARK_OPENS_WORD | WITH_NEWLINE
    ),
    "toml": Syntax(("#",), (), _BOTH, TRIPLE),
    "ruby": Syntax(("#",), (), _BOTH_SPANNING, MARK_OPENS_WORD),
    "lua": Syntax(("--",), (("--[[", "]]"),), _BOTH),
    "r": Syntax(("#",), (), _BOTH_SPANNING),
    "cmake, makefile, powershell, tcl": Syntax(("#",), (), (('"', SPANNING),), MARK_OPENS_WORD),
    "xml": Syntax((), (("<!--", "-->"),), ()),
    "css": Syntax(),  # the released filter leaves the comments of style sheets in the code
    "scss, less": Syntax(("//",), _STAR, _BOTH, WITH_NEWLINE),
}


@cache
def syntax_of(language: str) -> Syntax | None:
    """The tables of a language, or None when it is not listed."""
    for languages, syntax in _FAMILIES.items():
        if language in languages.split(", "):
            return syntax
    return None
