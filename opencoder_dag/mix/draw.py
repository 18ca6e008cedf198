"""Random choices that a document's hash decides, whoever asks, whenever and in whichever order.

Belongs here: turning (seed, purpose, identity) into an order or a number. Does not belong here: what is
chosen and how much of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def draw(seed: int, purpose: str, identity: str) -> int:
    """A uniform 64-bit number for one thing, other for each seed and purpose."""
    text = f"{seed}\x1f{purpose}\x1f{identity}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def draws(seed: int, purpose: str, identities: Iterable[str]) -> NDArray[np.uint64]:
    """`draw` for many things; shape (n,)."""
    return np.fromiter((draw(seed, purpose, identity) for identity in identities), np.uint64)
