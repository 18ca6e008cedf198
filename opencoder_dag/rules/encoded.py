"""Encoded data: runs of base64, hexadecimal bytes and unicode escapes (StarCoder2, section 3.1).

The three published patterns, matched by the kernels below:

    base64   [a-zA-Z0-9+/\\n=]{64,}
    bytes    (?:\\b(?:0x|\\\\x)?[0-9a-fA-F]{2}(?:,|\\b\\s*)){8,}
    escapes  (?:\\\\u[0-9a-fA-F]{4}){8,}

Every match lies in a stretch of characters that its pattern allows, and has a least length n. The search for
such stretches looks at n characters from the last to the first, and goes on behind the first that is not
allowed, so that it reads few of them.
"""

from __future__ import annotations

import string
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from opencoder_dag.rules.characters import SPACE, WORD, Codes, class_table

BASE64, BYTES, ESCAPES, HEX = 1, 2, 4, 8  # bits: what a character may be part of
BASE64_RUN = 64  # characters
BYTES_RUN = 23  # characters: eight units of two digits, seven of them with a separator
ESCAPES_RUN = 48  # characters: eight units of six
UNITS = 8
ENCODED_RUN = 1024  # characters
ENCODED_SHARE = 0.5

COMMA, ZERO, BACKSLASH, LETTER_U, LETTER_X = 44, 48, 92, 117, 120


def is_encoded(text: str, codes: Codes) -> bool:
    """Whether some run of encoded data is longer than 1024 characters, or all cover more than half."""
    longest, covered = encoded_runs(text, codes)
    return bool(longest > ENCODED_RUN or covered > ENCODED_SHARE * len(codes))


def encoded_runs(text: str, codes: Codes) -> tuple[int, int]:
    """Length of the longest run of any of the three patterns, and characters in all their runs.

    Takes a text and its code points.
    """
    longest, covered = _encoded_runs(codes, class_table(codes), _kinds(), "\\u" in text)
    return int(longest), int(covered)


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """[128] what every ASCII character may be part of."""
    members = {
        BASE64: string.ascii_letters + string.digits + "+/\n=",
        BYTES: string.hexdigits + "x\\," + "".join(filter(str.isspace, map(chr, range(128)))),
        ESCAPES: string.hexdigits + "\\u",
        HEX: string.hexdigits,
    }
    kinds = np.zeros(128, np.uint8)
    for bit, characters in members.items():
        kinds[[ord(character) for character in characters]] |= bit
    return kinds


@njit(cache=True, nogil=True)
def _is_of(code: Any, classes: Any, kinds: Any, bit: int) -> bool:
    """Whether a character may be part of a pattern; beyond ASCII only blanks between bytes are."""
    if code < 128:
        return bool(kinds[code] & bit)
    return bit == BYTES and bool(classes[code] & SPACE)


@njit(cache=True, nogil=True)
def _next_stretch(codes: Any, classes: Any, kinds: Any, bit: int, least: int, position: int) -> Any:
    """Bounds of the next stretch of at least `least` allowed characters; the size twice if there is none."""
    size = len(codes)
    start = position
    while start + least <= size:
        last = start + least - 1
        while last >= start and _is_of(codes[last], classes, kinds, bit):
            last -= 1
        if last >= start:
            start = last + 1
            continue
        end = start + least
        while end < size and _is_of(codes[end], classes, kinds, bit):
            end += 1
        return start, end
    return size, size


@njit(cache=True, nogil=True)
def _is_boundary(codes: Any, classes: Any, position: int) -> bool:
    """Whether a word starts or ends between this position and the one before."""
    before = position > 0 and classes[codes[position - 1]] & WORD != 0
    after = position < len(codes) and classes[codes[position]] & WORD != 0
    return bool(before != after)


@njit(cache=True, nogil=True)
def _is_hex(code: Any, kinds: Any) -> bool:
    return code < 128 and bool(kinds[code] & HEX)


@njit(cache=True, nogil=True)
def _after_byte(codes: Any, classes: Any, kinds: Any, position: int) -> int:
    """The position after a hexadecimal byte and its separator, or -1."""
    size = len(codes)
    if not _is_boundary(codes, classes, position):
        return -1
    if position + 1 < size and codes[position + 1] == LETTER_X and codes[position] in (ZERO, BACKSLASH):
        position += 2
    if position + 1 >= size or not (_is_hex(codes[position], kinds) and _is_hex(codes[position + 1], kinds)):
        return -1
    position += 2
    if position < size and codes[position] == COMMA:
        return position + 1
    if not _is_boundary(codes, classes, position):
        return -1
    while position < size and classes[codes[position]] & SPACE:
        position += 1
    return position


@njit(cache=True, nogil=True)
def _after_escape(codes: Any, kinds: Any, position: int) -> int:
    """The position after an escape such as \\u0041, or -1."""
    if position + 6 > len(codes) or codes[position] != BACKSLASH or codes[position + 1] != LETTER_U:
        return -1
    for index in range(position + 2, position + 6):
        if not _is_hex(codes[index], kinds):
            return -1
    return position + 6


@njit(cache=True, nogil=True)
def _encoded_runs(codes: Any, classes: Any, kinds: Any, escapes: bool) -> Any:
    size = len(codes)
    longest = 0
    covered = 0
    start, end = _next_stretch(codes, classes, kinds, BASE64, BASE64_RUN, 0)
    while start < size:
        longest = max(longest, end - start)
        covered += end - start
        start, end = _next_stretch(codes, classes, kinds, BASE64, BASE64_RUN, end + 1)
    for bit, least in ((BYTES, BYTES_RUN), (ESCAPES, ESCAPES_RUN)):
        if bit == ESCAPES and not escapes:
            break
        start, end = _next_stretch(codes, classes, kinds, bit, least, 0)
        while start < size:
            position = start
            while position + least <= end:
                if not (_is_hex(codes[position], kinds) or codes[position] == BACKSLASH):
                    position += 1  # an indentation, most often
                    continue
                units = 0
                last = position
                while True:
                    if bit == BYTES:
                        after = _after_byte(codes, classes, kinds, last)
                    else:
                        after = _after_escape(codes, kinds, last)
                    if after < 0:
                        break
                    last = after
                    units += 1
                if units >= UNITS:
                    longest = max(longest, last - position)
                    covered += last - position
                    position = last
                else:
                    position += 1
            start, end = _next_stretch(codes, classes, kinds, bit, least, end + 1)
    return longest, covered
