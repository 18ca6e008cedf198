"""Byte-level BPE over Arrow buffers, compiled: cut a text into pieces, merge the bytes of each new piece.

Gives the tokens of the library (`tokenizers`) for the pieces of `segment.PIECES`. Pieces repeat, so each
distinct one is merged once a call; where it stands again its tokens are copied from their first place in the
output.
"""

from __future__ import annotations

import heapq
import json
import re
from dataclasses import dataclass
from functools import lru_cache

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tokenizers import Tokenizer

SIGN, LETTER, DIGIT, UNDERSCORE, SPACE = range(
    5
)  # classes of characters, as `segment.PIECES` tells them apart
CLASSES = {LETTER: r"[^\W\d_]+", DIGIT: r"\d+", UNDERSCORE: r"_+", SPACE: r"\s+"}
NEW_LINE, TAB, BLANK = 10, 9, 32
NO_RANK = -1
FIRST_SLOTS = 1 << 14
FIRST_ROOM = 256
WORD_BYTES = 8
FNV_OFFSET, FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Merges:
    """The merges of a BPE model as an open-addressed table of pairs of tokens."""

    byte_tokens: Int32s  # [256] the token of each byte
    pairs: Int64s  # [slots] left token << 32 | right token, or -1
    ranks: Int32s  # [slots] when the pair was learnt
    merged: Int32s  # [slots] the token that the pair becomes

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
        tables = (self.byte_tokens, self.pairs, self.ranks, self.merged)
        tokens, ends = _encode(signs, bounds, character_classes(), *tables)
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
    slots = 1 << (4 * len(model["merges"]) + 4).bit_length()
    pairs = np.full(slots, -1, np.int64)
    ranks, merged = np.zeros(slots, np.int32), np.zeros(slots, np.int32)
    parts = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
    left = np.array([vocabulary[first] for first, _ in parts], np.int64)
    right = np.array([vocabulary[second] for _, second in parts], np.int64)
    joined = np.array([vocabulary[first + second] for first, second in parts], np.int32)
    _fill(left << 32 | right, joined, pairs, ranks, merged)
    byte_tokens = np.array([vocabulary[sign] for sign in byte_signs()], np.int32)
    return Merges(byte_tokens, pairs, ranks, merged)


@lru_cache
def byte_signs() -> list[str]:
    """The printable sign that stands for each byte in a byte-level vocabulary (GPT-2's table)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    signs = {byte: chr(byte) for byte in printable} | {byte: chr(256 + n) for n, byte in enumerate(others)}
    return [signs[byte] for byte in range(256)]


@lru_cache
def character_classes() -> Bytes:
    """[code points] the class of each character, by Python's regular expressions."""
    classes = np.full(0x110000, SIGN, np.uint8)
    everything = "".join(map(chr, range(len(classes))))
    for name, pattern in CLASSES.items():
        for run in re.finditer(pattern, everything):
            classes[run.start() : run.end()] = name
    return classes


@nb.njit(cache=True, nogil=True)
def _fill(keys: Int64s, joined: Int32s, pairs: Int64s, ranks: Int32s, merged: Int32s) -> None:
    for rank in range(keys.size):
        slot = _pair_slot(pairs, keys[rank])
        if pairs[slot] < 0:  # of a pair listed twice the last rank counts
            pairs[slot] = keys[rank]
        ranks[slot] = rank
        merged[slot] = joined[rank]


