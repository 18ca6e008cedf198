"""What runs inside the sandbox: standard library only, and no import of the rest of the cookbook.

`zygote.py` is the warm worker and `guard.py` watches what it runs: a program (`guest.py`), or a pair
(`pair.py`) of a solution (`candidate.py`) and the test that examines it from another process (`examiner.py`)
across `border.py`. `closed.py` says which tests may share that process; `control.py` leads to it.
"""
