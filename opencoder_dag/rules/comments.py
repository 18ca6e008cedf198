"""Code and comments apart: what is a comment in which language.

Belongs here: the choice of a splitter for a language, and the splitters that work line by line. Languages
with a scanner are split by a compiled kernel (`scanners`), all others by the Pygments lexer of their name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from opencoder_dag.rules.characters import codes_of, text_of
from opencoder_dag.rules.scanners import comment_mask, python_comments
from opencoder_dag.rules.syntax import Syntax, syntax_of

LINE_MARKS = ("#", "//", "--")
BLOCK_MARKS = ("/*", "*/", '"""', "'''")


@dataclass(frozen=True)
class Split:
    """A text without its comments, and its comments; `marks` are single comments where a rule needs them."""

    code: str
    comments: str
    marks: Sequence[str] = field(default=())


def split_comments(text: str, language: str, released: bool = False) -> Split:
    """Split a text by the comment syntax of its language.

    `released` falls back on the released filter's line parser for languages that Pygments does not name,
    which takes everything after a first line comment for comment; by default such a text is all code.
    """
    if language == "python":
        return _split_python(text)
    syntax = syntax_of(language)
    if syntax is not None and not (released and _lexer(language) is None):
        return _split_by_syntax(text, syntax)
    lexer = _lexer(language)
    if lexer is not None:
        return _split_by_lexer(text, lexer)
    return _split_by_first_mark(text) if released else Split(text, "")


def python_comment_characters(split: Split, docstrings: Sequence[str]) -> int:
    """Characters of docstrings and of # comments (less their marks), each on a line of its own."""
    comments = [mark[2:].replace("#", "") for mark in split.marks]
    comments = [comment for comment in comments if comment]
    joints = max(len(docstrings) - 1, 0) + max(len(comments) - 1, 0) + (2 if docstrings and comments else 0)
    return sum(map(len, docstrings)) + sum(map(len, comments)) + joints


def _split_python(text: str) -> Split:
    body = text.strip("\n") + "\n"
    codes = codes_of(body)
    mask, starts, ends = python_comments(codes)
    return Split(
        code=text_of(codes[mask == 0]),
        comments=text_of(codes[mask != 0]),
        marks=[body[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)],
    )


def _split_by_syntax(text: str, syntax: Syntax) -> Split:
    codes = codes_of(text.strip("\n") + "\n")
    mask = comment_mask(codes, *syntax.arrays)
    return Split(code=text_of(codes[mask == 0]), comments=text_of(codes[mask != 0]))


@cache
def _lexer(language: str) -> Any:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language)
    except ClassNotFound:
        return None


def _split_by_lexer(text: str, lexer: Any) -> Split:
    from pygments.token import Comment, String

    kinds = (Comment.Single, Comment.Multiline, String.Doc, Comment.Hashbang, Comment.Special)
    code: list[str] = []
    comments: list[str] = []
    for kind, piece in lexer.get_tokens(text):
        (comments if kind in kinds else code).append(piece)
    return Split("".join(code), "".join(comments))


def _split_by_first_mark(text: str) -> Split:
    """The released line parser: comment from a first mark to a line that starts or ends with a block mark."""
    code: list[str] = []
    comments: list[str] = []
    inside = False
    for line in text.split("\n"):
        bare = line.strip()
        if inside:
            comments.append(line)
            inside = not (bare.startswith(BLOCK_MARKS) or bare.endswith(BLOCK_MARKS))
        elif bare.startswith((*LINE_MARKS, *BLOCK_MARKS)):
            inside = True
            comments.append(line)
        else:
            code.append(line)
    return Split("\n".join(code), "\n".join(comments))
