"""Byte-level BPE over Arrow buffers, compiled: cut a text into pieces, merge the bytes of each new piece.

Gives the tokens of the library (`tokenizers`) for the pieces of `pieces.PIECES`. Pieces repeat, so each
distinct one is merged once and its tokens are kept. No array is exchanged for another inside a compiled loop:
each use of such an array would count references, which takes longer than finding a piece.
"""

from __future__ import annotations

import heapq
import json
from dataclasses import dataclass
from functools import lru_cache

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tokenizers import Tokenizer

from opencoder_dag.web.pieces import BEGINS, FIRST_STATE, STATE, STATE_BITS, Bytes, cutter

SHORT_BYTES = 64  # pieces up to here are merged by looking through all their pairs
WORD_BYTES = 8  # pieces up to here are their own key
NO_JOIN = (1 << 63) - 1
NO_BYTES = np.uint64(0)
FNV_OFFSET, FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)

JOIN = np.dtype(
    [
        ("pair", "i8"),  # left token << 32 | right token; -1: the slot is free
        ("join", "i8"),  # rank << 32 | joined token
    ]
)
KNOWN_BITS = 17
KNOWN = np.dtype(  # 32 bytes: a piece is found in one line of the cache
    [
        ("key", "u8"),  # the bytes of a word, a hash of a longer piece
        ("place", "i8"),  # of its first byte
        ("first", "i8"),  # its token; of several, where they stand in the output
        ("bytes", "i4"),
        ("tokens", "i4"),  # 0: the slot is free
    ]
)

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]


@dataclass(frozen=True)
class Merges:
    """The merges of a BPE model."""

    byte_tokens: Int32s  # [256] the token of each byte
    joins: Records  # [slots] open-addressed table of `JOIN`

    @staticmethod
    def of(tokenizer: Tokenizer) -> Merges | None:
        """The tables of a plain byte-level BPE tokenizer; None for any other model."""
        return _tables(tokenizer.to_str())

    def encode(self, texts: pa.LargeStringArray) -> pa.ListArray:
        """Token ids of each text as an Arrow list<int32>."""
        if not len(texts):
            return pa.array([], pa.list_(pa.int32()))
        _, offsets, data = texts.buffers()
        bounds = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
        signs = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
        cut = cutter()
        known = np.zeros(1 << KNOWN_BITS, KNOWN)
        tables = (cut.kinds, cut.byte_kinds, cut.steps, self.byte_tokens, self.joins)
        tokens, ends = _encode(signs, bounds, *tables, known)
        return pa.ListArray.from_arrays(pa.array(ends.astype(np.int32)), pa.array(tokens))


@lru_cache(maxsize=4)
def _tables(tokenizer: str) -> Merges | None:
    model = json.loads(tokenizer)["model"]
    special = (
        "dropout",
        "continuing_subword_prefix",
        "end_of_word_suffix",
        "byte_fallback",
        "ignore_merges",
    )
    vocabulary = model["vocab"]
    if model["type"] != "BPE" or any(model.get(name) for name in special):
        return None
    if not all(sign in vocabulary for sign in byte_signs()):
        return None
    parts = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
    left = np.array([vocabulary[first] for first, _ in parts], np.int64)
    right = np.array([vocabulary[second] for _, second in parts], np.int64)
    joined = np.array([vocabulary[first + second] for first, second in parts], np.int64)
    joins = np.zeros(1 << (2 * len(parts) + 1).bit_length(), JOIN)
    joins["pair"] = -1
    _fill(left << 32 | right, np.arange(len(parts)) << 32 | joined, joins)
    byte_tokens = np.array([vocabulary[sign] for sign in byte_signs()], np.int32)
    return Merges(byte_tokens, joins)


