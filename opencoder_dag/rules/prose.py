"""Prose: sentences and words of a text as it is, before any normalisation."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numba import njit

from opencoder_dag.rules.characters import LOWER, SPACE, UPPER, WORD, Codes, class_table

RAW_WORD = re.compile(r"\w+|[^\w\s]+")
# ASCII full stop, exclamation and question mark, those of full width, and the Arabic question mark.
_ENDS = np.array([ord(mark) for mark in ".!?。！？؟"], np.uint32)


def count_sentences(codes: Codes) -> int:
    """Runs from a word boundary to the next end marks: matches of `\\b[^.!?。！？؟]+[.!?。！？؟]*`."""
    return int(_count_sentences(codes, class_table(codes), _ENDS))


def count_upper_words(codes: Codes) -> tuple[int, int]:
    """How many words are in upper case only, as `str.isupper` says, and how many words there are."""
    upper, total = _count_upper_words(codes, class_table(codes))
    return int(upper), int(total)


@njit(cache=True, nogil=True)
def _is_end(code: Any, ends: Any) -> bool:
    if code < 128:
        return code == 46 or code == 33 or code == 63
    found = False
    for end in ends:
        found |= code == end
    return found


@njit(cache=True, nogil=True)
def _count_sentences(codes: Any, classes: Any, ends: Any) -> int:
    size = len(codes)
    sentences = 0
    position = 0
    before = False  # whether the character before is part of a word
    while position < size:
        code = codes[position]
        here = classes[code] & WORD != 0
        if here == before or _is_end(code, ends):
            before = here
            position += 1
            continue
        sentences += 1
        while position < size and not _is_end(codes[position], ends):
            position += 1
        while position < size and _is_end(codes[position], ends):
            position += 1
        before = classes[codes[position - 1]] & WORD != 0
    return sentences


@njit(cache=True, nogil=True)
def _count_upper_words(codes: Any, classes: Any) -> Any:
    size = len(codes)
    upper = 0
    total = 0
    position = 0
    while position < size:
        if classes[codes[position]] & SPACE:
            position += 1
            continue
        kind = classes[codes[position]] & WORD
        cases = 0
        while position < size:
            here = classes[codes[position]]
            if here & WORD != kind or here & SPACE:
                break
            cases |= here & (UPPER | LOWER)
            position += 1
        total += 1
        upper += cases == UPPER
    return upper, total
