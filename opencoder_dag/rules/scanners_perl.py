"""The compiled scanner of Perl comments: # to the end of the line, and documentation from =word to =cut."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from opencoder_dag.rules.scanners_literals import BACKSLASH, DOUBLE, NEWLINE, SINGLE, is_word, line_end

HASH, DOLLAR, PERCENT, SLASH, SEMICOLON, LESS, EQUAL, AT, BACKTICK = 35, 36, 37, 47, 59, 60, 61, 64, 96
PATIENCE = 20  # literals that may fail to close before no more are looked for
_CUT = np.frombuffer(b"\n=cut", np.uint8)
_END = np.frombuffer(b"__END__", np.uint8)
_SUB = np.frombuffer(b"sub", np.uint8)
# After $: a variable of the interpreter, where no name follows.
_SPECIAL = np.zeros(128, np.bool_)
_SPECIAL[[ord(mark) for mark in "\\\"[]'&`+*.,;=%~?@$!<>(^|/-"]] = True
# After s or m: what may delimit the pattern.
_DELIMITERS = np.zeros(128, np.bool_)
_DELIMITERS[[ord(mark) for mark in "/!@%{<[($\\"]] = True


@njit(cache=True, nogil=True)
def _find(codes: Any, text: Any, position: int) -> int:
    """Where a text occurs next, or -1."""
    for start in range(position, len(codes) - len(text) + 1):
        same = True
        for index in range(len(text)):
            if codes[start + index] != text[index]:
                same = False
                break
        if same:
            return start
    return -1


@njit(cache=True, nogil=True)
def _closer(code: Any) -> Any:
    """What closes a pattern that a character opens."""
    if code == 40:
        return 41
    return code + 2 if code in (60, 91, 123) else code


@njit(cache=True, nogil=True)
def _after_closer(codes: Any, position: int, closer: Any, opener: Any, one_line: bool) -> int:
    """The position after the unescaped `closer`, with nested pairs where `opener` is another; -1 if none."""
    size = len(codes)
    depth = 1
    while position < size:
        code = codes[position]
        if code == BACKSLASH and closer != BACKSLASH:
            position += 2
            continue
        if code == closer:
            depth -= 1
            if depth == 0:
                return position + 1
        elif code == opener:
            depth += 1
        elif one_line and code == NEWLINE:
            return -1
        position += 1
    return -1


@njit(cache=True, nogil=True)
def _after_quote_like(codes: Any, start: int, end: int) -> int:
    """The position after q{}, qw(), m//, s{}{} and the like whose word lies in start:end.

    0 if it is none of them, -1 if it never closes.
    """
    size = len(codes)
    if end >= size:
        return 0
    opener = codes[end]
    first = codes[start]
    length = end - start
    quotes = first == 113 and (length == 1 or (length == 2 and codes[start + 1] in (113, 119, 114, 120)))
    if quotes:
        if opener <= 32 or opener in (44, 59, 61):
            return 0
        closer = _closer(opener)
        return _after_closer(codes, end + 1, closer, opener if closer != opener else 0, False)
    if length != 1 or first not in (109, 115) or opener >= 128 or not _DELIMITERS[opener]:
        return 0
    closer = _closer(opener)
    end = _after_closer(codes, end + 1, closer, 0, first == 109 and opener == SLASH)
    if end < 0 or first == 109:
        return end
    if closer != opener:  # the second half has delimiters of its own
        while end < size and codes[end] <= 32:
            end += 1
        if end >= size or codes[end] >= 128 or not _DELIMITERS[codes[end]]:
            return end
        closer = _closer(codes[end])
        end += 1
    return _after_closer(codes, end, closer, 0, False)


@njit(cache=True, nogil=True)
def _after_heredoc(codes: Any, position: int) -> int:
    """The position after a heredoc whose << is here and whose tag ends its line; 0 if none, -1 if endless."""
    size = len(codes)
    start = position + 2
    quote = 0
    if start < size and codes[start] in (SINGLE, DOUBLE):
        quote = codes[start]
        start += 1
    end = start
    while end < size and is_word(codes[end]):
        end += 1
    tag = codes[start:end]
    if len(tag) == 0:
        return 0
    if quote:
        if end >= size or codes[end] != quote:
            return 0
        end += 1
    if end < size and codes[end] == SEMICOLON:
        end += 1
    if end >= size or codes[end] != NEWLINE:
        return 0
    while True:
        found = _find(codes, tag, end + 1)
        if found < 0:
            return -1
        end = found
        after = found + len(tag)
        if codes[found - 1] == NEWLINE and (after >= size or codes[after] == NEWLINE):
            return after


@njit(cache=True, nogil=True)
def perl_comments(codes: Any) -> Any:
    """[C] uint8, 1 in comments."""
    size = len(codes)
    mask = np.zeros(size, np.uint8)
    position = 0
    # What failed to close once is not searched for again, so that no text costs more than a few passes.
    no_cut = False
    hopeless = np.zeros(128, np.bool_)  # quotes, by character
    failures = 0  # of quote-like words and heredocs
    no_regex_before = 0
    while position < size:
        code = codes[position]
        if code == HASH:
            end = line_end(codes, position)
            mask[position:end] = 1
            position = end
        elif code == EQUAL and not no_cut and (position == 0 or codes[position - 1] == NEWLINE):
            end = position + 1
            while end < size and is_word(codes[end]):
                end += 1
            if end == position + 1 or end >= size or codes[end] > 32:
                position += 1
                continue
            cut = _find(codes, _CUT, end)
            no_cut = cut < 0
            if cut >= 0:
                mask[position : cut + len(_CUT)] = 1
                position = cut + len(_CUT)
            else:
                position += 1
        elif code in (DOLLAR, AT, PERCENT):
            after = codes[position + 1] if position + 1 < size else 0
            named = position + 2 < size and is_word(codes[position + 2])
            if code == DOLLAR and after < 128 and _SPECIAL[after] and not named:
                position += 2
                continue
            while position < size and codes[position] in (DOLLAR, AT, PERCENT, HASH):
                position += 1
            while position < size and not (is_word(codes[position]) or codes[position] in (123, 41, 44, 58)):
                position += 1
            while position < size and (is_word(codes[position]) or codes[position] == 58):
                position += 1
        elif code in (SINGLE, DOUBLE, BACKTICK):
            end = -1 if hopeless[code] else _after_closer(codes, position + 1, code, 0, False)
            hopeless[code] = end < 0
            position = end if end >= 0 else position + 1
        elif code == SLASH:
            end = _after_closer(codes, position + 1, code, 0, True) if position >= no_regex_before else -1
            if end < 0 and position >= no_regex_before:
                no_regex_before = line_end(codes, position)
            position = end if end >= 0 else position + 1
        elif code == LESS and position + 1 < size and codes[position + 1] == LESS:
            end = _after_heredoc(codes, position) if failures < PATIENCE else 0
            failures += end < 0
            position = max(end, position + 2)
        elif is_word(code):
            start = position
            while position < size and (is_word(codes[position]) or codes[position] == 58):
                position += 1
            if position - start == len(_END) and _find(codes[start:position], _END, 0) == 0:
                break
            if position - start == len(_SUB) and _find(codes[start:position], _SUB, 0) == 0:
                position = _after_sub(codes, position)
            elif position - start <= 2 and failures < PATIENCE:
                end = _after_quote_like(codes, start, position)
                failures += end < 0
                position = max(end, position)
        else:
            position += 1
    return mask


@njit(cache=True, nogil=True)
def _after_sub(codes: Any, position: int) -> int:
    """The position of the body of a function, or after its name where it has none."""
    size = len(codes)
    start = position
    while position < size and (codes[position] <= 32 or is_word(codes[position])):
        position += 1
    if position == start or position >= size or codes[position] == SEMICOLON:
        return position
    end = position
    while end < size and codes[end] not in (123, SEMICOLON):
        end += 1
    return end
