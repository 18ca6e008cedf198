"""Heads: what opens a line of code, told by the words it starts with and without a syntax tree.

Belongs here: lines by their first word, and the heads of methods and functions. The kernels look at every
line once; a regular expression is tried only where the first word says that it may match.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from opencoder_dag.rules.characters import SPACE, WORD, Codes, class_table, codes_of

BLANK, TAB, NEWLINE, OPEN, CLOSE, STAR, LESS, GREATER = 32, 9, 10, 40, 41, 42, 60, 62
CAPITAL = -1  # index of a line whose first word starts with an ASCII capital and is no listed word

Keys = npt.NDArray[np.uint64]


class Openers:
    """Counts the lines that open with one of some words, and match that word's pattern where it has one.

    Blanks and tabs before the word do not count; a pattern is matched from the word on. `capitalised` is the
    pattern of all other lines whose first word starts with an ASCII capital.
    """

    def __init__(
        self, patterns: Mapping[str, re.Pattern[str] | None], capitalised: re.Pattern[str] | None = None
    ) -> None:
        self._keys = keys_of(tuple(patterns))
        self._patterns = [*patterns.values(), capitalised]  # CAPITAL is the last
        self._capitals = capitalised is not None

    def count(self, text: str, codes: Codes) -> int:
        """Number of such lines in a text, given also as its code points."""
        found = _openers(codes, class_table(codes), self._keys, self._capitals)
        total = 0
        for index, start in found.tolist():
            pattern = self._patterns[index]
            total += pattern is None or pattern.match(text, start) is not None
        return total


def keys_of(words: Sequence[str]) -> Keys:
    """The keys by which the kernels know words."""
    return np.array([_key(codes, 0, len(codes)) for codes in map(codes_of, words)], np.uint64)


def method_heads(codes: Codes, modifiers: Keys, excluded: Keys, generics: bool) -> int:
    """Lines that open with modifiers, type parameters (`generics`), a type, a name and a list in brackets.

    Matches, line by line, of
    `[ \\t]*(?!EXCLUDED\\b)(?:MODIFIER[ \\t]+)*(?:<[^>\\n]+>[ \\t]*)?\\w+[ \\t]+\\w+[ \\t]*\\([^\\n]*\\)`.
    """
    return int(_method_heads(codes, class_table(codes), modifiers, excluded, generics))


def function_heads(codes: Codes) -> int:
    """A word, a name and a parenthesised list: definitions and declarations, but calls after a word as well.

    Matches of `\\b[a-zA-Z_]\\w*\\s*\\**\\s+\\**\\w+\\([^)]*\\)` from left to right.
    """
    return int(_function_heads(codes, class_table(codes)))


@njit(cache=True, nogil=True)
def _key(codes: Any, start: int, end: int) -> Any:
    key = np.uint64(0x9E3779B97F4A7C15)
    for position in range(start, end):
        key = (key ^ np.uint64(codes[position])) * np.uint64(0x100000001B3)
    return key


@njit(cache=True, nogil=True)
def _index(keys: Any, key: Any) -> int:
    for index in range(len(keys)):
        if keys[index] == key:
            return index
    return -1


@njit(cache=True, nogil=True)
def _after_blanks(codes: Any, position: int) -> int:
    while position < len(codes) and (codes[position] == BLANK or codes[position] == TAB):
        position += 1
    return position


@njit(cache=True, nogil=True)
def _after_word(codes: Any, classes: Any, position: int) -> int:
    while position < len(codes) and classes[codes[position]] & WORD:
        position += 1
    return position


@njit(cache=True, nogil=True)
def _line_end(codes: Any, position: int) -> int:
    while position < len(codes) and codes[position] != NEWLINE:
        position += 1
    return position


@njit(cache=True, nogil=True)
def _openers(codes: Any, classes: Any, keys: Any, capitals: bool) -> Any:
    """[L, 2] index of the word (or CAPITAL) and where it starts, for every line that counts."""
    size = len(codes)
    found = np.empty((64, 2), np.int64)
    total = 0
    position = 0
    while position < size:
        start = _after_blanks(codes, position)
        end = _after_word(codes, classes, start)
        if end > start:
            index = _index(keys, _key(codes, start, end))
            if index >= 0 or (capitals and 65 <= codes[start] <= 90):
                if total == len(found):
                    found = np.concatenate((found, np.empty((total, 2), np.int64)))
                found[total, 0] = index if index >= 0 else CAPITAL
                found[total, 1] = start
                total += 1
        position = _line_end(codes, end) + 1
    return found[:total]


@njit(cache=True, nogil=True)
def _is_method_head(
    codes: Any, classes: Any, position: int, modifiers: Any, excluded: Any, generics: bool
) -> bool:
    """Whether a method head stands here, at the first visible character of a line."""
    size = len(codes)
    words = 0  # so far, since the type parameters where there are any
    modified = 0  # how many of the first of them are modifiers
    blanks = 1
    may_modify = True
    while position < size:
        code = codes[position]
        if classes[code] & WORD:
            end = _after_word(codes, classes, position)
            key = _key(codes, position, end)
            if may_modify and words == 0 and _index(excluded, key) >= 0:
                return False
            if may_modify and modified == words and _index(modifiers, key) >= 0:
                modified += 1
            words += 1
            if words > modified + 2:
                return False
            position = _after_blanks(codes, end)
            blanks = position - end
            if blanks == 0 and position < size and codes[position] != OPEN:
                return False
        elif code == OPEN:
            if words < 2:
                return False
            while position < size and codes[position] != NEWLINE:
                if codes[position] == CLOSE:
                    return True
                position += 1
            return False
        elif code == LESS and generics and may_modify and modified == words and blanks > 0:
            end = position + 1
            while end < size and codes[end] != GREATER and codes[end] != NEWLINE:
                end += 1
            if end >= size or codes[end] == NEWLINE or end == position + 1:
                return False
            position = _after_blanks(codes, end + 1)
            words = modified = 0
            may_modify = False
        else:
            return False
    return False


@njit(cache=True, nogil=True)
def _method_heads(codes: Any, classes: Any, modifiers: Any, excluded: Any, generics: bool) -> int:
    heads = 0
    position = 0
    while position < len(codes):
        start = _after_blanks(codes, position)
        heads += _is_method_head(codes, classes, start, modifiers, excluded, generics)
        position = _line_end(codes, start) + 1
    return heads


@njit(cache=True, nogil=True)
def _function_heads(codes: Any, classes: Any) -> int:
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
        position = _after_word(codes, classes, position)
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
        gap = _after_word(codes, classes, gap)
        if gap == name or gap >= last_close or codes[gap] != OPEN:
            continue
        while codes[gap] != CLOSE:
            gap += 1
        heads += 1
        position = gap + 1
    return heads
