"""Aborts."""

import os


def solve(a, b):
    os.abort()
