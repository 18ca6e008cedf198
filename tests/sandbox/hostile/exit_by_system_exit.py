"""SystemExit without a status."""

def solve(a, b):
    raise SystemExit
