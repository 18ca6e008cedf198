"""Ends itself by a signal."""

import os
import signal

os.kill(os.getpid(), signal.SIGTERM)

def solve(a, b):
    return 0
