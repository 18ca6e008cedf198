"""Set algebra on sorted arrays, and the greedy choice of the texts that stay.

Belongs here: exact Jaccard similarity of sorted hash sets, and the loop that decides, best text first,
which candidates are too alike to a text that is kept.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def jaccard(left: NDArray[np.uint64], right: NDArray[np.uint64], least: float) -> float:
    """Exact Jaccard similarity of two sorted sets, or -1.0 as soon as it is certain to be below `least`."""
    total = len(left) + len(right)
    if total == 0:
        return -1.0
    # similarity >= least  <=>  common >= least * total / (1 + least); the rest may be missed on either side.
    needed = least * total / (1.0 + least) - 1e-9
    if min(len(left), len(right)) < needed:
        return -1.0
    spare_left = len(left) - needed
    spare_right = len(right) - needed
    i = 0
    j = 0
    common = 0
    while i < len(left) and j < len(right):
        x = left[i]
        y = right[j]
        if x == y:
            common += 1
            i += 1
            j += 1
        elif x < y:
            i += 1
            if i - common > spare_left:
                return -1.0
        else:
            j += 1
            if j - common > spare_right:
                return -1.0
    similarity = common / (total - common)
    return similarity if similarity >= least else -1.0


@njit(cache=True, nogil=True)
def sieve_of(keys: NDArray[np.uint64], bits: int) -> NDArray[np.uint8]:
    """A bitmap of 2**bits bits with those set that the lowest `bits` bits of the keys name."""
    sieve = np.zeros(max(1 << bits, 8) >> 3, np.uint8)
    mask = np.uint64((1 << bits) - 1)
    for key in keys:
        place = key & mask
        sieve[place >> np.uint64(3)] |= np.uint8(1 << (place & np.uint64(7)))
    return sieve


@njit(cache=True, nogil=True)
def sift(keys: NDArray[np.uint64], sieve: NDArray[np.uint8], bits: int) -> NDArray[np.int64]:
    """Positions of the keys whose bit is set in the sieve: all that went into it, and some more."""
    found = np.empty(len(keys), np.int64)
    count = 0
    mask = np.uint64((1 << bits) - 1)
    for position in range(len(keys)):
        place = keys[position] & mask
        found[count] = position
        count += (sieve[place >> np.uint64(3)] >> np.uint8(place & np.uint64(7))) & 1
    return found[:count].copy()


@njit(cache=True, nogil=True)
def group_ids(keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], int]:
    """Dense bucket numbers for band keys [bands, texts]: equal key in a band, equal number; -1 when alone."""
    bands, texts = keys.shape
    groups = np.full((bands, texts), -1, np.int64)
    count = 0
    for band in range(bands):
        order = np.argsort(keys[band])
        first = 0
        while first < texts:
            last = first
            while last + 1 < texts and keys[band, order[last + 1]] == keys[band, order[first]]:
                last += 1
            if last > first:
                for position in range(first, last + 1):
                    groups[band, order[position]] = count
                count += 1
            first = last + 1
    return groups, count


@njit(cache=True, nogil=True)
def choose_kept(
    keys: NDArray[np.uint64],
    bounds: NDArray[np.int64],
    values: NDArray[np.uint64],
    least: float,
    cap: int,
    settled: int = 0,
) -> tuple[NDArray[np.int64], NDArray[np.float64], int]:
    """Go through the texts, best first, and drop each that is like an earlier, kept one.

    `keys` are the band keys [bands, texts], `bounds` and `values` the shingle sets, all in order of merit.
    A text is compared with the kept texts that share a bucket with it (the first `cap` kept ones of each
    bucket, so that a bucket of n texts costs at most n * cap comparisons), in order of merit, until one is
    at least `least` alike. Returns for each text the index of that kept text (or -1: it is kept itself),
    the similarity, and the number of pairs compared.
    """
    groups, count = group_ids(keys)
    bands, texts = keys.shape
    filled = np.zeros(count, np.int64)
    sizes = np.zeros(count + 1, np.int64)
    for band in range(bands):
        for text in range(texts):
            if groups[band, text] >= 0:
                sizes[groups[band, text] + 1] += 1
    for group in range(count):
        sizes[group + 1] = sizes[group] + min(sizes[group + 1], cap)
    slots = np.empty(sizes[count], np.int64)

    keeper = np.full(texts, -1, np.int64)
    similarity = np.zeros(texts, np.float64)
    seen = np.full(texts, -1, np.int64)
    candidates = np.empty(bands * cap, np.int64)
    pairs = 0
    for text in range(texts):
        found = 0
        for band in range(bands if text >= settled else 0):
            group = groups[band, text]
            if group < 0:
                continue
            for slot in range(sizes[group], sizes[group] + filled[group]):
                other = slots[slot]
                if seen[other] != text:
                    seen[other] = text
                    candidates[found] = other
                    found += 1
        candidates[:found].sort()
        mine = values[bounds[text] : bounds[text + 1]]
        for index in range(found):
            other = candidates[index]
            pairs += 1
            alike = jaccard(mine, values[bounds[other] : bounds[other + 1]], least)
            if alike >= 0.0:
                keeper[text] = other
                similarity[text] = alike
                break
        if keeper[text] >= 0:
            continue
        for band in range(bands):
            group = groups[band, text]
            if group >= 0 and filled[group] < cap:
                slots[sizes[group] + filled[group]] = text
                filled[group] += 1
    return keeper, similarity, pairs
