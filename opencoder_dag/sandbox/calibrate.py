"""How fast this machine is, so that a slow one does not turn right programs into time-outs."""

from __future__ import annotations

import time
from functools import cache

# CPU seconds of `_work` on the machine that the default limits were chosen on (Python 3.11, 2.9 GHz).
REFERENCE_SECONDS = 0.008
ROUNDS = 3


def _work() -> int:
    table: dict[int, int] = {}
    total = 0
    for number in range(60_000):
        total = (total * 31 + number) % 1_000_003
        table[total] = table.get(total, 0) + 1
    return sum(sorted(table.values()))


@cache
def slowness() -> float:
    """Factor, at least 1, by which time limits are stretched here: CPU time of a fixed piece of work against
    the reference. The best of a few rounds, so that other load does not count."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.thread_time()
        _work()
        best = min(best, time.thread_time() - start)
    return max(1.0, best / REFERENCE_SECONDS)
