"""Union-find on an integer array.

Belongs here: joining and looking up sets of integers. The root of a set is its smallest member, so the
result does not depend on the order in which pairs arrive.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def _find(parent: NDArray[np.int64], item: int) -> int:
    while parent[item] != item:
        parent[item] = parent[parent[item]]  # path halving
        item = parent[item]
    return item


@njit(cache=True, nogil=True)
def unite(parent: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64]) -> None:
    """Join the sets of `left[i]` and `right[i]` for each i; `parent` starts as `arange(n)`."""
    for index in range(len(left)):
        a = _find(parent, left[index])
        b = _find(parent, right[index])
        if a < b:
            parent[b] = a
        elif b < a:
            parent[a] = b


@njit(cache=True, nogil=True)
def flatten(parent: NDArray[np.int64]) -> None:
    """Let every item point at its root."""
    for item in range(len(parent)):
        parent[item] = _find(parent, item)
