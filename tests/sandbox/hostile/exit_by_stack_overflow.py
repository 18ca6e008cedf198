"""Overflows the C stack."""

import sys

sys.setrecursionlimit(10**9)


def solve(a, b):
    return solve(a, b)
