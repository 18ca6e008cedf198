"""Where a text is cut before BPE: a pattern for the library, and the same as a table of steps over bytes.

A piece is a word with its leading blank, a digit, a run of other signs, or a line break with the indentation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

PIECES = r"\n[ \t]*| ?[^\W\d_]+|\d| ?[^\s\w]+|_+|\s+"

# Kinds of characters; the state of a piece is the kind that decides what may go on it.
SIGN, LETTER, DIGIT, UNDERSCORE, SPACE, BLANK, TAB, NEW_LINE, INNER_BYTE = range(9)
BY_PATTERN = {LETTER: r"[^\W\d_]+", DIGIT: r"\d+", UNDERSCORE: r"_+", SPACE: r"\s+"}
BY_CHARACTER = {BLANK: " ", TAB: "\t", NEW_LINE: "\n"}

FIRST_STATE = DIGIT  # nothing goes on after a digit, nor before the first character
BEGINS = 0x80  # flag of a step: the character begins a piece
STATE = 0x0F  # bits of a step that hold the state after it
STATE_BITS = 4

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Cutter:
    """Tables to cut UTF-8 by."""

    kinds: Bytes  # [code points]
    byte_kinds: Bytes  # [256]; of no use for the first byte of a character longer than one
    steps: Bytes  # [state << STATE_BITS | kind] the state after a character, and whether it begins a piece


@lru_cache
def cutter() -> Cutter:
    """The tables that cut as `PIECES` does; the kinds of characters are those of Python's expressions."""
    kinds = _kinds()
    byte_kinds = kinds[:256].copy()
    byte_kinds[0x80:0xC0] = INNER_BYTE
    return Cutter(kinds, byte_kinds, _steps())


def _kinds() -> Bytes:
    kinds = np.full(0x110000, SIGN, np.uint8)
    everything = "".join(map(chr, range(len(kinds))))
    for kind, pattern in BY_PATTERN.items():
        for run in re.finditer(pattern, everything):
            kinds[run.start() : run.end()] = kind
    for kind, character in BY_CHARACTER.items():
        kinds[ord(character)] = kind
    return kinds


def _steps() -> Bytes:
    spaces = (SPACE, BLANK, TAB, NEW_LINE)
    goes_on = {
        (SIGN, SIGN): SIGN,
        (LETTER, LETTER): LETTER,
        (UNDERSCORE, UNDERSCORE): UNDERSCORE,
        (BLANK, LETTER): LETTER,
        (BLANK, SIGN): SIGN,
        (NEW_LINE, BLANK): NEW_LINE,
        (NEW_LINE, TAB): NEW_LINE,
        **{(state, space): SPACE for state in (SPACE, BLANK) for space in spaces},
    }
    steps = np.zeros((8, 1 << STATE_BITS), np.uint8)
    for state in range(len(steps)):
        for kind in range(8):
            begun = SPACE if kind == TAB else kind
            steps[state, kind] = goes_on.get((state, kind), BEGINS | begun)
        steps[state, INNER_BYTE] = state
    return steps.ravel()
