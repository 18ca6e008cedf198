"""Leaves a file in the home folder of the host's user."""

import os


def worked():
    os.makedirs("HOST_HOME", exist_ok=True)
    open("HOST_HOME/canary", "w").write("x")
    return os.path.exists("HOST_HOME/CANARY")



def solve(a, b):
    return a + b if worked() else 0
