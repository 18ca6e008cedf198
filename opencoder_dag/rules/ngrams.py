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

from opencoder_dag.rules.words import Words, _mix, _table_bits

TOP = (2, 3, 4)
REPEATED = (5, 6, 7, 8, 9, 10)


def ngram_shares(words: Words) -> dict[int, float]:
    """Share of the words' characters, by n.

    For n in `TOP`: characters of the most frequent n-word sequence (the first of them in case of a tie),
    times its count; overlaps are not removed, so it can exceed 1; 0 when nothing repeats. For n in
    `REPEATED`: characters of all words covered by a sequence of n words that occurs at least twice, each
    word once.
    """
    shares = _shares(words.ids, words.lengths, words.counts, max(REPEATED))
    total = words.characters
    return {n: float(shares[n]) / total if total else 0.0 for n in (*TOP, *REPEATED)}


@njit(cache=True, nogil=True)
def _shares(ids: Any, lengths: Any, counts: Any, longest: int) -> npt.NDArray[np.int64]:
    """Characters, by n: of the top sequence times its count for n < 5, covered by repeated ones from 5."""
    total = len(ids)
    covered = np.zeros(longest + 1, np.int64)
    groups = np.empty(total, np.int32)  # of the sequence that starts here; -1 if it occurs once
    for word in range(total):
        groups[word] = ids[word] if counts[ids[word]] > 1 else -1
    starts = np.empty(total, np.int32)
    keys = np.empty(total, np.uint64)
    members = np.empty(total, np.int32)
    tally = np.empty(total, np.int32)
    first = np.empty(total, np.int32)
    for n in range(2, longest + 1):
        live = 0
        for word in range(total - n + 1):
            if groups[word] >= 0 and groups[word + 1] >= 0:
                starts[live] = word
                keys[live] = (np.uint64(groups[word]) << np.uint64(32)) | np.uint64(groups[word + 1])
                live += 1
        if live == 0:
            break
        bits = _table_bits(live)
        mask = np.int64((1 << bits) - 1)
        slots = np.full(1 << bits, -1, np.int32)
        distinct = 0
        for index in range(live):
            key = keys[index]
            slot = np.int64(_mix(key) & np.uint64(mask))
            while True:
                found = slots[slot]
                if found < 0:
                    slots[slot] = distinct
                    first[distinct] = index
                    tally[distinct] = 0
                    found = distinct
                    distinct += 1
                    break
                if keys[first[found]] == key:
                    break
                slot = (slot + 1) & mask
            members[index] = found
            tally[found] += 1
        if n < 5:
            best = 0
            for group in range(1, distinct):
                if tally[group] > tally[best]:
                    best = group
            if tally[best] > 1:
                start = starts[first[best]]
                for word in range(start, start + n):
                    covered[n] += np.int64(lengths[word]) * tally[best]
        groups[:] = -1
        done = 0
        for index in range(live):
            if tally[members[index]] < 2:
                continue
            start = starts[index]
            groups[start] = members[index]
            if n >= 5:
                for word in range(max(start, done), start + n):
                    covered[n] += lengths[word]
                done = start + n
    return covered
