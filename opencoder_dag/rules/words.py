"""Normalised words: what the word and n-gram signals count.

Normalisation, in this order (OpenCoder facts, section 3.5): control characters but the tab are deleted,
typographic punctuation counts as ASCII punctuation, every ASCII punctuation mark (the underscore too)
becomes a blank, lower case, NFKC; then runs of word characters and runs of other visible characters are the
words.
"""

from __future__ import annotations

import string
import sys
import unicodedata
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from opencoder_dag.rules.characters import SPACE, WORD, Codes, class_table, codes_of, text_of

# Punctuation of full width and typographic quotes; dashes, ellipsis and guillemets stay words of their own.
TYPOGRAPHIC = "，。、”“’‘：？！（）；．～【】％〈〉「」《》"
CONTROLS = [code for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"]

# Classes of the word scanner.
BREAK, LETTER, SYMBOL, DELETED = 0, 1, 2, 3
COMPLEX = 4  # a character whose normal form is none of its own, or depends on its neighbours
SIMPLE_END = 0x20000  # code points from here on (rare Han characters and the like) count as complex
FINAL_SIGMA = 0x3A3  # its lower case depends on what follows
JAMO = (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))  # vowels and finals that Hangul syllables are made of


def prepared(codes: Codes) -> tuple[Codes, npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    """What `scan_words` takes to cut a text into normalised words: code points, classes, folded forms."""
    if codes.dtype == np.uint8:
        return codes, *_ascii_tables()
    classes, folds = _simple_tables()
    if _are_below(codes, classes, COMPLEX):
        return codes, classes, folds
    plain = codes_of(_normalise(codes))  # NFKC may have made new punctuation: words of their own
    return plain, *raw_tables(plain.dtype == np.uint8)


def _normalise(codes: Codes) -> str:
    """Everything but the cutting, for a text that is not ASCII."""
    mapped = _punctuation_table()[codes]
    deleted = mapped == 0
    if deleted.any():
        mapped = mapped[~deleted]
    # Line by line, because one character that is not normal yet makes the whole text that it is in slow.
    lines = text_of(mapped).lower().split("\n")
    return "\n".join([unicodedata.normalize("NFKC", line) for line in lines])


@cache
def _punctuation_table() -> npt.NDArray[np.uint32]:
    """Code point to code point: punctuation to the blank, control characters to 0 (deleted)."""
    table = np.arange(sys.maxunicode + 1, dtype=np.uint32)
    table[[ord(mark) for mark in string.punctuation + TYPOGRAPHIC]] = ord(" ")
    table[CONTROLS] = 0
    return table


@cache
def _ascii_tables() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    """Word class and lower-case form of every ASCII character, punctuation being a break."""
    classes = np.array([LETTER if chr(code).isalnum() else BREAK for code in range(128)], np.uint8)
    classes[[code for code in CONTROLS if code < 128]] = DELETED
    return classes, np.array([ord(chr(code).lower()) for code in range(128)], np.uint32)


@cache
def _simple_tables() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    """Word class and normal form of every character below `SIMPLE_END`, punctuation being a break.

    A text of characters that are not complex needs no pass of its own to be normalised: none of them becomes
    several characters, or joins the one before it.
    """
    characters = list(map(chr, range(SIMPLE_END)))
    parts = [unicodedata.decomposition(character).split() for character in characters]
    joining = {int(part[1], 16) for part in parts if len(part) == 2 and not part[0].startswith("<")}
    forms = [unicodedata.normalize("NFKC", character.lower()) for character in characters]
    folds = np.array([ord(form) if len(form) == 1 else 0 for form in forms], np.uint32)
    classes = raw_tables(False)[0][folds]
    classes[[len(form) != 1 or unicodedata.combining(form) > 0 for form in forms]] = COMPLEX
    classes[np.isin(folds, [*joining, *JAMO])] = COMPLEX
    classes[FINAL_SIGMA] = COMPLEX
    classes[[ord(mark) for mark in string.punctuation + TYPOGRAPHIC]] = BREAK
    classes[CONTROLS] = DELETED
    return classes, folds


@njit(cache=True, nogil=True)
def _are_below(codes: Any, classes: Any, bound: int) -> bool:
    """Whether every character has a class below a bound."""
    position = 0
    while position < len(codes) and codes[position] < len(classes) and classes[codes[position]] < bound:
        position += 1
    return position == len(codes)


@cache
def raw_tables(ascii_only: bool) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    """Word class of every character, nothing folded."""
    flags = class_table(np.zeros(0, np.uint8 if ascii_only else np.uint32))
    classes = np.full(len(flags), SYMBOL, np.uint8)
    classes[(flags & WORD) > 0] = LETTER
    classes[(flags & SPACE) > 0] = BREAK
    return classes, np.arange(len(flags), dtype=np.uint32)


@njit(cache=True, nogil=True)
def mix(key: Any) -> Any:
    """Spread the bits of a 64-bit key (the finaliser of MurmurHash3)."""
    key ^= key >> np.uint64(33)
    key *= np.uint64(0xFF51AFD7ED558CCD)
    key ^= key >> np.uint64(33)
    key *= np.uint64(0xC4CEB9FE1A85EC53)
    key ^= key >> np.uint64(33)
    return key


@njit(cache=True, nogil=True)
def table_bits(entries: int) -> int:
    """Size, as a power of two, of an open-addressing table that stays at most half full."""
    bits = 4
    while (1 << bits) < 2 * entries + 2:
        bits += 1
    return bits


@njit(cache=True, nogil=True)
def scan_words(codes: Any, classes: Any, folds: Any) -> Any:
    """Cut into words, and number the distinct ones by a 64-bit hash of their characters.

    Returns ids ([W] int32, from 0 in order of first occurrence), lengths ([W] int32, in characters), counts
    ([U] int32, occurrences of each distinct word) and the characters of all words together.
    """
    size = len(codes)
    hashes = np.empty(size, np.uint64)
    lengths = np.empty(size, np.int32)
    total = 0
    position = 0
    while position < size:
        kind = classes[codes[position]]
        if kind in (BREAK, DELETED):
            position += 1
            continue
        key = np.uint64(0x9E3779B97F4A7C15)
        length = 0
        while position < size:
            code = codes[position]
            here = classes[code]
            if here == kind:
                key = (key ^ np.uint64(folds[code])) * np.uint64(0x100000001B3)
                length += 1
            elif here != DELETED:
                break
            position += 1
        hashes[total] = mix(key)
        lengths[total] = length
        total += 1
    ids = np.empty(total, np.int32)
    counts = np.zeros(total, np.int32)
    bits = table_bits(total)
    mask = np.uint64((1 << bits) - 1)
    slots = np.full(1 << bits, -1, np.int32)
    firsts = np.empty(total, np.uint64)
    distinct = 0
    for word in range(total):
        key = hashes[word]
        slot = key & mask
        while True:
            found = slots[slot]
            if found < 0:
                slots[slot] = distinct
                firsts[distinct] = key
                found = distinct
                distinct += 1
                break
            if firsts[found] == key:
                break
            slot = (slot + np.uint64(1)) & mask
        ids[word] = found
        counts[found] += 1
    characters = np.int64(0)
    for word in range(total):
        characters += lengths[word]
    return ids, lengths[:total].copy(), counts[:distinct].copy(), characters
