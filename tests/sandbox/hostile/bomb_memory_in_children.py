"""Takes memory in many processes."""

import os
import time

for _ in range(12):
    if os.fork() == 0:
        x = b'1' * (200 << 20)
        time.sleep(1000)
time.sleep(1000)
