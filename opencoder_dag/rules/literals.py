"""Literals, found by the shape of the text rather than by its language.

Belongs here: the scanners for quoted strings (as OpenCoder's rules see them: shortest match from left to
right, no escapes) and hexadecimal numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from opencoder_dag.rules.characters import SPACE, WORD, Codes, class_table

LONG_WORD = 20  # characters; longer words in strings count as encoded
LONG_LINE = 20  # words; longer lines in strings count as data
SINGLE, DOUBLE = 39, 34
NEWLINE, PLUS = 10, 43


def hex_characters(text: str, codes: Codes) -> int:
    """Characters in hexadecimal literals such as 0x1F, in a text given also as its code points."""
    if "0x" not in text and "0X" not in text:
        return 0
    return int(_hex_characters(codes, class_table(codes)))


def concatenation_lines(codes: Codes) -> npt.NDArray[np.int64]:
    """[L, 2] start and end of the lines with a plus sign between quotes, blanks around it apart."""
    found: npt.NDArray[np.int64] = _concatenation_lines(codes, class_table(codes))
    return found


@njit(cache=True, nogil=True)
def _concatenation_lines(codes: Any, classes: Any) -> Any:
    size = len(codes)
    found = np.empty((8, 2), np.int64)
    total = 0
    line = 0
    quoted = False  # the last visible character of the line is a quote
    position = 0
    while position < size:
        code = codes[position]
        if code == NEWLINE:
            line = position + 1
            quoted = False
        elif code == PLUS and quoted:
            after = position + 1
            while after < size and codes[after] != NEWLINE and classes[codes[after]] & SPACE:
                after += 1
            if after < size and codes[after] in (SINGLE, DOUBLE):
                while after < size and codes[after] != NEWLINE:
                    after += 1
                if total == len(found):
                    found = np.concatenate((found, np.empty((total, 2), np.int64)))
                found[total, 0] = line
                found[total, 1] = after
                total += 1
                position = after
                continue
            quoted = False
        elif code in (SINGLE, DOUBLE):
            quoted = True
        elif quoted and not classes[code] & SPACE:
            quoted = False
        position += 1
    return found[:total]


@njit(cache=True, nogil=True)
def _hex_characters(codes: Any, classes: Any) -> int:
    """Characters of the matches of `\\b0[xX][0-9a-fA-F]+\\b`."""
    size = len(codes)
    total = 0
    position = 0
    while position < size:
        if not classes[codes[position]] & WORD:
            position += 1
            continue
        start = position
        digits = position + 2 < size and codes[position] == 48 and codes[position + 1] in (88, 120)
        while position < size and classes[codes[position]] & WORD:
            code = codes[position]
            if position >= start + 2:
                digits = digits and (48 <= code <= 57 or 97 <= code <= 102 or 65 <= code <= 70)
            position += 1
        if digits and position >= start + 3:
            total += position - start
    return total


@njit(cache=True, nogil=True)
def _closing(codes: Any, start: int, quote: int, triple: bool, one_line: bool) -> int:
    """Where the closing quote of a string begins, or -1."""
    size = len(codes)
    for position in range(start, size):
        code = codes[position]
        if code == quote:
            if not triple:
                return position
            if position + 2 < size and codes[position + 1] == quote and codes[position + 2] == quote:
                return position
        elif one_line and code == NEWLINE:
            return -1
    return -1


@njit(cache=True, nogil=True)
def _next_string(codes: Any, start: int, one_line: bool, hopeless: Any) -> Any:
    """Bounds of the inside of the next string and the position after it; start < 0 if there is none.

    `hopeless` remembers, by quote and kind, that nothing closes any more, so that no text is searched twice.
    """
    size = len(codes)
    position = start
    while position < size:
        code = codes[position]
        if code in (SINGLE, DOUBLE):
            kind = 0 if code == SINGLE else 1
            if (
                not hopeless[kind]
                and position + 2 < size
                and codes[position + 1] == code
                and codes[position + 2] == code
            ):
                end = _closing(codes, position + 3, code, True, False)
                if end >= 0:
                    return position + 3, end, end + 3
                hopeless[kind] = True
            if not hopeless[kind + 2]:
                end = _closing(codes, position + 1, code, False, one_line)
                if end >= 0:
                    return position + 1, end, end + 1
                if not one_line:
                    hopeless[kind + 2] = True
        position += 1
    return -1, -1, size


@njit(cache=True, nogil=True)
def count_string_characters(codes: Any, classes: Any) -> Any:
    """Characters inside strings that close on their line, and those of long words in them but links."""
    hopeless = np.zeros(4, np.bool_)
    characters = 0
    long_words = 0
    start, end, after = _next_string(codes, 0, True, hopeless)
    while start >= 0:
        characters += end - start
        length = 0
        linked = False
        for position in range(start, end + 1):
            if position == end or classes[codes[position]] & SPACE:
                if length > LONG_WORD and not linked:
                    long_words += length
                length = 0
                linked = False
            else:
                length += 1
                if (  # "://" after "http" or "https"
                    codes[position] == 58
                    and position + 2 < end
                    and codes[position + 1] == 47
                    and codes[position + 2] == 47
                    and length > 4
                    and _ends_in_http(codes, position)
                ):
                    linked = True
        start, end, after = _next_string(codes, after, True, hopeless)
    return characters, long_words


@njit(cache=True, nogil=True)
def _ends_in_http(codes: Any, end: int) -> bool:
    stop = end
    if stop >= 5 and codes[stop - 1] == 115:  # s
        stop -= 1
    return (
        stop >= 4
        and codes[stop - 4] == 104
        and codes[stop - 3] == 116
        and codes[stop - 2] == 116
        and codes[stop - 1] == 112
    )


@njit(cache=True, nogil=True)
def count_long_lines(codes: Any, classes: Any) -> int:
    """Lines of many words in strings, whose plain quotes may span lines."""
    hopeless = np.zeros(4, np.bool_)
    lines = 0
    start, end, after = _next_string(codes, 0, False, hopeless)
    while start >= 0:
        words = 0
        before = SPACE
        for position in range(start, end + 1):
            if position == end or codes[position] == NEWLINE:
                if words > LONG_LINE:
                    lines += 1
                words = 0
                before = SPACE
                continue
            flags = classes[codes[position]] & (WORD | SPACE)
            if flags != before and flags != SPACE:
                words += 1
            before = flags
        start, end, after = _next_string(codes, after, False, hopeless)
    return lines
