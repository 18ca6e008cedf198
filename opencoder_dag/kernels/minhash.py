"""MinHash signatures by the scheme of `datasketch` 2 ("affine32"), and the band keys of LSH.

Belongs here: permutations, signatures, band keys. A shingle's 32-bit hash is the upper half of its 64-bit
one; it is mixed once, then each permutation is `a * h + b` modulo 2**32 with odd `a`. The signatures equal
those of `datasketch.MinHash(permutations, seed, hashfunc=...)` bit for bit.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from opencoder_dag.kernels.mixing import PRIME, fmix32, fmix64
from opencoder_dag.kernels.shingles import _longest, hash_shingles, hash_words

SEED = 1  # the default of datasketch
EMPTY = np.uint32(0xFFFFFFFF)


@cache
def permutations(count: int, seed: int = SEED) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Multipliers and summands of `count` permutations, as `datasketch` draws them."""
    generator = np.random.RandomState(seed)  # the generator datasketch uses; its stream is frozen by NumPy
    multipliers = generator.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    summands = generator.randint(0, 1 << 32, count, dtype=np.uint32)
    return multipliers, summands


@njit(cache=True, nogil=True)
def _lower(
    signature: NDArray[np.uint32],
    shingles: NDArray[np.uint64],
    count: int,
    a: NDArray[np.uint32],
    b: NDArray[np.uint32],
) -> None:
    """Take the minimum of the signature and of every permutation of every shingle."""
    width = len(a)
    index = 0
    # Four shingles at a time: each permutation is loaded once for four uses.
    while index + 4 <= count:
        h0 = fmix32(np.uint32(shingles[index] >> np.uint64(32)))
        h1 = fmix32(np.uint32(shingles[index + 1] >> np.uint64(32)))
        h2 = fmix32(np.uint32(shingles[index + 2] >> np.uint64(32)))
        h3 = fmix32(np.uint32(shingles[index + 3] >> np.uint64(32)))
        for p in range(width):
            v0 = np.uint32(a[p] * h0 + b[p])
            v1 = np.uint32(a[p] * h1 + b[p])
            v2 = np.uint32(a[p] * h2 + b[p])
            v3 = np.uint32(a[p] * h3 + b[p])
            signature[p] = min(min(min(v0, v1), min(v2, v3)), signature[p])
        index += 4
    while index < count:
        h0 = fmix32(np.uint32(shingles[index] >> np.uint64(32)))
        for p in range(width):
            signature[p] = min(np.uint32(a[p] * h0 + b[p]), signature[p])
        index += 1


@njit(cache=True, nogil=True)
def sign(
    offsets: NDArray[np.int64],
    data: NDArray[np.uint8],
    rows: NDArray[np.int64],
    size: int,
    fold: NDArray[np.uint32],
    a: NDArray[np.uint32],
    b: NDArray[np.uint32],
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Signatures [rows, permutations] of some texts, and how many shingles (with repeats) each has.

    A text without shingles has the signature of the empty set, all `EMPTY`.
    """
    room = _longest(offsets, rows) // 2 + 1
    words = np.empty(room, np.uint64)
    shingles = np.empty(room, np.uint64)
    signatures = np.full((len(rows), len(a)), EMPTY, np.uint32)
    counts = np.zeros(len(rows), np.int64)
    for index in range(len(rows)):
        row = rows[index]
        count = hash_words(data, offsets[row], offsets[row + 1], fold, words)
        count = hash_shingles(words, count, size, shingles)
        _lower(signatures[index], shingles, count, a, b)
        counts[index] = count
    return signatures, counts


@njit(cache=True, nogil=True)
def band_keys(signatures: NDArray[np.uint32], bands: int, rows: int) -> NDArray[np.uint64]:
    """One 64-bit key for each band of each signature: [bands, texts]. Equal rows, equal key."""
    keys = np.empty((bands, signatures.shape[0]), np.uint64)
    for text in range(signatures.shape[0]):
        for band in range(bands):
            state = np.uint64(band)
            for row in range(band * rows, (band + 1) * rows):
                state = (state ^ np.uint64(signatures[text, row])) * PRIME
                state ^= state >> np.uint64(29)
            keys[band, text] = fmix64(state)
    return keys
