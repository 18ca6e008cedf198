"""Compiled scanners for markup: what of an HTML text a reader would see, and where its comments are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

LESS, GREATER, BANG, DASH, SLASH, QUESTION, SINGLE, DOUBLE = 60, 62, 33, 45, 47, 63, 39, 34
# Lower-case names of elements whose content is not read.
_SCRIPT = np.frombuffer(b"script", np.uint8)
_STYLE = np.frombuffer(b"style", np.uint8)


@njit(cache=True, nogil=True)
def _lower(code: Any) -> Any:
    return code + 32 if 65 <= code <= 90 else code


@njit(cache=True, nogil=True)
def _is_name(codes: Any, position: int, name: Any) -> bool:
    """Whether an element name stands here, whatever its case, and ends here."""
    size = len(codes)
    if position + len(name) > size:
        return False
    for index in range(len(name)):
        if _lower(codes[position + index]) != name[index]:
            return False
    if position + len(name) == size:
        return True
    after = _lower(codes[position + len(name)])
    return not (97 <= after <= 122 or 48 <= after <= 57 or after == DASH)


@njit(cache=True, nogil=True)
def _is_letter(code: Any) -> bool:
    return 97 <= _lower(code) <= 122


@njit(cache=True, nogil=True)
def _after_tag(codes: Any, position: int) -> int:
    """The position after the tag that opens here; quoted values may hold `>`. -1 when it never ends."""
    size = len(codes)
    quote = 0
    previous = 0
    while position < size:
        code = codes[position]
        if quote:
            if code == quote:
                quote = 0
        elif code == GREATER:
            return position + 1
        elif previous == 61 and code in (SINGLE, DOUBLE):
            quote = code
        if code > 32:
            previous = code
        position += 1
    return -1


@njit(cache=True, nogil=True)
def _after(codes: Any, position: int, first: int, second: int, third: int) -> int:
    """The position after the next run of up to three given characters (0 for none), or the end."""
    size = len(codes)
    while position < size:
        if codes[position] == first:
            if second == 0:
                return position + 1
            if position + 1 < size and codes[position + 1] == second:
                if third == 0:
                    return position + 2
                if position + 2 < size and codes[position + 2] == third:
                    return position + 3
        position += 1
    return size


@njit(cache=True, nogil=True)
def visible_mask(codes: Any) -> Any:
    """[C] uint8, 1 in text outside tags, comments, declarations, scripts and styles."""
    size = len(codes)
    mask = np.zeros(size, np.uint8)
    position = 0
    unclosed = False  # no tag closes any more: `<` is text from here on
    while position < size:
        if codes[position] != LESS or position + 1 >= size:
            mask[position] = 1
            position += 1
            continue
        after = codes[position + 1]
        if after == BANG:
            if position + 3 < size and codes[position + 2] == DASH and codes[position + 3] == DASH:
                position = _after(codes, position + 4, DASH, DASH, GREATER)
            else:
                position = _after(codes, position + 2, GREATER, 0, 0)
            continue
        if after == QUESTION:
            position = _after(codes, position + 2, GREATER, 0, 0)
            continue
        closing = after == SLASH and position + 2 < size and _is_letter(codes[position + 2])
        if unclosed or not (closing or _is_letter(after)):
            mask[position] = 1
            position += 1
            continue
        end = _after(codes, position, GREATER, 0, 0) if closing else _after_tag(codes, position + 1)
        if end < 0:
            unclosed = True
            continue
        hidden = 0
        if not closing:
            if _is_name(codes, position + 1, _SCRIPT):
                hidden = 1
            elif _is_name(codes, position + 1, _STYLE):
                hidden = 2
        position = end
        while hidden and position < size:
            if (
                codes[position] == LESS
                and position + 2 < size
                and codes[position + 1] == SLASH
                and _is_name(codes, position + 2, _SCRIPT if hidden == 1 else _STYLE)
            ):
                break
            position += 1
    return mask


@njit(cache=True, nogil=True)
def html_comments(codes: Any) -> Any:
    """Comments of an HTML text: a mask ([C] uint8, 1 in them), and [S, 2] bounds of what its scripts hold.

    A comment that does not close is none. The comments of scripts are not in the mask.
    """
    size = len(codes)
    mask = np.zeros(size, np.uint8)
    scripts = np.empty((8, 2), np.int64)
    found = 0
    position = 0
    unclosed = False  # no tag closes any more
    open_ended = False  # no comment closes any more
    endless = np.zeros(3, np.bool_)  # no script, no style closes any more
    while position < size:
        if codes[position] != LESS or position + 1 >= size:
            position += 1
            continue
        after = codes[position + 1]
        if after in (BANG, QUESTION):
            dashes = position + 3 < size and codes[position + 2] == DASH and codes[position + 3] == DASH
            if after == BANG and dashes and not open_ended:
                end = _after(codes, position + 4, DASH, DASH, GREATER)
                open_ended = codes[end - 1] != GREATER or codes[end - 2] != DASH or codes[end - 3] != DASH
                if not open_ended:
                    mask[position:end] = 1
                    position = end
                    continue
            position += 2
            continue
        if unclosed or not _is_letter(after):
            position += 1
            continue
        end = _after_tag(codes, position + 1)
        if end < 0:
            unclosed = True
            continue
        hidden = 0
        if _is_name(codes, position + 1, _SCRIPT):
            hidden = 1
        elif _is_name(codes, position + 1, _STYLE):
            hidden = 2
        position = end
        if hidden == 0 or endless[hidden]:
            continue
        while position < size and not (
            codes[position] == LESS
            and position + 2 < size
            and codes[position + 1] == SLASH
            and _is_name(codes, position + 2, _SCRIPT if hidden == 1 else _STYLE)
        ):
            position += 1
        if position >= size:  # an element that does not close hides nothing
            endless[hidden] = True
            position = end
        elif hidden == 1 and position > end:
            if found == len(scripts):
                scripts = np.concatenate((scripts, np.empty((found, 2), np.int64)))
            scripts[found, 0] = end
            scripts[found, 1] = position
            found += 1
    return mask, scripts[:found]
