"""How often each document is seen: caps, targets and repeats, by tokens.

Belongs here: arithmetic on small columns (identity, tokens, bytes) of the whole corpus. Does not belong
here: reading documents or deciding which part they belong to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# After the first document that no longer fits, so many more are tried in hash order for the remaining tokens.
FILL_WINDOW = 4096


@dataclass(frozen=True)
class Choice:
    """What one pool gives to one phase: repeats a document (shape (n,)), tokens asked, available and used."""

    repeats: NDArray[np.int32]
    asked: int
    available: int
    used: int

    @property
    def documents(self) -> int:
        """How many different documents are used."""
        return int(np.count_nonzero(self.repeats))


def choose(tokens: NDArray[np.int64], order: NDArray[np.uint64], target: int, max_repeats: float) -> Choice:
    """Repeat or sample a pool so that it gives `target` tokens, never more.

    A pool smaller than the target is seen whole as often as it fits, and the rest of the target is filled
    with documents in the order of `order` (uniform numbers). The pool is seen at most `max_repeats` times, so
    that no document is repeated more often than `max_repeats` rounded up.
    """
    available = int(tokens.sum())
    repeats = np.zeros(len(tokens), np.int32)
    reachable = min(target, int(available * max_repeats))
    if available == 0 or reachable <= 0:
        return Choice(repeats, target, available, 0)
    whole = reachable // available
    repeats += whole
    ranks = np.lexsort((tokens, order))
    taken = fill(tokens[ranks], reachable - whole * available)
    repeats[ranks[taken]] += 1
    return Choice(repeats, target, available, int((tokens * repeats).sum()))


def fill(tokens: NDArray[np.int64], target: int) -> NDArray[np.intp]:
    """Positions of the documents that fill `target` tokens when taken in order.

    The longest prefix that fits is taken; of the next `FILL_WINDOW` documents each that still fits.
    """
    cut = int(np.searchsorted(np.cumsum(tokens), target, side="right"))
    left = target - int(tokens[:cut].sum())
    extra = []
    for position in range(cut, min(cut + FILL_WINDOW, len(tokens))):
        if 0 < tokens[position] <= left:
            extra.append(position)
            left -= int(tokens[position])
    return np.concatenate([np.arange(cut), np.array(extra, np.intp)])


def cap_limits(bytes_by_language: Mapping[str, int], caps: Mapping[str, float]) -> dict[str, int]:
    """Highest bytes of each capped language.

    A cap up to 1 is a share of the bytes that remain after capping, a greater one is a number of bytes
    (OpenCoder, section 2.2: Java 449 to 200 GB). Where nothing but capped languages is there, shares of the
    whole cannot be met and are taken of the bytes given instead.
    """
    given = {language: bytes_by_language.get(language, 0) for language in caps}
    limits = {language: int(cap) for language, cap in caps.items() if cap > 1}
    shares = {language: cap for language, cap in caps.items() if cap <= 1}
    fixed = sum(min(given[language], limit) for language, limit in limits.items())
    free = sum(size for language, size in bytes_by_language.items() if language not in caps) + fixed
    # Water filling: the languages above their share fix the total, which may push another one above its own.
    above: set[str] = set()
    while True:
        below = free + sum(given[language] for language in shares if language not in above)
        left = 1 - sum(shares[language] for language in above)
        solvable = left > 1e-9 and below > 0
        total = below / left if solvable else float(sum(bytes_by_language.values()))
        found = {language for language in shares if given[language] > shares[language] * total}
        if found <= above:
            break
        above |= found
        if not solvable:
            break
    for language in shares:
        limits[language] = int(shares[language] * total) if language in above else given[language]
    return limits


def over_cap(sizes: NDArray[np.int64], order: NDArray[np.uint64], limit: int) -> NDArray[np.bool_]:
    """Which documents of one language have to go so that the rest has at most `limit` bytes; shape (n,)."""
    ranks = np.lexsort((sizes, order))
    gone = np.ones(len(sizes), np.bool_)
    gone[ranks[fill(sizes[ranks], limit)]] = False
    return gone