@lru_cache
def byte_signs() -> list[str]:
    """The printable sign that stands for each byte in a byte-level vocabulary (GPT-2's table)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    signs = {byte: chr(byte) for byte in printable} | {byte: chr(256 + n) for n, byte in enumerate(others)}
    return [signs[byte] for byte in range(256)]


@nb.njit(cache=True, nogil=True)
def _fill(pairs: Int64s, found: Int64s, joins: Records) -> None:
    for n in range(pairs.size):
        slot = _join_slot(joins, pairs[n])
        joins[slot].pair = pairs[n]
        joins[slot].join = found[n]  # of a pair listed twice the last rank counts


@nb.njit(cache=True, nogil=True)
def _join_slot(joins: Records, pair: int) -> np.uint64:
    """Where the pair is, or would be put."""
    mask = np.uint64(joins.size - 1)
    mixed = np.uint64(pair) * GOLDEN
    slot = (mixed ^ (mixed >> np.uint64(32))) & mask
    while joins[slot].pair >= 0 and joins[slot].pair != pair:
        slot = (slot + np.uint64(1)) & mask
    return slot


@nb.njit(cache=True, nogil=True)
def _join_of(joins: Records, left: int, right: int) -> int:
    """Rank << 32 | token of two neighbours joined, or `NO_JOIN`: the least of all is the next to join."""
    found = joins[_join_slot(joins, left << 32 | right)]
    return found.join if found.pair >= 0 else NO_JOIN


@nb.njit(cache=True, nogil=True)
def _merge(
    data: Bytes, start: int, stop: int, byte_tokens: Int32s, joins: Records, tokens: Int32s, used: int
) -> int:
    """Write the tokens of one piece from `used` on; returns where they end.

    Of all neighbours the pair that was learnt first is joined, the leftmost of equals, until none is left.
    """
    if stop - start <= SHORT_BYTES:
        return _merge_short(data, start, stop, byte_tokens, joins, tokens, used)
    return _merge_long(data, start, stop, byte_tokens, joins, tokens, used)


@nb.njit(cache=True, nogil=True)
def _merge_short(
    data: Bytes, start: int, stop: int, byte_tokens: Int32s, joins: Records, tokens: Int32s, used: int
) -> int:
    """By looking through all pairs for each join."""
    size = stop - start
    ids = np.empty(SHORT_BYTES, np.int64)
    joined = np.empty(SHORT_BYTES, np.int64)  # what each becomes with its right neighbour
    for k in range(size):
        ids[k] = byte_tokens[data[start + k]]
    for k in range(size - 1):
        joined[k] = _join_of(joins, ids[k], ids[k + 1])
    joined[size - 1] = NO_JOIN
    while True:
        best, least = 0, joined[0]
        for k in range(1, size):
            if joined[k] < least:
                best, least = k, joined[k]
        if least == NO_JOIN:
            break
        size -= 1
        for k in range(best + 1, size):
            ids[k], joined[k] = ids[k + 1], joined[k + 1]
        ids[best] = least & 0xFFFFFFFF
        joined[best] = _join_of(joins, ids[best], ids[best + 1]) if best < size - 1 else NO_JOIN
        if best > 0:
            joined[best - 1] = _join_of(joins, ids[best - 1], ids[best])
    for k in range(size):
        tokens[used + k] = ids[k]
    return used + size


@nb.njit(cache=True, nogil=True)
def _merge_long(
    data: Bytes, start: int, stop: int, byte_tokens: Int32s, joins: Records, tokens: Int32s, used: int
) -> int:
    """In n log n steps: a linked list, and a queue of its pairs."""
    size = stop - start
    ids, before, after, joined = np.empty((4, size), np.int64)
    for k in range(size):
        ids[k], before[k], after[k], joined[k] = byte_tokens[data[start + k]], k - 1, k + 1, NO_JOIN
    queue = [0 for _ in range(0)]  # of rank << 32 | place
    for k in range(size - 1):
        _queue_pair(queue, k, ids, after, joined, joins)
    while len(queue) > 0:
        best = heapq.heappop(queue)
        left = best & 0xFFFFFFFF
        if joined[left] >> 32 != best >> 32:
            continue  # one of the two has meanwhile been joined to another
        right = after[left]
        ids[left] = joined[left] & 0xFFFFFFFF
        joined[left] = joined[right] = NO_JOIN
        after[left] = after[right]
        if after[left] < size:
            before[after[left]] = left
            _queue_pair(queue, left, ids, after, joined, joins)
        if before[left] >= 0:
            _queue_pair(queue, before[left], ids, after, joined, joins)
    place = 0
    while place < size:
        tokens[used] = ids[place]
        used += 1
        place = after[place]
    return used


@nb.njit(cache=True, nogil=True)
def _queue_pair(
    queue: list[int], left: int, ids: Int64s, after: Int64s, joined: Int64s, joins: Records
) -> None:
    """Queue the pair that begins at `left`, if it was learnt."""
    joined[left] = _join_of(joins, ids[left], ids[after[left]])
    if joined[left] != NO_JOIN:
        heapq.heappush(queue, (joined[left] >> 32) << 32 | left)


@nb.njit(cache=True, nogil=True)
def _code_point(data: Bytes, i: int) -> int:
    """The character of two bytes or more at byte i of valid UTF-8."""
    first = int(data[i])
    if first < 0xE0:
        return (first & 0x1F) << 6 | (data[i + 1] & 0x3F)
    if first < 0xF0:
        return (first & 0x0F) << 12 | (data[i + 1] & 0x3F) << 6 | (data[i + 2] & 0x3F)
    high = (first & 0x07) << 18 | (data[i + 1] & 0x3F) << 12
    return high | (data[i + 2] & 0x3F) << 6 | (data[i + 3] & 0x3F)


@nb.njit(cache=True, nogil=True)
def _known_slot(known: Records, key: np.uint64, data: Bytes, start: int, size: int) -> np.uint64:
    """Where the piece is, or would be put."""
    mask = np.uint64(known.size - 1)
    slot = key * GOLDEN >> np.uint64(64 - KNOWN_BITS)
    while known[slot].tokens > 0 and not (
        known[slot].key == key
        and known[slot].bytes == size
        and (size <= WORD_BYTES or _same(data, known[slot].place, start, size))
    ):
        slot = (slot + np.uint64(1)) & mask
    return slot


@nb.njit(cache=True, nogil=True)
def _same(data: Bytes, first: int, second: int, size: int) -> bool:
    for k in range(size):  # noqa: SIM110  numba compiles the loop, not the generator
        if data[first + k] != data[second + k]:
            return False
    return True


@nb.njit(cache=True, nogil=True)
def _encode(
    data: Bytes,
    offsets: Int64s,
    kinds: Bytes,
    byte_kinds: Bytes,
    steps: Bytes,
    byte_tokens: Int32s,
    joins: Records,
    known: Records,
) -> tuple[Int32s, Int64s]:
    """Tokens of all texts one after the other, and the bounds of each text in them.

    One loop over all bytes: a loop for each piece, whose end nothing foretells, takes three times longer.
    """
    tokens = np.empty(offsets[-1] - offsets[0], np.int32)  # a token is one byte at least
    ends = np.zeros(offsets.size, np.int64)
    distinct = 0
    used = 0
    for text in range(offsets.size - 1):
        start, stop = offsets[text], offsets[text + 1]
        state, word, mixed = FIRST_STATE, NO_BYTES, FNV_OFFSET
        for i in range(start, stop + 1):
            byte, step = 0, BEGINS
            if i < stop:
                byte = data[i]
                kind = byte_kinds[byte] if byte < 0xC0 else kinds[_code_point(data, i)]
                step = steps[state << STATE_BITS | kind]
                state = step & STATE
            if step & BEGINS and i > start:
                size = i - start
                key = word if size <= WORD_BYTES else mixed
                piece = known[_known_slot(known, key, data, start, size)]
                if piece.tokens == 1:
                    tokens[used] = piece.first
                    used += 1
                elif piece.tokens > 1:
                    for k in range(piece.tokens):
                        tokens[used + k] = tokens[piece.first + k]
                    used += piece.tokens
                else:
                    first = used
                    used = _merge(data, start, i, byte_tokens, joins, tokens, used)
                    piece.key, piece.place, piece.bytes = key, start, size
                    piece.tokens = used - first
                    piece.first = tokens[first] if piece.tokens == 1 else first
                    distinct += 1
                    if 2 * distinct > known.size:
                        _forget(known)
                        distinct = 0
                start, word, mixed = i, NO_BYTES, FNV_OFFSET
            word = word << np.uint64(8) | np.uint64(byte)
            mixed = (mixed ^ np.uint64(byte)) * FNV_PRIME
        ends[text + 1] = used
    return tokens[:used].copy(), ends


@nb.njit(cache=True, nogil=True)
def _forget(known: Records) -> None:
    """Empty the table: one that grew would leave the cache."""
    for slot in range(known.size):
        known[slot].tokens = 0
