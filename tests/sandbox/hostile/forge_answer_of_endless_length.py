"""Announces an answer of 2**63 bytes."""

import os
import struct


def solve(a, b):
    for fd in range(3, 64):
        try:
            os.write(fd, struct.pack("<Q", 1 << 63))
        except OSError:
            pass
    return 0
