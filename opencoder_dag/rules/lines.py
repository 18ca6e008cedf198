"""Lines: how many, how long, how many of them the same, and which hold a given piece of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from opencoder_dag.rules.characters import SPACE, Codes, class_table
from opencoder_dag.rules.words import mix, table_bits

NEWLINE = 10


@dataclass(frozen=True)
class VisibleLines:
    """Lines with something visible in them, and those whose text occurs more than once (all copies)."""

    count: int
    characters: int
    repeated: int
    repeated_characters: int


def trimmed_lines(codes: Codes) -> VisibleLines:
    """Lines compared and measured after trimming blanks at both ends."""
    return VisibleLines(*count_visible_lines(codes, class_table(codes), False))


def lines_with(text: str, needles: Sequence[str]) -> int:
    """Number of lines that contain one of the needles."""
    if len(needles) == 1:
        return sum(1 for _ in hits(text, needles[0]))
    return len({text.rfind("\n", 0, hit) for needle in needles for hit in hits(text, needle)})


def lines_with_word(text: str, word: str) -> int:
    """Number of lines that contain a word as a whole, not as a part of another."""
    size = len(text)
    count = 0
    found = text.find(word)
    while found >= 0:
        end = found + len(word)
        starts = found == 0 or not _in_word(text[found - 1])
        if starts and (end == size or not _in_word(text[end])):
            count += 1
            end = text.find("\n", end)
            if end < 0:
                break
        found = text.find(word, end)
    return count


def _in_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def hits(text: str, needle: str) -> Iterator[int]:
    """Where a needle occurs first in each line that holds it."""
    found = text.find(needle)
    while found >= 0:
        yield found
        end = text.find("\n", found)
        found = text.find(needle, end) if end >= 0 else -1


@njit(cache=True, nogil=True)
def count_raw_lines(codes: Any) -> Any:
    """Lines that end after each newline, which belongs to its line: how many, and the longest."""
    count = 0
    longest = 0
    start = 0
    for position in range(len(codes)):
        if codes[position] == NEWLINE:
            count += 1
            longest = max(longest, position + 1 - start)
            start = position + 1
    if start < len(codes):
        count += 1
        longest = max(longest, len(codes) - start)
    return count, longest


@njit(cache=True, nogil=True)
def count_visible_lines(codes: Any, classes: Any, squeeze: bool) -> Any:
    """The fields of `VisibleLines`: hash every line with something visible, then count copies.

    `squeeze` leaves inner blanks out of hash and length; then a line of one character or `},` never repeats.
    """
    size = len(codes)
    newlines = 1
    for position in range(size):
        if codes[position] == NEWLINE:
            newlines += 1
    hashes = np.empty(newlines, np.uint64)
    lengths = np.empty(newlines, np.int64)
    exempt = np.zeros(newlines, np.bool_)
    total = 0
    key = np.uint64(0x9E3779B97F4A7C15)
    length = 0
    pending = 0  # blanks since the last visible character: part of a trimmed line if more follows
    last = np.uint64(0)
    before_last = np.uint64(0)
    for position in range(size + 1):
        if position == size or codes[position] == NEWLINE:
            if length > 0:
                hashes[total] = mix(key)
                lengths[total] = length
                exempt[total] = squeeze and (
                    length == 1 or (length == 2 and before_last == 125 and last == 44)
                )
                total += 1
            key = np.uint64(0x9E3779B97F4A7C15)
            length = 0
            pending = 0
            continue
        code = np.uint64(codes[position])
        if classes[codes[position]] & SPACE:
            if length > 0:
                pending += 1
            continue
        if not squeeze and pending > 0:
            for blank in range(position - pending, position):
                key = (key ^ np.uint64(codes[blank])) * np.uint64(0x100000001B3)
            length += pending
        pending = 0
        key = (key ^ code) * np.uint64(0x100000001B3)
        length += 1
        before_last = last
        last = code
    bits = table_bits(total)
    mask = np.int64((1 << bits) - 1)
    slots = np.full(1 << bits, -1, np.int64)
    tally = np.zeros(total, np.int64)
    members = np.empty(total, np.int64)
    characters = np.int64(0)
    for line in range(total):
        characters += lengths[line]
        key = hashes[line]
        slot = np.int64(key & np.uint64(mask))
        while True:
            found = slots[slot]
            if found < 0:
                slots[slot] = line
                found = line
                break
            if hashes[found] == key:
                break
            slot = (slot + 1) & mask
        members[line] = found
        tally[found] += 1
    repeated = 0
    repeated_characters = np.int64(0)
    for line in range(total):
        if tally[members[line]] > 1 and not exempt[line]:
            repeated += 1
            repeated_characters += lengths[line]
    return total, characters, repeated, repeated_characters
