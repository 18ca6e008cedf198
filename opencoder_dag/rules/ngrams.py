"""Repetition: how much of a text its most frequent and its repeated word sequences cover.

One kernel for n = 2 to 10. A sequence can only repeat if both sequences it is made of repeat, so each
length looks only at what the length before left over; grouping is exact (pairs of group numbers, no hashing
of text).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from opencoder_dag.rules.words import table_bits

TOP = (2, 3, 4)
REPEATED = (5, 6, 7, 8, 9, 10)
LONGEST = 10  # words of a sequence


@njit(cache=True, nogil=True)
def count_covered(ids: Any, lengths: Any, counts: Any, longest: int) -> npt.NDArray[np.int64]:
    """Characters by n (from 2 to `longest`), of words as `scan_words` numbers them.

    For n < 5: of the most frequent n-word sequence (the first of them in case of a tie), times its count;
    overlaps are not removed, so they can exceed those of all words; 0 when nothing repeats. From 5 on: of all
    words covered by a sequence of n words that occurs at least twice, each word once.
    """
    total = len(ids)
    covered = np.zeros(longest + 1, np.int64)
    # The sequences that occur more than once, in order: where each starts and which it is.
    starts = np.empty(total, np.int32)
    groups = np.empty(total, np.int32)
    live = 0
    for word in range(total):
        if counts[ids[word]] > 1:
            starts[live] = word
            groups[live] = ids[word]
            live += 1
    keys = np.empty(live, np.uint64)  # of each distinct sequence
    first = np.empty(live, np.int32)
    tally = np.empty(live, np.int32)
    for n in range(2, longest + 1):
        if live < 2:
            break
        bits = table_bits(live)
        shift = np.uint64(64 - bits)
        mask = np.int64((1 << bits) - 1)
        slots = np.full(1 << bits, -1, np.int32)
        distinct = 0
        longer = 0
        for index in range(live - 1):
            start = starts[index]
            if starts[index + 1] != start + 1:
                continue
            key = (np.uint64(groups[index]) << np.uint64(32)) | np.uint64(groups[index + 1])
            slot = np.int64((key * np.uint64(0x9E3779B97F4A7C15)) >> shift)
            while True:
                found = slots[slot]
                if found < 0:
                    slots[slot] = distinct
                    keys[distinct] = key
                    first[distinct] = start
                    tally[distinct] = 0
                    found = distinct
                    distinct += 1
                    break
                if keys[found] == key:
                    break
                slot = (slot + 1) & mask
            starts[longer] = start
            groups[longer] = found
            tally[found] += 1
            longer += 1
        if n < 5 and distinct > 0:
            best = 0
            for group in range(1, distinct):
                if tally[group] > tally[best]:
                    best = group
            if tally[best] > 1:
                for word in range(first[best], first[best] + n):
                    covered[n] += np.int64(lengths[word]) * tally[best]
        live = 0
        done = 0
        for index in range(longer):
            if tally[groups[index]] < 2:
                continue
            start = starts[index]
            if n >= 5:
                for word in range(max(start, done), start + n):
                    covered[n] += lengths[word]
                done = start + n
            starts[live] = start
            groups[live] = groups[index]
            live += 1
    return covered
