"""The copyright notice at the head of a file.

Belongs here: what makes a comment a notice, and its removal line by line, so that a description in the same
comment stays. Source: OpenCoder, section 2.2 (the leading notice is removed by regular expressions, which
are not published).
"""

from __future__ import annotations

import itertools
import re

from opencoder_dag.clean.comments import (
    Comment,
    CommentLine,
    comment_at,
    comment_style,
    skip_blank_lines,
)

HEAD_CHARS = 65_536  # how far a notice at the head may reach
LINE_CHARS = 400  # how much of a line tells what it is

_HINTS = ("copyright", "licen", "(c)", "©", "spdx", "rights reserved", "permission", "redistribut", "copr.",
          "版权", "著作权", "著作権", "urheberrecht", "rechte", "droits", "derechos")  # fmt: skip

# What may stand before the first comment: byte order mark, interpreter line, declarations.
_PRELUDE = re.compile(
    r"""\ufeff?(?:\#![^\n]*\n)?
    (?:[ \t\r\n]*(?:<\?xml[^>\n]*\?>|<\?php\b|<!doctype[^>\n]*>|<%@[^%\n]*%>|@charset[^;\n]*;
    |(['"])use\ strict\1;?))*""",
    re.VERBOSE | re.IGNORECASE,
)

# Lines for machines: they stay where they are.
_DIRECTIVE = re.compile(
    r"""(?:!|-\*-|.{0,80}-\*-.{0,200}-\*-|(?:vim?|ex):\s|.{0,40}coding[:=]\s*[\w-]+\s*$|frozen_string_literal
    |go:|\+build\s|(?:pylint|mypy|ruff|flake8|pyright|isort|cython|distutils|type|nosec|noqa)\s*:
    |es(?:lint|hint)|jshint|jslint|globals?\s|@(?:ts-|flow|jsx|format|jest-|noflow)|clang-format|swift-tools-version
    |syntax\s*=|escape\s*=|nolint|warn_indent|typed:|shellcheck\s|requires\s)""",
    re.VERBOSE | re.IGNORECASE,
)

_YEAR = r"(?:19[5-9]\d|20\d\d)"
_HOLDER = r"""(?:authors?|contributors?|inc|ltd|llc|llp|gmbh|ag|corp|corporation|foundation|company|project
    |team|group|university|institute|laborator(?:y|ies)|developers|limited|s\.?a|co|holders?|consortium|owners?
    |regents|reserved)"""
# A line that states a copyright. "Copyright" followed by an ordinary word is prose, not a statement.
_COPYRIGHT = re.compile(
    rf"""[^\w(©]{{0,8}}
    (?:(?:portions?|parts?|some|modifications?|originally|original|program|source\s+code|this\s+\w+\s+is)\s+)?
    (?: [@\\]copyright\b
      | spdx-filecopyrighttext:
      | (?:\(c\)|©|&copy;)\s*(?:copyright\b|by\b|{_YEAR}|[A-Z].{{0,60}}{_YEAR})
      | (?:copyright|copr\.|copyleft)\s*(?:notice\s*)?[:,-]?\s*
        (?:\(c\)|©|&copy;|\(r\)|{_YEAR}|by\s+[A-Z0-9]|:)
      | (?:copyright|copr\.)\s*[:,-]?\s*(?:the\s+)?[A-Z0-9][^.\n]{{0,80}}\b{_HOLDER}\b
      | (?:copyright|copr\.)\s*[:,-]?\s*[^\W\d_][^\n]{{0,60}}[\s,]{_YEAR}\b
      | copyright(?:\s+file=|>)
      | all\s+rights\s+(?:are\s+)?reserved
      | 版权所有 | 著作权 | 著作権 | urheberrecht | alle\s+rechte\s+vorbehalten | tous\s+droits\s+r[ée]serv
      | todos\s+los\s+derechos
    )""",
    re.VERBOSE | re.IGNORECASE,
)
# A line that opens a statement of licence.
_SUBJECT = r"""(?:program|library|software|file|code|source|work|module|package|project|script|header|product
    |material|unit|plugin)s?"""
