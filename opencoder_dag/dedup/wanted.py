"""A few keys looked for among many.

Belongs here: the search that a small batch makes through what is remembered of a large corpus. Every key of
the corpus is read once, in order, against a bitmap that fits the cache; only what passes it is looked up.
An index would save nothing: one new text in a hundred touches every page of 200 keys.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from opencoder_dag.kernels.sets import sieve_of, sift


class Wanted:
    """A set of keys, to be found among the keys of remembered shards."""

    def __init__(self, keys: NDArray[np.uint64]) -> None:
        self.keys = np.unique(keys)
        self.bits = max(3, len(self.keys).bit_length() + 4)  # at most one bit in sixteen is set
        self.sieve = sieve_of(self.keys, self.bits)

    def positions(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Positions in `keys` of those in the set."""
        if len(self.keys) == 0:
            return np.zeros(0, np.int64)
        likely = sift(keys, self.sieve, self.bits)
        place = np.minimum(np.searchsorted(self.keys, keys[likely]), len(self.keys) - 1)
        return likely[self.keys[place] == keys[likely]]
