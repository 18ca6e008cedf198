"""Loops and ignores every signal it can."""

import signal

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass


def solve(a, b):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