_GRANTED = r"""(?:free|licen[sc]ed|subject|distributed|released|provided|protected|governed|copyrighted
    |(?:in\s+the\s+)?public\s+domain|be\s+(?:used|copied|distributed|modified)|made\s+available|part\s+of
    |confidential|proprietary)"""
_NAMED_LICENCE = r"[`'\"]*(?:artistic|mit|bsd|isc|zlib|apache|gpl|lgpl|agpl|mpl)[\s-]+licen[sc]e[d.]?"
_LICENCE = re.compile(
    rf"""[^\w]{{0,8}}
    (?: spdx-(?:license|snippet|file)
      | [@\\]licen[sc]e\b
      | (?:licen[sc]e|licen[sc]ing)\s*(?:information|terms)?\s*:
      | (?:dual[- ])?(?:licen[sc]ed|released|distributed|published|provided|available)\s+
        (?:under|with|as\s+is)\b
      | (?:this|the|these)\s+(?:\w+\s+){{0,3}}{_SUBJECT}\b[^.]{{0,60}}\b
        (?:is|are|may|can|has)\s+(?:\w+\s+){{0,3}}{_GRANTED}
      | (?:[\w.'"-]{{1,40}}\s+){{1,4}}(?:is|are)\s+
        (?:free\s+software|licen[sc]ed\s+under|distributed\s+(?:under|in\s+the\s+hope)|released\s+under)
      | permission\s+(?:is|to)\b
      | redistributions?\s+(?:and|in|of)\b
      | use\s+of\s+this\s+(?:source|software|file)
      | (?:you|licensee)\s+(?:may|can|must|should)\s+(?:not\s+)?
        (?:use|obtain|redistribute|copy|modify|have\s+received)
      | unless\s+required\s+by
      | (?:this|the)\s+software\s+is\s+provided
      | in\s+no\s+event\b
      | without\s+(?:any\s+)?warrant
      | part\s+of\s+(?:the\s+)?[^,]{{1,40}},\s+(?:licen[sc]ed\s+)?under\b
      | see\s+https?://\S{{0,100}}licen[sc]e
      | (?:see|refer\s+to)\s+(?:the\s+)?(?:file\s+|accompanying\s+|included\s+)?
        [`'"]?(?:licen[sc]e|copying|copyright|notice)
      | for\s+(?:the\s+)?(?:full|more|complete|further)?\s*(?:copyright|licen[sc]e|licen[sc]ing)
      | https?://\S{{0,100}}(?:licen[sc]e|copyright|gnu\.org/copyleft)
      | (?:begin|end|\$\S{{0,20}}begin)[\s_-]+licen[sc]e
      | (?:the\s+)?{_NAMED_LICENCE}\s*(?:\(|$|v|,)
    )""",
    re.VERBOSE | re.IGNORECASE,
)
# Words of licence texts; a paragraph with two of them belongs to a notice that stands in the same head.
_VOCABULARY = re.compile(
    r"""licen[sc]|copyright|warrant|redistribut|permission|liabilit|liable|disclaim|merchantab|as\sis|as-is|hereby
    |conditions|infring|copies|free\ssoftware|rights|contributors|derivative|the\ssoftware|damages|legal
    |trade\s?marks?|endorse|proprietary|confidential|agreement|terms""",
    re.VERBOSE | re.IGNORECASE,
)
# A label that opens something else than a notice: a tag of a documentation tool, or "Word:".
_LABEL = re.compile(r"(?i:[@\\](?!legal|preserve|author|year|owner)\w)|[A-Z]\w*(?: \w+){0,2}:(?!//)")
_LEGAL_LABEL = re.compile(
    r"copyright|licen|legal|owner|spdx|note|portions|rights|author|disclaimer|by|contact|e-?mail",
    re.IGNORECASE,
)
_DECORATION = " \t\r*#/;%-=+~!|_.<>\\\"'`:{}()[]"


