"""Leaves with status 0 from a signal handler."""

import os
import signal

signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
signal.setitimer(signal.ITIMER_REAL, 0.01)


def solve(a, b):
    while True:
        pass
