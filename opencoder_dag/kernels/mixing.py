"""Integer mixers that the other kernels share.

Belongs here: bijections on 32-bit and 64-bit words (the finalizers of MurmurHash3), so that weak sums and
products become values that look random.
"""

from __future__ import annotations

import numpy as np
from numba import njit

U1 = np.uint64(1)
PRIME = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio, odd
_S33 = np.uint64(33)
_M1 = np.uint64(0xFF51AFD7ED558CCD)
_M2 = np.uint64(0xC4CEB9FE1A85EC53)


@njit(inline="always")
def fmix64(value: np.uint64) -> np.uint64:
    """The 64-bit finalizer of MurmurHash3."""
    value ^= value >> _S33
    value *= _M1
    value ^= value >> _S33
    value *= _M2
    return value ^ (value >> _S33)


@njit(inline="always")
def fmix32(value: np.uint32) -> np.uint32:
    """The 32-bit finalizer of MurmurHash3, which `datasketch` applies before its affine permutations."""
    value = np.uint32(value ^ np.uint32(value >> np.uint32(16)))
    value = np.uint32(value * np.uint32(0x85EBCA6B))
    value = np.uint32(value ^ np.uint32(value >> np.uint32(13)))
    value = np.uint32(value * np.uint32(0xC2B2AE35))
    return np.uint32(value ^ np.uint32(value >> np.uint32(16)))
