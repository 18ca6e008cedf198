"""Raises what a generator ends with."""

def solve(a, b):
    raise GeneratorExit
