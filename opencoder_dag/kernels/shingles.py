r"""Text to hashed word n-grams.

Belongs here: the scan from UTF-8 bytes to words, and from words to shingles. A word is a maximal run of
what `\w` matches, in lower case (character by character); a shingle is n words in a row, and its hash has
64 bits. A text with fewer than n words has no shingle, so nothing can be said of its likeness to others.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from opencoder_dag.kernels.mixing import PRIME, fmix64

FOLDED = 0x20000  # code points from here on (rare ideographs) are letters without case
_BASIS = np.uint64(0xCBF29CE484222325)


@cache
def fold_table() -> NDArray[np.uint32]:
    """For each code point below `FOLDED`: its lower case when it belongs to a word, else 0."""
    table = np.zeros(FOLDED, np.uint32)
    for point in range(1, FOLDED):
        character = chr(point)
        if character.isalnum() or character == "_":
            table[point] = ord(character.lower()[0])
    return table


def text_buffers(column: pa.ChunkedArray | pa.Array) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Offsets (int64, one more than rows) and UTF-8 bytes of a string column, without a copy where possible.

    Raises `ValueError` when a row is null.
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):  # more than one chunk is left only beyond 2 GiB of `string`
        array = array.cast(pa.large_string()).combine_chunks()
    if array.null_count:
        raise ValueError("a text is null")
    width = np.int64 if pa.types.is_large_string(array.type) else np.int32
    _, offsets, data = array.buffers()
    if offsets is None or len(array) == 0:
        return np.zeros(1, np.int64), np.zeros(0, np.uint8)
    starts = np.frombuffer(offsets, width)[array.offset : array.offset + len(array) + 1].astype(
        np.int64, copy=False
    )
    return starts, np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)


@njit(inline="always")
def _decode(data: NDArray[np.uint8], position: int, end: int) -> tuple[np.uint32, int]:
    """The code point at a position of UTF-8 bytes, and the position after it."""
    point = np.uint32(data[position])
    position += 1
    if point >= 0x80:
        follow = 1 if point < 0xE0 else (2 if point < 0xF0 else 3)
        point &= np.uint32(0x3F >> follow)
        for _ in range(follow):
            if position < end:
                point = np.uint32((point << np.uint32(6)) | np.uint32(data[position] & 0x3F))
                position += 1
    return point, position


@njit(cache=True, nogil=True)
def hash_words(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    fold: NDArray[np.uint32],
    out: NDArray[np.uint64],
) -> int:
    """Hash each word of `data[start:end]` into `out` (half as long, rounded up); returns their number."""
    count = 0
    state = _BASIS
    inside = False
    position = start
    while position < end:
        point, position = _decode(data, position, end)
        folded = point if point >= FOLDED else fold[point]
        if folded:
            state = (state ^ np.uint64(folded)) * PRIME
            inside = True
        elif inside:
            out[count] = fmix64(state)
            count += 1
            state = _BASIS
            inside = False
    if inside:
        out[count] = fmix64(state)
        count += 1
    return count


@njit(cache=True, nogil=True)
def hash_shingles(words: NDArray[np.uint64], count: int, size: int, out: NDArray[np.uint64]) -> int:
    """Hash each run of `size` words into `out`, in text order and with repeats; returns their number.

    The hash is the mixed value of a polynomial in `PRIME` over the words; it rolls from run to run.
    """
    if count < size:
        return 0
    leaving = np.uint64(1)
    for _ in range(size):
        leaving *= PRIME
    rolling = np.uint64(0)
    for index in range(size):
        rolling = rolling * PRIME + words[index]
    out[0] = fmix64(rolling)
    for index in range(size, count):
        rolling = rolling * PRIME + words[index] - words[index - size] * leaving
        out[index - size + 1] = fmix64(rolling)
    return count - size + 1


@njit(cache=True, nogil=True)
def _longest(offsets: NDArray[np.int64], rows: NDArray[np.int64]) -> int:
    longest = 0
    for row in rows:
        longest = max(longest, offsets[row + 1] - offsets[row])
    return longest


@njit(cache=True, nogil=True)
def shingle_sets(
    offsets: NDArray[np.int64],
    data: NDArray[np.uint8],
    rows: NDArray[np.int64],
    size: int,
    fold: NDArray[np.uint32],
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """The sets of shingle hashes of some rows: offsets (rows + 1) into one array, sorted within each set."""
    room = _longest(offsets, rows) // 2 + 1
    words = np.empty(room, np.uint64)
    shingles = np.empty(room, np.uint64)
    total = 0
    for row in rows:
        total += (offsets[row + 1] - offsets[row]) // 2 + 1
    values = np.empty(total, np.uint64)
    bounds = np.zeros(len(rows) + 1, np.int64)
    filled = 0
    for index in range(len(rows)):
        row = rows[index]
        count = hash_words(data, offsets[row], offsets[row + 1], fold, words)
        count = hash_shingles(words, count, size, shingles)
        ordered = np.sort(shingles[:count])
        for position in range(count):
            if position == 0 or ordered[position] != ordered[position - 1]:
                values[filled] = ordered[position]
                filled += 1
        bounds[index + 1] = filled
    return bounds, values[:filled].copy()


@njit(cache=True, nogil=True)
def word_cuts(
    data: NDArray[np.uint8], start: int, end: int, every: int, fold: NDArray[np.uint32]
) -> NDArray[np.int64]:
    """Positions that cut `data[start:end]` into pieces of `every` words: `start`, word starts, `end`."""
    cuts = np.empty((end - start) // (2 * every) + 3, np.int64)
    cuts[0] = start
    filled = 1
    words = 0
    inside = False
    position = start
    while position < end:
        here = position
        point, position = _decode(data, position, end)
        if point < FOLDED and not fold[point]:
            inside = False
        elif not inside:
            inside = True
            if words and words % every == 0:
                cuts[filled] = here
                filled += 1
            words += 1
    cuts[filled] = end
    return cuts[: filled + 1].copy()
