"""Compiled scanners of literals: where a string, a regular expression or a block of text ends.

Belongs here: what the comment scanners must step over, one function a kind of literal. Each takes the
position where the literal opens.
"""

from __future__ import annotations

from typing import Any

from numba import njit

NEWLINE, BACKSLASH, SINGLE, DOUBLE, DASH = 10, 92, 39, 34, 45


@njit(cache=True, nogil=True)
def is_word(code: Any) -> bool:
    """Whether a character may be part of a name."""
    return 97 <= code <= 122 or 65 <= code <= 90 or 48 <= code <= 57 or code == 95 or code >= 128


@njit(cache=True, nogil=True)
def line_end(codes: Any, position: int) -> int:
    """The position of the newline that ends the line, or the size."""
    while position < len(codes) and codes[position] != NEWLINE:
        position += 1
    return position


@njit(cache=True, nogil=True)
def is_triple(codes: Any, position: int, quote: int) -> bool:
    """Whether three such quotes stand here."""
    return (
        position + 2 < len(codes)
        and codes[position] == quote
        and codes[position + 1] == quote
        and codes[position + 2] == quote
    )


@njit(cache=True, nogil=True)
def after_string(codes: Any, position: int) -> int:
    """The position after the Python string that opens here; a plain one ends with its line at the latest."""
    size = len(codes)
    quote = codes[position]
    triple = is_triple(codes, position, quote)
    position += 3 if triple else 1
    while position < size:
        code = codes[position]
        if code == BACKSLASH:
            position += 2
        elif code == quote and not triple:
            return position + 1
        elif code == quote and is_triple(codes, position, quote):
            return position + 3
        elif code == NEWLINE and not triple:
            return position
        else:
            position += 1
    return size


@njit(cache=True, nogil=True)
def after_quoted(codes: Any, position: int, kind: int, triple: bool) -> int:
    """The position after the literal that opens here; kinds as in `syntax`."""
    size = len(codes)
    quote = codes[position]
    if kind == 4:  # a single character
        if position + 2 < size and codes[position + 1] != BACKSLASH:
            closes = codes[position + 2] == quote and codes[position + 1] != NEWLINE
            return position + 3 if closes else position + 1
        end = position + 3
        while end < size and end < position + 12 and codes[end] != quote and codes[end] != NEWLINE:
            end += 1
        return end + 1 if end < size and codes[end] == quote else position + 1
    if triple and quote == DOUBLE and is_triple(codes, position, quote):
        return after_string(codes, position)
    position += 1
    while position < size:
        code = codes[position]
        if code == quote:
            return position + 1
        if code == BACKSLASH and kind != 3:
            position += 2
            continue
        if code == NEWLINE and kind == 1:
            return position
        position += 1
    return size


@njit(cache=True, nogil=True)
def after_regex(codes: Any, position: int) -> int:
    """The position after a /regular expression/ that opens here, or 0 if none does."""
    size = len(codes)
    inside_class = False
    start = position
    position += 1
    while position < size and codes[position] != NEWLINE:
        code = codes[position]
        if code == BACKSLASH:
            position += 2
            continue
        if code == 91:
            inside_class = True
        elif code == 93:
            inside_class = False
        elif code == 47 and not inside_class:
            return position + 1 if position > start + 1 else 0
        position += 1
    return 0


@njit(cache=True, nogil=True)
def is_keyword(codes: Any, start: int, end: int) -> bool:
    """Whether a word is one after which an operand stands: return, case, in, of and the like."""
    length = end - start
    first, second = codes[start], codes[start + 1] if length > 1 else 0
    if length == 2:  # in, of, do, if
        return (first == 105 and second == 110) or (first == 111 and second == 102) or (first == 100)
    if length == 6:  # return, typeof, delete
        return (first == 114 and second == 101) or (first == 116 and second == 121) or (first == 100)
    if length == 4:  # case, else, void
        return (first == 99 and second == 97) or (first == 101 and second == 108) or (first == 118)
    return length == 5 and first == 116 and second == 104  # throw


@njit(cache=True, nogil=True)
def after_delimited(codes: Any, position: int) -> int:
    """The position after the raw string of C++ whose quote is here, or 0 if it is none."""
    size = len(codes)
    start = position + 1
    open_at = start
    while open_at < size and open_at < start + 17 and codes[open_at] != 40:
        if codes[open_at] == NEWLINE or codes[open_at] == 32 or codes[open_at] == DOUBLE:
            return 0
        open_at += 1
    if open_at >= size or codes[open_at] != 40:
        return 0
    length = open_at - start
    for end in range(open_at + 1, size - length - 1):
        if codes[end] == 41 and codes[end + length + 1] == DOUBLE:
            same = True
            for index in range(length):
                if codes[end + 1 + index] != codes[start + index]:
                    same = False
                    break
            if same:
                return end + length + 2
    return 0


@njit(cache=True, nogil=True)
def after_heredoc(codes: Any, position: int) -> int:
    """The position after the heredoc whose << is here, or 0 if it is none."""
    size = len(codes)
    start = position + 2
    if start < size and codes[start] == DASH:
        start += 1
    while start < size and (codes[start] == 32 or codes[start] == 9):
        start += 1
    if start < size and (codes[start] == SINGLE or codes[start] == DOUBLE or codes[start] == BACKSLASH):
        start += 1
    end = start
    while end < size and is_word(codes[end]):
        end += 1
    length = end - start
    if length == 0:
        return 0
    for found in range(end, size - length + 1):
        if codes[found] == codes[start]:
            same = True
            for index in range(1, length):
                if codes[found + index] != codes[start + index]:
                    same = False
                    break
            if same:
                return found + length
    return 0


@njit(cache=True, nogil=True)
def _indent(codes: Any, position: int) -> int:
    """Blanks at the start of a line; -1 for a line of blanks only."""
    start = position
    while position < len(codes) and codes[position] == 32:
        position += 1
    return -1 if position >= len(codes) or codes[position] == NEWLINE else position - start


@njit(cache=True, nogil=True)
def after_block_scalar(codes: Any, newline: int) -> int:
    """The newline before the first line that is indented no deeper than the line that ends here."""
    start = newline
    while start > 0 and codes[start - 1] != NEWLINE:
        start -= 1
    outer = _indent(codes, start)
    position = newline
    while position < len(codes):
        inner = _indent(codes, position + 1)
        if 0 <= inner <= outer:
            break
        position = line_end(codes, position + 1)
    return position + 1
