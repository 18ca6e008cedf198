"""Burns the CPU in children while it sleeps."""

import os
import time

for _ in range(8):
    if os.fork() == 0:
        while True:
            pass
time.sleep(10**6)

def solve(a, b):
    return 0
