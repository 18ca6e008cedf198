"""Waits for a lock that it holds."""

import threading

lock = threading.Lock()


def solve(a, b):
    lock.acquire()
    lock.acquire()
