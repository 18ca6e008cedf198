"""The compiled scanner of Python comments and docstrings; Cython and Starlark are written the same way."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from opencoder_dag.rules.scanners_literals import DOUBLE, NEWLINE, SINGLE, after_string, is_triple, line_end

HASH = 35


@njit(cache=True, nogil=True)
def _is_prefix(code: int) -> bool:
    """Letters that may stand before a docstring: r, u, b."""
    return code == 114 or code == 82 or code == 117 or code == 85 or code == 98 or code == 66


@njit(cache=True, nogil=True)
def python_comments(codes: Any, hashes: bool) -> Any:
    """Comments of a Python text: a mask ([C] uint8, 1 in comments and docstrings), and where # comments are.

    A triple-quoted string that opens a line counts as a docstring, wherever the line is. Without `hashes` the
    # comments are not in the mask.
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
            position = line_end(codes, position)
            if hashes:
                mask[start:position] = 1
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
                if is_triple(codes, quote_at, quote) and not no_triple[kind]:
                    end = quote_at + 3
                    while end < size and not is_triple(codes, end, quote):
                        end += 1
                    if end < size:
                        for index in range(quote_at, end + 3):
                            mask[index] = 1
                        position = end + 3
                        continue
                    no_triple[kind] = True
        if code in (SINGLE, DOUBLE):
            position = after_string(codes, position)
            continue
        position += 1
    return mask, starts[:found].copy(), ends[:found].copy()
