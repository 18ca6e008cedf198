"""Computes for ever inside one C call."""

def solve(a, b):
    return 10 ** (10**8) % 7
