"""Compiled scanners that tell comments from code: one pass over the code points, no syntax tree."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

NEWLINE, HASH, BACKSLASH, SINGLE, DOUBLE, DASH = 10, 35, 92, 39, 34, 45


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


@njit(cache=True, nogil=True)
def _stands(codes: Any, position: int, mark: Any) -> int:
    """Length of a zero-padded mark if it stands here, else 0."""
    length = 0
    while length < len(mark) and mark[length] != 0:
        if position + length >= len(codes) or codes[position + length] != mark[length]:
            return 0
        length += 1
    return length


@njit(cache=True, nogil=True)
def _is_word(code: Any) -> bool:
    return 97 <= code <= 122 or 65 <= code <= 90 or 48 <= code <= 57 or code == 95 or code >= 128


@njit(cache=True, nogil=True)
def _line_end(codes: Any, position: int) -> int:
    while position < len(codes) and codes[position] != NEWLINE:
        position += 1
    return position


@njit(cache=True, nogil=True)
def _after_quoted(codes: Any, position: int, kind: int, triple: bool) -> int:
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
    if triple and quote == DOUBLE and _is_triple(codes, position, quote):
        return _after_string(codes, position)
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
def _after_regex(codes: Any, position: int) -> int:
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
def _is_keyword(codes: Any, start: int, end: int) -> bool:
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
def _after_delimited(codes: Any, position: int) -> int:
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
def _after_heredoc(codes: Any, position: int) -> int:
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
    while end < size and _is_word(codes[end]):
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
def _after_block_scalar(codes: Any, newline: int) -> int:
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
        position = _line_end(codes, position + 1)
    return position + 1


@njit(cache=True, nogil=True)
def comment_mask(
    codes: Any, line: Any, openers: Any, closers: Any, quotes: Any, starts: Any, features: int
) -> Any:
    """[C] uint8, 1 in comments; tables and features as in `syntax.Syntax.arrays`."""
    size = len(codes)
    mask = np.zeros(size, np.uint8)
    position = 0
    previous = NEWLINE  # last visible character, or a newline where a line starts
    word_start = 0
    word_end = -1
    regexes = (features & 1) != 0
    interesting = np.zeros(128, np.bool_)
    interesting[:] = starts
    interesting[47] |= regexes
    interesting[60] |= (features & 8) != 0
    interesting[HASH] |= (features & 512) != 0
    interesting[NEWLINE] = True
    # What failed to close once is not searched for again, so that no text costs more than a few passes.
    open_ended = np.zeros(len(openers), np.bool_)
    no_regex_before = 0
    no_heredoc = False
    no_delimited = False
    while position < size:
        code = codes[position]
        if code >= 128 or not interesting[code]:
            if _is_word(code):
                if word_end != position:
                    word_start = position
                word_end = position + 1
                previous = code
            elif code != 32 and code != 9:
                previous = code
            position += 1
            continue
        if code == NEWLINE:
            if features & 2048 and previous in (124, 62):
                position = _after_block_scalar(codes, position)
                previous = NEWLINE
                continue
            previous = NEWLINE
            position += 1
            continue
        if features & 512 and code == HASH and previous == NEWLINE:
            # A directive: comments count in it, quotes do not, until its line (not continued) ends.
            position += 1
            while position < size and codes[position] != NEWLINE:
                if codes[position] == BACKSLASH:
                    position += 2
                    continue
                if codes[position] == 47 and position + 1 < size and codes[position + 1] in (47, 42):
                    break
                position += 1
            previous = HASH
            if position >= size or codes[position] == NEWLINE:
                continue
            code = codes[position]
        done = False
        for row in range(len(openers)):
            length = _stands(codes, position, openers[row])
            if length == 0 or open_ended[row]:
                continue
            depth = 1
            end = position + length
            while end < size and depth > 0:
                closed = _stands(codes, end, closers[row])
                if closed:
                    depth -= 1
                    end += closed
                elif features & 64 and _stands(codes, end, openers[row]):
                    depth += 1
                    end += length
                else:
                    end += 1
            if depth > 0:  # never closed: no comment
                open_ended[row] = True
                break
            mask[position:end] = 1
            position = end
            done = True
            break
        if done:
            continue
        for row in range(len(line)):
            length = _stands(codes, position, line[row])
            if length == 0:
                continue
            if features & 16 and position > 0:
                before = codes[position - 1]
                if before > 32 and before not in (59, 38, 124, 40, 41, 96):
                    continue
            if features & 32 and previous != NEWLINE:
                continue
            end = _line_end(codes, position)
            if features & 256 and end < size:
                end += 1
                previous = NEWLINE
            mask[position:end] = 1
            position = end
            done = True
            break
        if done:
            continue
        if code == 47 and regexes:
            operand = (
                previous == NEWLINE
                or previous
                in (40, 91, 123, 44, 59, 58, 61, 33, 38, 124, 63, 126, 94, 37, 42, 43, 45, 60, 62, 47)
                or (word_end > 0 and _is_word(previous) and _is_keyword(codes, word_start, word_end))
            )
            end = _after_regex(codes, position) if operand and position >= no_regex_before else 0
            if operand and end == 0 and position >= no_regex_before:
                no_regex_before = _line_end(codes, position)
            previous = 41 if end else 47
            position = end if end else position + 1
            continue
        if code == 60 and features & 8 and position + 1 < size and codes[position + 1] == 60:
            here_string = position + 2 < size and codes[position + 2] == 60
            end = 0 if here_string or no_heredoc else _after_heredoc(codes, position)
            no_heredoc |= not here_string and end == 0
            previous = code
            position = end if end else position + (3 if here_string else 2)
            continue
        kind = quotes[code]
        if kind and features & 1024 and position > 0:
            before = codes[position - 1]
            if before > 32 and before not in (91, 123, 44, 40):
                kind = 0
        if kind:
            end = 0
            if (
                code == DOUBLE
                and features & 2
                and position > 0
                and codes[position - 1] == 82
                and not no_delimited
            ):
                end = _after_delimited(codes, position)
                no_delimited = end == 0
            if code == DOUBLE and features & 4 and position > 0 and codes[position - 1] == 64:
                end = _after_quoted(codes, position, 3, False)
            if features & 8 and code == SINGLE and position > 0 and codes[position - 1] == BACKSLASH:
                end = position + 1
            position = end if end else _after_quoted(codes, position, kind, (features & 128) != 0)
            previous = 41
            continue
        previous = code
        position += 1
    return mask
