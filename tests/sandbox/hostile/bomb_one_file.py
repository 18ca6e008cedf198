"""Writes one file without end."""

with open('big', 'wb') as handle:
    while True:
        try:
            handle.write(b'1' * (1 << 20))
        except OSError:
            pass
