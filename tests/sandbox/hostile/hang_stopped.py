"""Stops itself."""

import os
import signal


def solve(a, b):
    os.kill(os.getpid(), signal.SIGSTOP)
