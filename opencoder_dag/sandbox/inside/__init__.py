"""What runs inside the sandbox: standard library only, and no import of the rest of the cookbook.

`zygote.py` is the warm worker, `guard.py` watches a running program, `guest.py` is the program's own process.
"""
