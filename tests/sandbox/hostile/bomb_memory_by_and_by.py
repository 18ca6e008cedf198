"""Takes memory piece by piece, and goes on when it is refused."""

held = []
while True:
    try:
        held.append(b'1' * (8 << 20))
    except MemoryError:
        pass
