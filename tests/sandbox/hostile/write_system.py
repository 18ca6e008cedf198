"""Writes into the system."""

import os


def worked():
    for place in ("/usr", "/usr/bin", "/bin", "/etc", "/lib", "/", "/sandbox", "/sandbox/inside", "/dev", os.__file__):
        try:
            with open(place if place.endswith(".py") else f"{place}/canary", "a") as handle:
                handle.write("# canary")
            return True
        except OSError:
            pass
    return False



def solve(a, b):
    return a + b if worked() else 0
