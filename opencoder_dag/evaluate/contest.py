"""Runs beside the solution of a contest problem: the program is started anew for every test case.

This file is read as text and put before `PROGRAM` (the solution's source), `SECONDS` (CPU time of one case)
and `ENTRY_POINT` (a function of it, or nothing) in the sandbox, so it needs the standard library only. The
cases and what their answers are compared with are in the process of the test.
"""

# ruff: noqa: PTH123, SIM115 - the standard library only, and descriptors that outlive every block
import os as _os
import signal as _signal
import sys as _sys

# What the judges of contests have imported already; the builtins come last, where names are the same.
_STARRED = "string re datetime collections heapq bisect copy math random itertools functools operator typing"
_OFFERED: dict[str, object] = {}
for _name in [*_STARRED.split(), "builtins"]:
    exec(f"from {_name} import *", _OFFERED)
for _name in [*_STARRED.split(), "sys", "io", "json", "statistics"]:
    exec(f"import {_name}", _OFFERED)

PROGRAM, ENTRY_POINT, SECONDS = "", "", 6.0  # set by what follows this file

# A function gets its arguments as lines of JSON and answers in the last line.
_CALL = """
import json as _json, sys as _sys
_arguments = [_json.loads(_line) for _line in _sys.stdin.read().split("\\n") if _line.strip()]
_answer = (Solution().{0} if "Solution" in globals() else {0})(*_arguments)
print("\\n" + _json.dumps(_answer))
"""


def answer_to(text):  # type: ignore[no-untyped-def]
    """What the program writes when it gets a text as its standard input.

    Raises `TimeoutError` when it used its CPU time, and `RuntimeError` when it failed.
    """
    with open("input", "w", encoding="utf-8") as handle:
        handle.write(text)
    child = _os.fork()
    if child == 0:
        _become_the_program()
    status = _os.waitpid(child, 0)[1]
    if _os.WIFSIGNALED(status) and _os.WTERMSIG(status) == _signal.SIGPROF:
        raise TimeoutError(f"more than {SECONDS:.1f} s of CPU time in one case")
    if status != 0:
        with open("failure", encoding="utf-8") as handle:
            raise RuntimeError(handle.read() or f"ended with status {status}")
    with open("output", encoding="utf-8", errors="replace") as handle:
        return handle.read()


def _become_the_program():  # type: ignore[no-untyped-def]
    """The rest of this process is one run of the program, with real descriptors 0 and 1."""
    status = 1
    with open("failure", "w", encoding="utf-8") as failure:
        try:
            _os.dup2(_os.open("input", _os.O_RDONLY), 0)
            _os.dup2(_os.open("output", _os.O_WRONLY | _os.O_CREAT | _os.O_TRUNC), 1)
            _sys.stdin = open(0, encoding="utf-8", closefd=False)
            _sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
            _signal.setitimer(_signal.ITIMER_PROF, SECONDS)
            _sys.setrecursionlimit(50_000)
            source = PROGRAM + (_CALL.format(ENTRY_POINT) if ENTRY_POINT else "")
            names = {**_OFFERED, "__name__": "solution" if ENTRY_POINT else "__main__"}
            exec(compile(source, "<solution>", "exec", dont_inherit=True), names)
            status = 0
        except SystemExit as error:
            status = 0 if error.code in (None, 0) else 1
            failure.write(f"SystemExit: {error.code}"[:400])
        except BaseException as error:
            failure.write(f"{type(error).__name__}: {error}"[:400])
        finally:
            try:
                _sys.stdout.flush()
                failure.flush()
            finally:
                _os._exit(status)
