"""Leaves shared memory of the other kind."""

import ctypes

ctypes.CDLL(None).shmget(1234, 1 << 20, 0o1666)


def solve(a, b):
    return 0
