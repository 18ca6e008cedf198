"""Answers with a list that holds itself a hundred thousand times over."""

def solve(a, b):
    value = []
    for _ in range(100_000):
        value = [value]
    return value
