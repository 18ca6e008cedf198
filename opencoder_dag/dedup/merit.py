"""Which of several alike texts stays: most stars, then latest commit, then the smallest content hash.

Belongs here: the order of merit (OpenCoder, section 2.2) and the columns that it needs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# Unknown stars and unknown times come last. The identifier decides between copies of one content, the place
# in the corpus only between rows that are equal in everything.
MERIT = (
    ("tier", "ascending", "at_end"),  # what an earlier run kept stays
    ("stars", "descending", "at_end"),
    ("commit_time", "descending", "at_end"),
    ("sha256", "ascending", "at_end"),
    ("doc_id", "ascending", "at_end"),
    ("ordinal", "ascending", "at_end"),
)

# What is known of a text apart from the text itself.
ORIGIN_FIELDS = [
    pa.field("ordinal", pa.int64()),
    pa.field("tier", pa.int32()),
    pa.field("sha256", pa.binary(32)),
    pa.field("stars", pa.int64()),
    pa.field("commit_time", pa.timestamp("us", tz="UTC")),
    pa.field("doc_id", pa.string()),
    pa.field("path", pa.string()),
]
ORIGIN_SCHEMA = pa.schema(ORIGIN_FIELDS)
ORIGIN_COLUMNS = ["sha256", "stars", "commit_time", "doc_id", "path"]  # as they are read from a shard


def by_merit(table: pa.Table, *before: str) -> NDArray[np.int64]:
    """Row numbers in order of merit, best first; columns `before` are sorted by first."""
    keys = [*((name, "ascending", "at_end") for name in before), *MERIT]
    order: Any = pc.sort_indices(table, sort_keys=keys)
    return order.to_numpy().astype(np.int64)


def hash_partition(digests: NDArray[np.uint8], partitions: int) -> NDArray[np.int64]:
    """Partition of each digest [rows, 32], by its first four bytes."""
    prefix = digests[:, :4].astype(np.uint64) @ np.array([1 << 24, 1 << 16, 1 << 8, 1], np.uint64)
    return (prefix * np.uint64(partitions) >> np.uint64(32)).astype(np.int64)


def origin_table(
    table: pa.Table, digests: NDArray[np.uint8], ordinal: NDArray[np.int64], tier: NDArray[np.int32]
) -> pa.Table:
    """The columns of `ORIGIN_FIELDS` for the rows of a shard that `table` holds."""
    hashes = pa.Array.from_buffers(
        pa.binary(32), len(digests), [None, pa.py_buffer(np.ascontiguousarray(digests))]
    )
    columns = [pa.array(ordinal), pa.array(tier), hashes, *(table[name] for name in ORIGIN_COLUMNS[1:])]
    arrays = [
        (array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array).cast(field.type)
        for array, field in zip(columns, ORIGIN_FIELDS, strict=True)
    ]
    return pa.table(arrays, schema=ORIGIN_SCHEMA)