@nb.njit(cache=True, nogil=True, inline="always")
def _pair_slot(pairs: Int64s, key: int) -> int:
    """Where the pair is, or would be put."""
    mask = np.uint64(pairs.size - 1)
    mixed = np.uint64(key) * GOLDEN
    slot = (mixed ^ (mixed >> np.uint64(32))) & mask
    while pairs[slot] >= 0 and pairs[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return int(slot)


@nb.njit(cache=True, nogil=True, inline="always")
def _character(data: Bytes, i: int) -> tuple[int, int]:
    """Code point at byte i of valid UTF-8, and where the next one begins."""
    first = int(data[i])
    if first < 0x80:
        return first, i + 1
    if first < 0xE0:
        return (first & 0x1F) << 6 | (data[i + 1] & 0x3F), i + 2
    if first < 0xF0:
        return (first & 0x0F) << 12 | (data[i + 1] & 0x3F) << 6 | (data[i + 2] & 0x3F), i + 3
    high = (first & 0x07) << 18 | (data[i + 1] & 0x3F) << 12
    return high | (data[i + 2] & 0x3F) << 6 | (data[i + 3] & 0x3F), i + 4


@nb.njit(cache=True, nogil=True)
def _run_end(data: Bytes, i: int, stop: int, classes: Bytes, kind: int) -> int:
    """Where the run of characters of one class ends."""
    while i < stop:
        if data[i] < 0x80:  # most bytes of most pages
            if classes[data[i]] != kind:
                break
            i += 1
        else:
            code, after = _character(data, i)
            if classes[code] != kind:
                break
            i = after
    return i


@nb.njit(cache=True, nogil=True)
def _piece_end(data: Bytes, start: int, stop: int, classes: Bytes) -> int:
    """Where the piece that begins at `start` ends: the alternatives of `segment.PIECES`, in their order."""
    code, after = _character(data, start)
    kind = classes[code]
    if code == NEW_LINE:
        while after < stop and (data[after] == BLANK or data[after] == TAB):
            after += 1
        return after
    if kind == DIGIT:
        return after
    if code == BLANK and after < stop:
        next_code, next_after = _character(data, after)
        next_kind = classes[next_code]
        if next_kind in (LETTER, SIGN):
            return _run_end(data, next_after, stop, classes, next_kind)
    return _run_end(data, after, stop, classes, kind)


@nb.njit(cache=True, nogil=True)
def _merge_piece(
    data: Bytes,
    start: int,
    stop: int,
    byte_tokens: Int32s,
    pairs: Int64s,
    ranks: Int32s,
    merged: Int32s,
    room: Int64s,
    queue: list[int],
    tokens: Int32s,
    used: int,
) -> int:
    """Write the tokens of one piece from `used` on; returns where they end.

    Of all neighbours the pair that was learnt first is joined, the leftmost of equals, until none is left.
    """
    size = stop - start
    ids, before, after, rank_at = (
        room[0],
        room[1],
        room[2],
        room[3],
    )  # the rank is of the pair that begins here
    for k in range(size):
        ids[k] = byte_tokens[data[start + k]]
        before[k], after[k], rank_at[k] = k - 1, k + 1, NO_RANK
    for k in range(size - 1):
        _queue_pair(queue, k, ids, after, rank_at, pairs, ranks)
    while len(queue) > 0:
        best = heapq.heappop(queue)
        left = best & 0xFFFFFFFF
        if rank_at[left] != best >> 32:
            continue  # one of the two has meanwhile been joined to another
        right = after[left]
        ids[left] = merged[_pair_slot(pairs, ids[left] << 32 | ids[right])]
        rank_at[left] = rank_at[right] = NO_RANK
        after[left] = after[right]
        if after[left] < size:
            before[after[left]] = left
            _queue_pair(queue, left, ids, after, rank_at, pairs, ranks)
        if before[left] >= 0:
            rank_at[before[left]] = NO_RANK
            _queue_pair(queue, before[left], ids, after, rank_at, pairs, ranks)
    place = 0
    while place < size:
        tokens[used] = ids[place]
        used += 1
        place = after[place]
    return used


@nb.njit(cache=True, nogil=True, inline="always")
def _queue_pair(
    queue: list[int], left: int, ids: Int64s, after: Int64s, rank_at: Int64s, pairs: Int64s, ranks: Int32s
) -> None:
    """Queue the pair that begins at `left`, if it was learnt."""
    slot = _pair_slot(pairs, ids[left] << 32 | ids[after[left]])
    if pairs[slot] >= 0:
        rank_at[left] = ranks[slot]
        heapq.heappush(queue, rank_at[left] << 32 | left)


@nb.njit(cache=True, nogil=True, inline="always")
def _piece_hash(data: Bytes, start: int, size: int) -> np.uint64:
    """A hash of a piece. Short pieces of one size never share it: no step loses a bit."""
    mixed = np.uint64(0)
    if size <= WORD_BYTES:
        for k in range(start, start + size):
            mixed = mixed << np.uint64(8) | np.uint64(data[k])
    else:
        mixed = FNV_OFFSET
        for k in range(start, start + size):
            mixed = (mixed ^ np.uint64(data[k])) * FNV_PRIME
    mixed *= GOLDEN
    return mixed ^ (mixed >> np.uint64(32))


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
    classes: Bytes,
    byte_tokens: Int32s,
    pairs: Int64s,
    ranks: Int32s,
    merged: Int32s,
) -> tuple[Int32s, Int64s]:
    """Tokens of all texts one after the other, and the bounds of each text in them."""
    tokens = np.empty(offsets[-1] - offsets[0], np.int32)  # a token is one byte at least
    ends = np.zeros(offsets.size, np.int64)
    hashes = np.zeros(FIRST_SLOTS, np.uint64)
    pieces = np.zeros((FIRST_SLOTS, 4), np.int32)  # first byte, bytes (0: free), first token, tokens
    room = np.empty((4, FIRST_ROOM), np.int64)  # for the merges of one piece
    queue = [0 for _ in range(0)]  # of rank << 32 | place; empty between two pieces
    distinct = 0
    used = 0
    for text in range(offsets.size - 1):
        i, stop = offsets[text], offsets[text + 1]
        while i < stop:
            end = _piece_end(data, i, stop, classes)
            size = end - i
            mixed = _piece_hash(data, i, size)
            mask = np.uint64(hashes.size - 1)
            slot = mixed & mask
            while pieces[slot, 1] > 0 and not (
                hashes[slot] == mixed
                and pieces[slot, 1] == size
                and (size <= WORD_BYTES or _same(data, pieces[slot, 0], i, size))
            ):
                slot = (slot + np.uint64(1)) & mask
            if pieces[slot, 1] > 0:
                first, count = pieces[slot, 2], pieces[slot, 3]
                for k in range(count):
                    tokens[used + k] = tokens[first + k]
                used += count
            else:
                begin = used
                if size > room.shape[1]:
                    room = np.empty((4, 2 * size), np.int64)
                used = _merge_piece(
                    data, i, end, byte_tokens, pairs, ranks, merged, room, queue, tokens, used
                )
                hashes[slot] = mixed
                pieces[slot, 0], pieces[slot, 1] = i, size
                pieces[slot, 2], pieces[slot, 3] = begin, used - begin
                distinct += 1
                if 2 * distinct > hashes.size:
                    hashes, pieces = _grown(hashes, pieces)
            i = end
        ends[text + 1] = used
    return tokens[:used].copy(), ends


@nb.njit(cache=True, nogil=True)
def _grown(hashes: npt.NDArray[np.uint64], pieces: Int32s) -> tuple[npt.NDArray[np.uint64], Int32s]:
    """The table of pieces at twice the size."""
    more_hashes = np.zeros(2 * hashes.size, np.uint64)
    more_pieces = np.zeros((2 * hashes.size, 4), np.int32)
    mask = np.uint64(more_hashes.size - 1)
    for old in range(hashes.size):
        if pieces[old, 1] > 0:
            slot = hashes[old] & mask
            while more_pieces[slot, 1] > 0:
                slot = (slot + np.uint64(1)) & mask
            more_hashes[slot] = hashes[old]
            more_pieces[slot] = pieces[old]
    return more_hashes, more_pieces