def remove_notice(text: str, language: str) -> tuple[str, bool]:
    """The text without the copyright notice at its head, and whether there was one.

    Only the comments before the first line of code are looked at. Interpreter and encoding lines, editor and
    tool directives, and paragraphs that describe the file stay; what follows the comments stays as it is.
    """
    head = text[:HEAD_CHARS]
    if len(head) < len(text):
        head = head[: head.rfind("\n") + 1]
    prelude = _PRELUDE.match(head)
    position = prelude.end() if prelude else 0
    style = comment_style(language)
    comment = comment_at(head, skip_blank_lines(head, position), style)
    if comment is None or not _may_hold_notice(head):
        return text, False
    kept = [head[:position]]
    done = position
    anchored = False
    while comment is not None:
        lines = _without_notice(comment, anchored)
        following = comment.end
        if lines is not None:
            anchored = True
            kept += [head[done : comment.start], *lines]
            done = comment.end
            if not lines and _ends_blank("".join(kept)):
                done = following = skip_blank_lines(text, done)
        comment = comment_at(head, skip_blank_lines(head, following), style)
    return ("".join(kept) + text[done:], True) if anchored else (text, False)


def _may_hold_notice(head: str) -> bool:
    lowered = head.lower()
    return any(hint in lowered for hint in _HINTS)


def _ends_blank(text: str) -> bool:
    """Whether nothing or a blank line stands at the end of `text`."""
    return not text.strip("\ufeff \t\r\n") or text.endswith(("\n\n", "\n\r\n"))


def _without_notice(comment: Comment, anchored: bool) -> list[str] | None:
    """The lines of a comment that stay, or None for all of them.

    `anchored` tells that a notice stands further up, so that licence vocabulary is enough to go on with it.
    """
    bodies = [line.body.strip(_DECORATION) for line in comment.lines]
    directive = [bool(_DIRECTIVE.match(line.body)) or line.before.endswith("#!") for line in comment.lines]
    blank = [not body and not kept for body, kept in zip(bodies, directive, strict=True)]
    starts = [
        not kept
        and bool(_COPYRIGHT.match(line.body, 0, LINE_CHARS) or _LICENCE.match(line.body, 0, LINE_CHARS))
        for line, kept in zip(comment.lines, directive, strict=True)
    ]
    if not anchored and not any(starts):
        return None
    notice = [False] * len(bodies)
    paragraph: list[int] = []
    for index in range(len(bodies) + 1):
        if index < len(bodies) and not blank[index] and not directive[index]:
            paragraph.append(index)
            continue
        _mark(paragraph, bodies, starts, notice)
        paragraph = []
    return _render(comment, blank, notice) if any(notice) else None


def _mark(paragraph: list[int], bodies: list[str], starts: list[bool], notice: list[bool]) -> None:
    """Mark the lines of one paragraph that belong to the notice."""
    before_start = list(itertools.takewhile(lambda index: not starts[index], paragraph))
    vocabulary = _VOCABULARY.findall(" ".join(bodies[index] for index in before_start))
    inside = len({word.lower() for word in vocabulary}) >= 2
    for index in paragraph:
        if starts[index]:
            inside = True
        elif inside and _LABEL.match(bodies[index]) and not _LEGAL_LABEL.match(bodies[index].lstrip("@\\")):
            inside = False
        notice[index] = inside


def _render(comment: Comment, blank: list[bool], notice: list[bool]) -> list[str]:
    """The comment without its notice lines and without the blank lines that they leave behind."""
    last = len(notice) - 1
    if all(empty or removed for empty, removed in zip(blank, notice, strict=True)):
        return []
    edges = (0, last) if comment.opener else ()
    fixed = [index for index in range(last + 1) if index in edges or not (blank[index] or notice[index])]
    keep = set(fixed)
    for above, below in itertools.pairwise([-1, *fixed, last + 1]):
        between = range(above + 1, below)
        blanks = [index for index in between if blank[index]]
        if any(notice[index] for index in range(max(above, 0), min(below, last) + 1)):
            inner = above >= 0 and below <= last and not any(blank[i] or notice[i] for i in (above, below))
            blanks = blanks[: int(inner)]  # one blank line between two paragraphs that stay
        keep.update(blanks)
    return [
        _markup(line, index, last) if notice[index] else line.source
        for index, line in enumerate(comment.lines)
        if index in keep
    ]


def _markup(line: CommentLine, index: int, last: int) -> str:
    """The opener or closer of a block comment, of a first or last line whose text goes."""
    if index < last:
        return line.before.rstrip() + "\n"
    return " " * line.after.startswith("*/") + line.after
