"""Compiled scanners that tell comments from code: one pass over the code points, no syntax tree."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

NEWLINE, HASH, BACKSLASH, SINGLE, DOUBLE = 10, 35, 92, 39, 34


@njit(cache=True, nogil=True)
def _is_triple(codes: Any, position: int, quote: int) -> bool:
    return (
        position + 2 < len(codes)
        and codes[position] == quote
        and codes[position + 1] == quote
        and codes[position + 2] == quote
    )


@njit(cache=True, nogil=True)
def _is_prefix(code: int) -> bool:
    """Letters that may stand before a docstring: r, u, b."""
    return code == 114 or code == 82 or code == 117 or code == 85 or code == 98 or code == 66


@njit(cache=True, nogil=True)
def python_comments(codes: Any) -> Any:
    """Comments of a Python text: a mask ([C] uint8, 1 in comments and docstrings), and where # comments are.

    A triple-quoted string that opens a line counts as a docstring, wherever the line is.
    """
    size = len(codes)
    mask = np.zeros(size, np.uint8)
    starts = np.empty(16, np.int64)
    ends = np.empty(16, np.int64)
    found = 0
    position = 0
    opens_line = True
    no_triple = np.zeros(2, np.bool_)  # nothing closes such a docstring any more
    while position < size:
        code = codes[position]
        if code == NEWLINE:
            opens_line = True
            position += 1
            continue
        if code == HASH:
            start = position
            while position < size and codes[position] != NEWLINE:
                mask[position] = 1
                position += 1
            if found == len(starts):
                starts = np.concatenate((starts, np.empty(found, np.int64)))
                ends = np.concatenate((ends, np.empty(found, np.int64)))
            starts[found] = start
            ends[found] = position
            found += 1
            continue
        if code == 32 or code == 9 or code == 12:
            position += 1
            continue
        if opens_line:
            opens_line = False
            quote_at = position
            while quote_at < size and quote_at < position + 2 and _is_prefix(codes[quote_at]):
                quote_at += 1
            if quote_at < size and (codes[quote_at] == SINGLE or codes[quote_at] == DOUBLE):
                quote = codes[quote_at]
                kind = 0 if quote == SINGLE else 1
                if _is_triple(codes, quote_at, quote) and not no_triple[kind]:
                    end = quote_at + 3
                    while end < size and not _is_triple(codes, end, quote):
                        end += 1
                    if end < size:
                        for index in range(quote_at, end + 3):
                            mask[index] = 1
                        position = end + 3
                        continue
                    no_triple[kind] = True
        if code in (SINGLE, DOUBLE):
            position = _after_string(codes, position)
            continue
        position += 1
    return mask, starts[:found].copy(), ends[:found].copy()


@njit(cache=True, nogil=True)
def _after_string(codes: Any, position: int) -> int:
    """The position after the Python string that opens here; a plain one ends with its line at the latest."""
    size = len(codes)
    quote = codes[position]
    triple = _is_triple(codes, position, quote)
    position += 3 if triple else 1
    while position < size:
        code = codes[position]
        if code == BACKSLASH:
            position += 2
        elif code == quote and not triple:
            return position + 1
        elif code == quote and _is_triple(codes, position, quote):
            return position + 3
        elif code == NEWLINE and not triple:
            return position
        else:
            position += 1
    return size
