"""String literals and encoded data, found by the shape of the text rather than by its language.

Belongs here: the scanners for quoted strings (as OpenCoder's rules see them: shortest match from left to
right, no escapes), hexadecimal words and runs of base64, hex bytes and unicode escapes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from opencoder_dag.rules.characters import SPACE, WORD, Codes, class_table

LONG_WORD = 20  # characters; longer words in strings count as encoded
LONG_LINE = 20  # words; longer lines in strings count as data
SINGLE, DOUBLE = 39, 34
NEWLINE = 10

# The three published patterns for encoded data (StarCoder2, section 3.1), matched by the kernels below:
#   base64   [a-zA-Z0-9+/\n=]{64,}
#   bytes    (?:\b(?:0x|\\x)?[0-9a-fA-F]{2}(?:,|\b\s*)){8,}
#   escapes  (?:\\u[0-9a-fA-F]{4}){8,}
BASE64_RUN = 64  # characters
UNITS = 8  # bytes or escapes
ENCODED_RUN = 1024  # characters
ENCODED_SHARE = 0.5

HEX_WORD = re.compile(r"\b0[xX][0-9a-fA-F]+\b")


@dataclass(frozen=True)
class Strings:
    """What the string literals of a text hold.

    `characters` and `long_word_characters` are of strings whose plain quotes close on the same line,
    `long_lines` of strings whose plain quotes may span lines.
    """

    characters: int
    long_word_characters: int
    long_lines: int


def strings_of(codes: Codes) -> Strings:
    """Measure the string literals of a text."""
    classes = class_table(codes)
    characters, long_words = _one_line_strings(codes, classes)
    return Strings(int(characters), int(long_words), int(_long_lines(codes, classes)))


def hex_characters(text: str) -> int:
    """Characters in hexadecimal literals such as 0x1F."""
    if "0x" not in text and "0X" not in text:
        return 0
    return sum(len(found) for found in HEX_WORD.findall(text))


def is_encoded(codes: Codes) -> bool:
    """Whether some run of encoded data is longer than 1024 characters, or all cover more than half."""
    longest, covered = _encoded_runs(codes, class_table(codes))
    return bool(longest > ENCODED_RUN or covered > ENCODED_SHARE * len(codes))


@njit(cache=True, nogil=True)
def _is_hex(code: Any) -> bool:
    return 48 <= code <= 57 or 97 <= code <= 102 or 65 <= code <= 70


@njit(cache=True, nogil=True)
def _is_boundary(codes: Any, classes: Any, position: int) -> bool:
    """Whether a word starts or ends between this position and the one before."""
    before = position > 0 and classes[codes[position - 1]] & WORD != 0
    after = position < len(codes) and classes[codes[position]] & WORD != 0
    return bool(before != after)


@njit(cache=True, nogil=True)
def _after_byte(codes: Any, classes: Any, position: int) -> int:
    """The position after a hexadecimal byte and its separator, or -1."""
    size = len(codes)
    if not _is_boundary(codes, classes, position):
        return -1
    if position + 1 < size and codes[position + 1] == 120 and codes[position] in (48, 92):  # 0x or \\x
        position += 2
    if position + 1 >= size or not (_is_hex(codes[position]) and _is_hex(codes[position + 1])):
        return -1
    position += 2
    if position < size and codes[position] == 44:
        return position + 1
    if not _is_boundary(codes, classes, position):
        return -1
    while position < size and classes[codes[position]] & SPACE:
        position += 1
    return position


@njit(cache=True, nogil=True)
def _after_escape(codes: Any, position: int) -> int:
    """The position after an escape such as \\u0041, or -1."""
    if position + 6 > len(codes) or codes[position] != 92 or codes[position + 1] != 117:
        return -1
    for index in range(position + 2, position + 6):
        if not _is_hex(codes[index]):
            return -1
    return position + 6


@njit(cache=True, nogil=True)
def _encoded_runs(codes: Any, classes: Any) -> Any:
    """Longest run of any of the three patterns, and characters in all their runs."""
    size = len(codes)
    longest = 0
    covered = 0
    run = 0
    for position in range(size + 1):
        if position < size:
            code = codes[position]
            if (
                97 <= code <= 122
                or 65 <= code <= 90
                or 47 <= code <= 57  # digits and the slash
                or code == NEWLINE
                or code == 43
                or code == 61
            ):
                run += 1
                continue
        if run >= BASE64_RUN:
            longest = max(longest, run)
            covered += run
        run = 0
    for pattern in range(2):
        position = 0
        while position < size:
            code = codes[position]
            if code != 92 and (
                pattern == 1 or not _is_hex(code) or (position > 0 and classes[codes[position - 1]] & WORD)
            ):
                position += 1
                continue
            end = position
            units = 0
            while end < size:
                after = _after_byte(codes, classes, end) if pattern == 0 else _after_escape(codes, end)
                if after < 0:
                    break
                end = after
                units += 1
            if units >= UNITS:
                longest = max(longest, end - position)
                covered += end - position
                position = end
            else:
                position += 1
    return longest, covered


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
def _one_line_strings(codes: Any, classes: Any) -> Any:
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
def _long_lines(codes: Any, classes: Any) -> int:
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
