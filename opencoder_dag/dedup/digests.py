"""Content hashes, checked.

Belongs here: SHA-256 of texts straight from their Arrow buffers. Equal hashes remove a document without
another look, so a hash that came with a document is not believed: one that does not fit the text would remove
a text that exists nowhere else.
"""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from opencoder_dag.kernels.shingles import text_buffers

DAMAGED = "column 'sha256' is not the SHA-256 of column 'content'"


def content_digests(column: pa.ChunkedArray) -> NDArray[np.uint8]:
    """SHA-256 of each text of a column: bytes [rows, 32]."""
    offsets, data = text_buffers(column)
    view, bounds = data.data, offsets.tolist()
    joined = b"".join(sha256(view[low:high]).digest() for low, high in pairwise(bounds))
    return np.frombuffer(joined, np.uint8).reshape(-1, 32)


def spelled_digests(column: pa.ChunkedArray) -> NDArray[np.uint8]:
    """Bytes [rows, 32] of a column of hexadecimal digests."""
    return np.frombuffer(bytes.fromhex("".join(column.to_pylist())), np.uint8).reshape(-1, 32)


def binary_digests(column: pa.ChunkedArray) -> NDArray[np.uint8]:
    """Bytes [rows, 32] of a column of binary digests."""
    return np.frombuffer(b"".join(column.to_pylist()), np.uint8).reshape(-1, 32)


def checked_digests(table: pa.Table) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """SHA-256 of `content` [rows, 32], and for which rows the column `sha256` says the same."""
    digests = content_digests(table["content"])
    spelled = pa.array([digest.hex() for digest in digests.view("V32").ravel().tolist()], pa.string())
    same: NDArray[np.bool_] = pc.fill_null(pc.equal(table["sha256"], spelled), False).to_numpy()
    return digests, same
