"""The warm worker: common imports done once, then one forked process a program.

The worker takes one program after another from the host, hands each to a fresh process, watches it, ends
everything it left and answers with the verdict. It is not dumpable, so that no program of the same user can
trace it or read its memory or descriptors.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import random
import signal
import sys
from typing import Any

from inside import guard, guest, pair, wire

# What solutions import most; loaded once here instead of in every program.
COMMON = (
    *(
        "abc",
        "bisect",
        "collections",
        "copy",
        "datetime",
        "enum",
        "functools",
        "heapq",
        "itertools",
        "json",
        "math",
    ),
    *("operator", "random", "re", "string", "typing"),
)

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
SHARED_MEMORY = "/dev/shm"
IPC_TABLES = ("/proc/sysvipc/shm", "/proc/sysvipc/sem", "/proc/sysvipc/msg")
LONGEST_REPORT = 4096


class Worker:
    """Runs programs one at a time in `folder`, which it empties after each."""

    def __init__(self, settings: dict[str, Any], requests: int, replies: int) -> None:
        self.requests, self.replies = requests, replies
        self.folder: str = settings["folder"]
        self.limits: dict[str, int] = settings["limits"]
        self.contained: bool = settings["contained"]
        self.reach = self._give_up_rights(settings["uid"])
        if not self.contained and self.reach == guard.TREE:
            self.limits["processes"] += _threads_of_user()
        self.limits_set = guest.set_limits(self.limits)
        self.guard = guard.Guard(self.limits, self.folder, self.reach, requests)
        self.pairs = pair.Pairs(self.guard, self.limits_set, replies, self._fork)
        os.chdir(self.folder)
        sys.argv[:] = ["program.py"]
        self.ipc_tables: list[int] = []
        if self.contained:
            with contextlib.suppress(OSError):
                self.ipc_tables = [os.open(table, os.O_RDONLY) for table in IPC_TABLES]

    def _give_up_rights(self, uid: int | None) -> str:
        dropped = False
        if uid is not None and os.getuid() == 0 and (self.contained or _standard_library_open_to(uid)):
            if not self.contained:
                os.chown(self.folder, uid, uid)
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            dropped = True
        self._prctl = ctypes.CDLL(None).prctl
        self._prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        self._prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if self.contained and os.getpid() == 1:
            return guard.NAMESPACE
        return guard.USER if dropped else guard.TREE

    def serve(self) -> None:
        """Answer requests until the host closes the channel."""
        while (request := wire.receive(self.requests)) is not None:
            try:
                reply = self.run(request["source"], float(request["seconds"]), request["examined"])
            except Exception as error:
                guard.end_everything(self.reach, ())
                if isinstance(error, guard.HostGoneError):
                    return
                verdict, detail = "error", f"the sandbox failed: {type(error).__name__}: {error}"
                if self._limits_lowered():
                    verdict, detail = "killed", "lowered the limits of the sandbox"
                reply = {"verdict": verdict, "detail": detail, "seconds": 0.0, "retire": True}
            wire.send(self.replies, reply)

    def run(self, source: str, seconds: float, examined: bool) -> dict[str, Any]:
        """The verdict on one program, and whether it left so much behind that this worker should retire.

        An `examined` program is a solution only; the host sends its test next, to the process of the tests.
        """
        reply = self.pairs.run(source, seconds) if examined else self._run_whole(source, seconds)
        cleared = guard.empty(self.folder)
        if self.contained:
            cleared = guard.empty(SHARED_MEMORY) and cleared
        sound = cleared and not self._ipc_in_use() and not self._limits_lowered()
        reply["retire"] = reply["retire"] or not sound
        return reply

    def _run_whole(self, source: str, seconds: float) -> dict[str, Any]:
        # In a box, so that the forked process can take it out of every frame that it has inherited.
        secret = [os.urandom(24).hex().encode()]
        reading, writing = os.pipe2(os.O_CLOEXEC)
        pid = self._start_program(source, int(seconds) + 2, reading, writing, secret)
        os.close(writing)
        done = os.pidfd_open(pid)
        status = 0
        try:
            ending = self.guard.watch(done, [pid], seconds)
            if not ending.reason:
                _, status = os.waitpid(pid, 0)
            left_processes = guard.end_everything(self.reach, [pid])
            os.set_blocking(reading, False)
            report = _read_report(reading)
        finally:
            os.close(reading)
            os.close(done)
        verdict, detail = judge(ending, status, report, secret[0], seconds)
        return {
            "verdict": verdict,
            "detail": detail,
            "seconds": ending.seconds,
            "retire": ending.reason is not None or left_processes,
        }

    def _ipc_in_use(self) -> bool:
        """Whether shared memory, semaphores or queues exist in the worker's namespace."""
        return any(os.pread(table, 4096, 0).count(b"\n") > 1 for table in self.ipc_tables)  # a heading

    def _limits_lowered(self) -> bool:
        """Whether the program has lowered limits of this worker, which it can: they have one user."""
        return guest.read_limits(0) != self.limits_set

    def _fork(self) -> int:
        """Fork; the new process ends with the worker."""
        pid = os.fork()
        if pid == 0:
            self._prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        return pid

    def _start_program(
        self, source: str, seconds: int, reading: int, writing: int, secret: list[bytes]
    ) -> int:
        if pid := self._fork():
            return pid
        os.close(self.requests)
        os.close(self.replies)
        os.close(reading)
        return guest.run_program(source, seconds, writing, secret)


def judge(ending: guard.Ending, status: int, report: bytes, secret: bytes, seconds: float) -> tuple[str, str]:
    """Verdict and detail. Only the bare secret, once, from a process that then exited by itself passes."""
    if ending.reason:
        return guard.verdict_of_limit(ending.reason, seconds)
    code = os.waitstatus_to_exitcode(status)
    if report == secret and code == 0:
        return "passed", ""
    if code == guest.FORBIDDEN_STATUS:
        return "failed", "used an operation that could reach the verdict (ctypes, gc, tracing, code objects)"
    if code < 0:
        if -code == 24 or (-code == 9 and ending.seconds >= seconds * 0.9):
            return "timeout", "CPU limit"
        return "killed", f"signal {-code}"
    if report.startswith(b"!") and secret not in report:
        return ("memory" if code == guest.MEMORY_STATUS else "failed"), report[1:].decode("utf-8", "replace")
    if report:
        return "failed", "wrote to the verdict channel"
    return "failed", f"left before its last line (exit status {code})"


def _read_report(fd: int) -> bytes:
    try:
        return os.read(fd, LONGEST_REPORT)
    except BlockingIOError:
        return b""


def _standard_library_open_to(uid: int) -> bool:
    os.seteuid(uid)
    try:
        with open(os.__file__, "rb"):  # noqa: PTH123
            return True
    except OSError:
        return False
    finally:
        os.seteuid(0)


def _threads_of_user() -> int:
    """Threads that this user runs now: the limit on processes counts them all."""
    total, uid = 0, os.getuid()
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            with contextlib.suppress(OSError):
                if os.stat(f"/proc/{name}").st_uid == uid:  # noqa: PTH116
                    total += len(os.listdir(f"/proc/{name}/task"))  # noqa: PTH208
    return total


def main() -> None:
    """Set up over the channel (standard input and output), then serve."""
    requests, replies = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.close(null)
    settings = wire.receive(requests)
    for name in (*COMMON, *settings["preload"]):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    del sys.path[0]
    random.seed(0)
    worker = Worker(settings, requests, replies)
    gc.collect()
    gc.freeze()
    gc.disable()
    wire.send(replies, {"ready": True, "reach": worker.reach})
    worker.serve()
