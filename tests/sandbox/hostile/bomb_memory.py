"""Takes all memory at once."""

x = bytearray(1 << 45)

def solve(a, b):
    return 0
