"""Loops for ever."""

def solve(a, b):
    while True:
        pass
