"""Interrupts itself."""

def solve(a, b):
    raise KeyboardInterrupt
