"""Fills the shared memory folder."""

with open('/dev/shm/big', 'wb') as handle:
    while True:
        try:
            handle.write(b'1' * (1 << 20))
        except OSError:
            pass
