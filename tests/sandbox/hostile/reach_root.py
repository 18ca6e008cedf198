"""Becomes root, or mounts, or makes a device."""

import ctypes
import os


def worked():
    libc = ctypes.CDLL(None)
    try:
        os.setuid(0)
        if os.path.exists("HOST_HOME/CANARY"):
            return True
    except OSError:
        pass
    if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0 or libc.chroot(b"/tmp") == 0:
        return True
    try:
        os.mknod("device", 0o60600, os.makedev(254, 0))
        open("device", "rb").read(1)
        return True
    except OSError:
        return False



def solve(a, b):
    return a + b if worked() else 0
