"""Sleeps for ever."""

import time


def solve(a, b):
    time.sleep(10**6)
