"""Packing: documents into rows of at most `capacity` tokens.

Best-fit decreasing cuts documents only at the context length (Fewer Truncations, methods page, section 7.4);
causal packing joins everything and cuts every `capacity` tokens, for the ablation. Whether attention crosses
the borders inside a row is decided where rows are read (`data.py`): it does in causal packing alone.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Pieces = npt.NDArray[np.int64]  # [pieces, 2]: start in the token array, length
Rows = npt.NDArray[np.int64]  # [rows + 1]: first piece of each row, and the end


def best_fit(documents: Pieces, capacity: int) -> tuple[Pieces, Rows]:
    """Pack documents [n, 2] (start, length) into as few rows as best-fit decreasing finds.

    A document longer than `capacity` is cut into pieces of that length; no other document is cut. Pieces of
    equal length keep their order, so the result depends on the order of `documents` alone. Returns the
    pieces, row by row, and the rows.
    """
    pieces = _cut(documents, capacity)
    order = np.argsort(-pieces[:, 1], kind="stable")
    rows: list[list[int]] = []
    open_rows: dict[int, list[int]] = {}  # free tokens to rows, in the order in which they came
    free: list[int] = []  # the keys of open_rows, ascending
    lengths = pieces[:, 1].tolist()
    for piece in order.tolist():
        length = lengths[piece]
        place = bisect_left(free, length)
        if place == len(free):
            row, left = len(rows), capacity - length
            rows.append([piece])
        else:
            room = free[place]
            waiting = open_rows[room]
            row, left = waiting.pop(), room - length
            if not waiting:
                del open_rows[room], free[place]
            rows[row].append(piece)
        if left > 0:
            if left not in open_rows:
                open_rows[left] = []
                insort(free, left)
            open_rows[left].append(row)
    return _flatten(pieces, rows)


def causal(documents: Pieces, capacity: int) -> tuple[Pieces, Rows]:
    """Join documents in their order and cut every `capacity` tokens; a document may be cut anywhere."""
    pieces: list[tuple[int, int]] = []
    rows: list[list[int]] = []
    room = 0
    for start, length in documents.tolist():
        while length > 0:
            if room == 0:
                rows.append([])
                room = capacity
            take = min(length, room)
            rows[-1].append(len(pieces))
            pieces.append((start, take))
            start, length, room = start + take, length - take, room - take
    return _flatten(np.array(pieces, np.int64).reshape(-1, 2), rows)


def _cut(documents: Pieces, capacity: int) -> Pieces:
    if documents.shape[0] == 0 or int(documents[:, 1].max()) <= capacity:
        return documents
    cut = [
        (start + offset, min(capacity, length - offset))
        for start, length in documents.tolist()
        for offset in range(0, length, capacity)
    ]
    return np.array(cut, np.int64).reshape(-1, 2)


def _flatten(pieces: Pieces, rows: Sequence[Sequence[int]]) -> tuple[Pieces, Rows]:
    order = [piece for row in rows for piece in row]
    bounds = np.cumsum([0, *(len(row) for row in rows)], dtype=np.int64)
    return pieces[np.array(order, np.int64)].reshape(-1, 2), bounds


def reorder(pieces: Pieces, rows: Rows, order: Sequence[int]) -> tuple[Pieces, Rows]:
    """The rows in another order."""
    return _flatten(pieces, [range(int(rows[row]), int(rows[row + 1])) for row in order])


def join(parts: Sequence[tuple[Pieces, Rows]]) -> tuple[Pieces, Rows]:
    """Several packings one after the other."""
    if not parts:
        return np.zeros((0, 2), np.int64), np.zeros(1, np.int64)
    offsets = np.cumsum([0, *(len(pieces) for pieces, _ in parts)])
    bounds = [rows[:-1] + offset for (_, rows), offset in zip(parts, offsets[:-1], strict=True)]
    return np.concatenate([pieces for pieces, _ in parts]), np.concatenate([*bounds, offsets[-1:]])
