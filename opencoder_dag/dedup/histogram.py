"""Cluster sizes as a short histogram.

Belongs here: the classes of cluster sizes, fine for small clusters and coarse for large ones, so that the
counts of shards add up and the plot stays readable.
"""

from __future__ import annotations

from itertools import pairwise

_UPPER = [10, 20, 50, 100, 1_000, 10_000, 100_000]


def size_label(size: int) -> str:
    """The class of a cluster size: `2`, ..., `10`, `11-20`, ..., `100001+`."""
    if size <= _UPPER[0]:
        return str(size)
    for lower, upper in pairwise(_UPPER):
        if size <= upper:
            return f"{lower + 1}-{upper}"
    return f"{_UPPER[-1] + 1}+"


def size_order(label: str) -> int:
    """Sort key of a class."""
    return int(label.split("-")[0].rstrip("+"))
