"""The compiled scanner that tells comments from code in most languages: one pass, no syntax tree."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from opencoder_dag.rules.scanners_literals import (
    BACKSLASH,
    DOUBLE,
    NEWLINE,
    SINGLE,
    after_block_scalar,
    after_delimited,
    after_heredoc,
    after_quoted,
    after_regex,
    is_keyword,
    is_word,
    line_end,
)

HASH = 35


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
            if is_word(code):
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
                position = after_block_scalar(codes, position)
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
            end = line_end(codes, position)
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
                or (word_end > 0 and is_word(previous) and is_keyword(codes, word_start, word_end))
            )
            end = after_regex(codes, position) if operand and position >= no_regex_before else 0
            if operand and end == 0 and position >= no_regex_before:
                no_regex_before = line_end(codes, position)
            previous = 41 if end else 47
            position = end if end else position + 1
            continue
        if code == 60 and features & 8 and position + 1 < size and codes[position + 1] == 60:
            here_string = position + 2 < size and codes[position + 2] == 60
            end = 0 if here_string or no_heredoc else after_heredoc(codes, position)
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
                end = after_delimited(codes, position)
                no_delimited = end == 0
            if code == DOUBLE and features & 4 and position > 0 and codes[position - 1] == 64:
                end = after_quoted(codes, position, 3, False)
            if features & 8 and code == SINGLE and position > 0 and codes[position - 1] == BACKSLASH:
                end = position + 1
            position = end if end else after_quoted(codes, position, kind, (features & 128) != 0)
            previous = 41
            continue
        previous = code
        position += 1
    return mask


@njit(cache=True, nogil=True)
def parted(codes: Any, mask: Any) -> Any:
    """The code points outside a mask, and those inside it."""
    size = len(codes)
    outside = np.empty(size + 1, codes.dtype)
    inside = np.empty(size + 1, codes.dtype)
    kept = 0
    for position in range(size):
        outside[kept] = codes[position]
        inside[position - kept] = codes[position]
        kept += mask[position] == 0
    return outside[:kept], inside[: size - kept]
