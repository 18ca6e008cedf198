"""The program's own process: limits, a bare main module, and the one way to report success.

A program passes when its main module has run to its last line. Success is reported by a secret that the
worker made for this one process, written to a pipe that the worker reads after the process has gone. The
secret lives only in C objects that neither frames nor the garbage collector lead to, and the operations
that could dig it out (memory access, tracing, walking all objects) end the process.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
import types
from collections import deque
from functools import partial
from operator import call
from types import ModuleType
from typing import Any, NoReturn

FORBIDDEN_STATUS = 113
MEMORY_STATUS = 114
LONGEST_DETAIL = 400

# Audit events (docs.python.org, "Audit events table") of what no solution needs and a forger would.
FORBIDDEN_EVENTS = frozenset(
    {
        "code.__new__",
        "cpython.PyInterpreterState_New",
        "ctypes.addressof",
        "ctypes.call_function",
        "ctypes.cdata",
        "ctypes.cdata/buffer",
        "ctypes.dlsym",
        "ctypes.dlsym/handle",
        "ctypes.string_at",
        "ctypes.wstring_at",
        "gc.get_objects",
        "gc.get_referents",
        "gc.get_referrers",
        "sys._current_exceptions",
        "sys._current_frames",
        "sys.setprofile",
        "sys.settrace",
    }
)
OURS = tuple(
    f"inside{name}"
    for name in (
        *("", ".border", ".candidate", ".closed", ".control", ".examiner", ".guard", ".guest"),
        *(".pair", ".wire", ".zygote"),
    )
)
FORBIDDEN_MODULES = frozenset({"_testcapi", "_testinternalcapi", "_xxsubinterpreters"})

LIMITED = {
    "memory": resource.RLIMIT_AS,
    "file": resource.RLIMIT_FSIZE,
    "descriptors": resource.RLIMIT_NOFILE,
    "core": resource.RLIMIT_CORE,
    "processes": resource.RLIMIT_NPROC,
}
EVERY_LIMIT = sorted({value for name, value in vars(resource).items() if name.startswith("RLIMIT_")})
Limits = list[tuple[int, int]]


def run_program(source: str, seconds: int, report_fd: int, secret: list[bytes]) -> NoReturn:
    """Run a program as the main module of this process, report on `report_fd`, and exit."""
    me = os.getpid()
    try:
        module = enter(seconds)
        _forbid_digging()
        code = compile(source, "<program>", "exec", dont_inherit=True)
        del source
        steps: tuple[Any, ...] = (
            partial(exec, code, module.__dict__),
            partial(os.write, report_fd, secret.pop()),
            partial(os._exit, 0),
        )
        last_word: list[Any] = [map(call, steps)]
        del steps, code
        gc.freeze()
        deque(last_word.pop(), 0)  # runs the steps from C: no frame of ours holds the secret
    except BaseException as error:
        if os.getpid() == me:  # not in a process that the program forked
            fail(report_fd, error)
    os._exit(1)


def enter(seconds: int, module: ModuleType | None = None) -> ModuleType:
    """Own process group and CPU limit for a process that runs code nobody has read; returns its module."""
    os.setpgid(0, 0)  # cheaper than a session, for which the kernel makes a scheduling group
    set_limit(resource.RLIMIT_CPU, seconds)
    gc.enable()
    for name in OURS:
        sys.modules.pop(name, None)
    module = module or ModuleType("__main__")
    sys.modules["__main__"] = module
    return module


def set_limits(limits: dict[str, int]) -> Limits:
    """Set what does not depend on the program and is inherited from the worker; returns what holds then."""
    for name, what in LIMITED.items():
        set_limit(what, limits[name])
    return read_limits(0)


def read_limits(pid: int) -> Limits:
    """The limits of a process, 0 for this one; a program may have lowered those of others of its user."""
    return [resource.prlimit(pid, what) for what in EVERY_LIMIT]


def set_limit(what: int, value: int) -> None:
    """Soft and hard limit, never above the hard limit that is there already."""
    hard = resource.getrlimit(what)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(what, (value, value))


def fail(report_fd: int, error: BaseException) -> NoReturn:
    """Report how the program ended and exit."""
    status = MEMORY_STATUS if isinstance(error, MemoryError) else 1
    try:
        os.write(report_fd, b"!" + described(error).encode("utf-8", "replace"))
    finally:
        os._exit(status)


def described(error: BaseException) -> str:
    """An exception in one bounded line; its message may be code of the solution."""
    name = type(error).__name__
    try:
        message = " ".join(str(error)[:LONGEST_DETAIL].split())
    except BaseException:
        message = "(no readable message)"
    return (f"{name}: {message}" if message else name)[:LONGEST_DETAIL]


def _forbid_digging() -> None:
    def hook(
        event: str,
        args: tuple[Any, ...],
        events: frozenset[str] = FORBIDDEN_EVENTS,
        modules: frozenset[str] = FORBIDDEN_MODULES,
        leave: Any = os._exit,
        frame: Any = sys._getframe,
        harmless: Any = types.coroutine.__code__,  # sets a flag of a function; asyncio needs it
    ) -> None:
        if event in events or (event == "import" and args[0] in modules):
            if event == "code.__new__" and frame(1).f_code is harmless:
                return
            leave(113)  # FORBIDDEN_STATUS, as a constant that no one can rebind

    sys.addaudithook(hook)
