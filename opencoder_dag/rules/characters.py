"""Code points and their classes: how a text becomes an array that kernels can scan.

Belongs here: the encoding of a text as an integer array (one element a code point) and the class tables
that every kernel shares. An ASCII text is an array of bytes with a table of 128 entries; any other text is
an array of 32-bit code points with a table of all of Unicode. Kernels are written once and compiled for
both.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Codes = npt.NDArray[Any]  # uint8 (ASCII) or uint32, one element a code point
Table = npt.NDArray[np.uint8]

# Bits of a class table (`count_classes` shifts them).
WORD = 1  # what `\w` matches
SPACE = 2  # what `\s` matches
ALPHA = 4
DIGIT = 8
UPPER = 16
LOWER = 32  # lower or title case

_TESTS = (
    (WORD, str.isalnum),  # and the underscore
    (SPACE, str.isspace),
    (ALPHA, str.isalpha),
    (DIGIT, str.isdigit),
    (UPPER, str.isupper),
    (LOWER, lambda c: c.islower() or (c.istitle() and not c.isupper())),
)


def codes_of(text: str) -> Codes:
    """The code points of a text: uint8 when it is ASCII, else uint32."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def text_of(codes: Codes) -> str:
    """The text of an array of code points; the inverse of `codes_of`."""
    if codes.dtype == np.uint8:
        return codes.tobytes().decode("ascii")
    return codes.tobytes().decode("utf-32-le", "surrogatepass")


@cache
def _classes(size: int) -> Table:
    characters = [chr(code) for code in range(size)]
    table = np.zeros(size, np.uint8)
    for bit, test in _TESTS:
        table |= np.fromiter(map(test, characters), bool, size).astype(np.uint8) * np.uint8(bit)
    table[ord("_")] |= WORD
    table.flags.writeable = False
    return table


def class_table(codes: Codes) -> Table:
    """The class bits of every code point that `codes` can hold (of all of Unicode unless it is ASCII)."""
    return _classes(128 if codes.dtype == np.uint8 else sys.maxunicode + 1)


@njit(cache=True, nogil=True)
def count_classes(codes: Any, classes: Any) -> Any:
    """Numbers of characters that are alphabetic, digits and blanks."""
    alpha = digit = space = np.int64(0)
    for code in codes:
        bits = np.int64(classes[code])
        alpha += (bits >> 2) & 1
        digit += (bits >> 3) & 1
        space += (bits >> 1) & 1
    return alpha, digit, space
