"""Code and comments apart: what is a comment in which language.

Belongs here: the choice of a splitter for a language, and the splitters that work line by line. Languages
with a scanner are split by a compiled kernel (`scanners` and its kin), all others by the Pygments lexer of
their name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from opencoder_dag.rules.characters import Codes, codes_of, text_of
from opencoder_dag.rules.scanners import comment_mask, parted
from opencoder_dag.rules.scanners_markup import html_comments
from opencoder_dag.rules.scanners_perl import perl_comments
from opencoder_dag.rules.scanners_python import python_comments
from opencoder_dag.rules.syntax import Syntax, syntax_of

Mask = npt.NDArray[np.uint8]
MaskMaker = Callable[[Codes], Mask]

LINE_MARKS = ("#", "//", "--")
BLOCK_MARKS = ("/*", "*/", '"""', "'''")


@dataclass
class Split:
    """A text without its comments, and its comments; `marks` are single # comments where a rule needs them.

    `code_codes` are the code points of `code`.
    """

    code: str
    comments: str
    code_codes: Codes
    marks: Sequence[str] = field(default=())


def split_comments(text: str, language: str, released: bool = False) -> Split:
    """Split a text by the comment syntax of its language.

    `released` falls back on the released filter's line parser for languages that Pygments does not name,
    which takes everything after a first line comment for comment; by default such a text is all code.
    """
    if language == "python":
        return _split_python(text)
    mask_of = _mask_maker(language)
    if mask_of is not None and not (released and not has_lexer(language)):
        return _split_by_mask(text, mask_of)
    if has_lexer(language):
        return _split_by_lexer(text, language)
    return _split_by_first_mark(text) if released else _of_texts(text, "")


def python_comment_characters(split: Split, docstrings: Sequence[str]) -> int:
    """Characters of docstrings and of # comments (less their marks), each on a line of its own."""
    comments = [mark[2:].replace("#", "") for mark in split.marks]
    comments = [comment for comment in comments if comment]
    joints = max(len(docstrings) - 1, 0) + max(len(comments) - 1, 0) + (2 if docstrings and comments else 0)
    return sum(map(len, docstrings)) + sum(map(len, comments)) + joints


def _split_python(text: str) -> Split:
    body = text.strip("\n") + "\n"
    codes = codes_of(body)
    mask, starts, ends = python_comments(codes, True)
    split = _split_at(body, codes, mask)
    split.marks = [body[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    return split


def _split_by_mask(text: str, mask_of: MaskMaker) -> Split:
    body = text.strip("\n") + "\n"
    codes = codes_of(body)
    return _split_at(body, codes, mask_of(codes))


def _split_at(text: str, codes: Codes, mask: Mask) -> Split:
    code, comments = parted(codes, mask)
    if not len(comments):
        return Split(text, "", codes)
    return Split(text_of(code), text_of(comments), code)


def _of_texts(code: str, comments: str) -> Split:
    return Split(code, comments, codes_of(code))


@cache
def _mask_maker(language: str) -> MaskMaker | None:
    """What finds the comments of a language, or None when no scanner knows it."""
    if language == "html":
        return _html_mask
    if language == "perl":
        return perl_comments
    if language in ("cython", "starlark"):  # the release leaves Cython's # comments in the code
        return lambda codes: python_comments(codes, language == "starlark")[0]
    syntax = syntax_of(language)
    return None if syntax is None else partial(_mask_by_syntax, syntax=syntax)


def _mask_by_syntax(codes: Codes, syntax: Syntax) -> Mask:
    mask: Mask = comment_mask(codes, *syntax.arrays)
    return mask


def _html_mask(codes: Codes) -> Mask:
    """Comments of the markup, and those of the scripts in it."""
    mask, scripts = html_comments(codes)
    script = syntax_of("javascript")
    for start, end in scripts.tolist():
        mask[start:end] = comment_mask(codes[start:end], *script.arrays) if script else 0
    return mask


@cache
def has_lexer(language: str) -> bool:
    """Whether Pygments has a lexer of this name."""
    return _lexer(language) is not None


@cache
def _lexer(language: str) -> Any:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language)
    except ClassNotFound:
        return None


def _split_by_lexer(text: str, language: str) -> Split:
    from pygments.token import Comment, String

    kinds = (Comment.Single, Comment.Multiline, String.Doc, Comment.Hashbang, Comment.Special)
    code: list[str] = []
    comments: list[str] = []
    for kind, piece in _lexer(language).get_tokens(text):
        (comments if kind in kinds else code).append(piece)
    return _of_texts("".join(code), "".join(comments))


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
    return _of_texts("\n".join(code), "\n".join(comments))
