"""What runs inside the sandbox: standard library only, and no import of the rest of the cookbook.

`zygote.py` is the warm worker and `guard.py` watches what it runs: a program (`guest.py`), or a solution
(`candidate.py`) and the test that examines it from another process (`examiner.py`) across `border.py`.
"""
