"""How comments are written, and the comments at the head of a file.

Belongs here: comment markers by language, and the splitting of a comment into the text of its lines and the
markup around it. What a comment says is judged elsewhere (`copyright.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class CommentStyle:
    """Markers of comments: those that open a comment to the end of the line, and (opener, closer) pairs."""

    line: tuple[str, ...] = ()
    block: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class CommentLine:
    """One line of a comment as markup before, text and markup after; together they are the line."""

    before: str
    body: str
    after: str  # ends with the line break, if the line has one

    @property
    def source(self) -> str:
        """The line as it stands in the file."""
        return self.before + self.body + self.after


@dataclass(frozen=True)
class Comment:
    """A comment block, or a run of line comments, from offset `start` to offset `end`."""

    start: int
    end: int
    lines: tuple[CommentLine, ...]
    opener: str = ""  # of a block comment
    closer: str = ""


_C = CommentStyle(("//",), (("/*", "*/"),))
_HASH = CommentStyle(("#",))
_DASH = CommentStyle(("--",), (("/*", "*/"), ("{-", "-}"), ("--[[", "]]")))
_SEMICOLON = CommentStyle((";", "#"), (("#|", "|#"), ("/*", "*/")))
_PERCENT = CommentStyle(("%",), (("%{", "%}"), ("/*", "*/")))
_MARKUP = CommentStyle(
    (), (("<!--", "-->"), ("<%--", "--%>"), ("{{!--", "--}}"), ("{{!", "}}"), ("{#", "#}"))
)
_ML = CommentStyle(("//",), (("(*", "*)"), ("{", "}"), ("/*", "*/")))

# Languages (separated by commas) whose markers would be wrong or missing in the general style below.
_FAMILIES = (
    ("python, cython, starlark, gn, sage", CommentStyle(("#",), (('"""', '"""'), ("'''", "'''")))),
    ("ruby, crystal", CommentStyle(("#",), (("=begin", "=end"),))),
    ("perl, raku", CommentStyle(("#",), (("=pod", "=cut"),))),
    ("shell, yaml, toml, makefile, dockerfile, cmake, r, tcl, awk, gnuplot, robotframework", _HASH),
    ("powershell", CommentStyle(("#",), (("<#", "#>"),))),
    ("julia", CommentStyle(("#",), (("#=", "=#"),))),
    ("nim", CommentStyle(("#",), (("#[", "]#"),))),
    ("coffeescript", CommentStyle(("#",), (("###", "###"),))),
    ("c, c++, objective-c, objective-c++, java, c#, go, rust, swift, kotlin, scala, groovy, javascript", _C),
    ("typescript, tsx, jsx, dart, less, scss, css, cuda, glsl, hlsl, protocol buffer, solidity", _C),
    ("d", CommentStyle(("//",), (("/*", "*/"), ("/+", "+/")))),
    ("php, hack", CommentStyle(("//", "#"), (("/*", "*/"),))),
    ("vue, svelte, astro", CommentStyle(("//",), (*_MARKUP.block, ("/*", "*/")))),
    ("lua, sql, plsql, plpgsql, tsql, haskell, elm, ada, vhdl, purescript, idris, agda", _DASH),
    ("common lisp, scheme, clojure, emacs lisp, racket, assembly, ini, autohotkey, newlisp", _SEMICOLON),
    ("tex, erlang, prolog, matlab, postscript, mercury, logtalk", _PERCENT),
    ("ocaml, standard ml, f#, pascal, component pascal, coq, mathematica, modula-2, modula-3", _ML),
    ("oberon, applescript, reason, isabelle", _ML),
    ("html, xml, markdown, text, html+erb, html+django, html+php, java server pages, xslt", _MARKUP),
    ("handlebars, mustache, twig, jinja, smarty, svg, asciidoc, mdx", _MARKUP),
    ("restructuredtext", CommentStyle(("..",))),
    ("fortran, fortran free form", CommentStyle(("!", "C ", "c ", "*"))),
    ("cobol", CommentStyle(("*>", "*"))),
    ("vim script, viml", CommentStyle(('"',))),
    ("visual basic .net, vba, vbscript, freebasic, basic", CommentStyle(("'", "REM ", "Rem ", "rem "))),
    ("batchfile", CommentStyle(("@rem ", "@REM ", "rem ", "REM ", "Rem ", "::"))),
    ("roff, roff manpage", CommentStyle(('.\\"', "'\\\"", '\\"'))),
    ("m4, m4sugar, autoconf", CommentStyle(("dnl ", "dnl", "#"))),
    ("forth", CommentStyle(("\\ ",), (("( ", ")"),))),
    ("apl", CommentStyle(("⍝", "#"))),
    ("texinfo", CommentStyle(("@comment ", "@c "))),
    ("haml, slim, pug", CommentStyle(("-#", "//-", "//", "/"))),
)
_STYLES = {language: style for languages, style in _FAMILIES for language in languages.split(", ")}
# Everything else: no language gives these another meaning at the head of a file and follows it by a notice.
_GENERAL = CommentStyle(
    ("//", "#", "--", ";", "%", "!"),
    (("/*", "*/"), ("<!--", "-->"), ("(*", "*)"), ("{-", "-}"), ("#|", "|#"), ("<#", "#>"), ("/+", "+/")),
)


def comment_style(language: str) -> CommentStyle:
    """The comment markers of a language; a general set for languages that are not listed."""
    return _STYLES.get(language, _GENERAL)


@cache
def _patterns(style: CommentStyle) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
    """Compiled openers of a style, in group 1: of a line comment and of a block comment."""
    line = "|".join(map(re.escape, sorted(style.line, key=len, reverse=True)))
    block = "|".join(re.escape(opener) for opener, _ in sorted(style.block, key=lambda pair: -len(pair[0])))
    return (
        re.compile(rf"[ \t]*({line})") if line else None,
        re.compile(rf"[ \t]*({block})") if block else None,
    )


_BLANK = re.compile(r"[ \t\f]*\r?\n")
_LINE = re.compile(r"[^\n]*\n?")


def skip_blank_lines(text: str, position: int) -> int:
    """Offset of the first line from `position` on that is not blank."""
    while match := _BLANK.match(text, position):
        position = match.end()
    return position


def comment_at(text: str, position: int, style: CommentStyle) -> Comment | None:
    """The comment whose first line starts at offset `position`, or None if something else stands there.

    A block comment that is not closed is none; so is a string in place of a comment that code follows on
    its line.
    """
    line, block = _patterns(style)
    if block and (opened := block.match(text, position)):
        opener = opened[1]
        found = _block(text, position, opened.end(), opener, dict(style.block)[opener])
        if found:
            return found
    if line and (opened := line.match(text, position)):
        return _line_run(text, position, line, opened[1])
    return None


def _block(text: str, start: int, inside: int, opener: str, closer: str) -> Comment | None:
    closed = text.find(closer, inside)
    if closed < 0:
        return None
    end = closed + len(closer)
    rest = _LINE.match(text, end)
    tail = rest.group() if rest else ""
    if opener in ('"""', "'''") and tail.strip():
        return None
    after = closer
    if not tail.strip():
        end += len(tail)
        after += tail
    pieces = text[inside:closed].split("\n")
    lines = []
    for index, piece in enumerate(pieces):
        lead = len(piece) - len(piece.lstrip(" \t*#+|~"))
        before = (text[start:inside] if index == 0 else "") + piece[:lead]
        last = index == len(pieces) - 1
        lines.append(CommentLine(before, piece[lead:], after if last else "\n"))
    return Comment(start, end, tuple(lines), opener, closer)


def _line_run(text: str, start: int, pattern: re.Pattern[str], marker: str) -> Comment:
    lines: list[CommentLine] = []
    position = start
    while (opened := pattern.match(text, position)) and opened[1] == marker:
        whole = _LINE.match(text, position)
        source = whole.group() if whole else ""
        content = source.rstrip("\r\n")
        lead = opened.end() - position
        while lead < len(content) and (content[lead] in " \t!*" or content[lead] == marker[-1]):
            lead += 1
        lines.append(CommentLine(content[:lead], content[lead:], source[len(content) :]))
        position += len(source)
        if position >= len(text):
            break
    return Comment(start, position, tuple(lines))
