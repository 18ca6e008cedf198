"""Watching one running program: its clock, its memory, and the end of every process it started.

The clock does not count the time that the program was ready to run and another process had the CPU, nor the
time that the host of a virtual machine took from it, so a busy machine gives a program the same chance as an
idle one.
"""

# Plain `os` calls instead of pathlib and shutil: a worker is forked for every program, and what it has loaded
# makes each fork dearer.
# ruff: noqa: PTH101, PTH106, PTH108, PTH208

from __future__ import annotations

import contextlib
import operator
import os
import select
import signal
import time
from collections.abc import Iterable, Iterator, Sequence

TICK = 0.05
# Wall time that a program may take at the most, in multiples of its budget, however busy the machine is.
PATIENCE = 12.0
PAGE = os.sysconf("SC_PAGE_SIZE")
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
CPUS = os.cpu_count() or 1
LONGEST_FILE = 1 << 14

NAMESPACE, USER, TREE = "namespace", "user", "tree"


class Ending:
    """How the watch over a program ended: with a reason when the guard must end it."""

    def __init__(self, reason: str | None, seconds: float) -> None:
        self.reason = reason
        self.seconds = seconds  # on the program's own clock


def verdict_of_limit(reason: str, seconds: float) -> tuple[str, str]:
    """Verdict and detail of a program that the guard had to end."""
    if reason == "timeout":
        return "timeout", f"no end within {seconds:g} s"
    if reason == "memory":
        return "memory", "all processes together exceeded the memory limit"
    return "killed", "files exceeded the disk limit"


class HostGoneError(Exception):
    """The host has closed the channel: nobody waits for a verdict any more."""


class Guard:
    """Watches the processes of one program at a time.

    `limits` has the bytes that all of them together may hold in memory (resident) and under `folder` (disk).
    `reach` tells which processes can only be the program's: see `end_everything`.
    """

    def __init__(self, limits: dict[str, int], folder: str, reach: str, host_fd: int) -> None:
        self.limits, self.folder, self.reach, self.host_fd = limits, folder, reach, host_fd

    def watch(self, done: int, pids: Sequence[int], seconds: float, kept: int = 0) -> Ending:
        """Wait until `done` can be read or the program, with `seconds` on its own clock, must be ended.

        Of several processes only one is at work at a time. `kept` is the one of `pids` that has served other
        programs before.
        """
        clock = Clock(pids, kept)
        while True:
            wall, counted = clock.read()
            left = min(seconds - counted, seconds * PATIENCE - wall)
            if left <= 0:
                return Ending("timeout", counted)
            if self.wait(done, max(0.001, min(left, TICK))):
                return Ending(None, max(0.0, clock.read()[1]))  # zombies still have figures
            if wall >= TICK and (reason := self._excess(seconds, kept)):
                return Ending(reason, counted)

    def wait(self, fd: int, seconds: float) -> bool:
        """Whether `fd` can be read within so many seconds; raises `HostGoneError`."""
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        poll.register(self.host_fd, 0)  # only hang-up
        ready = [number for number, _ in poll.poll(seconds * 1000)]
        if self.host_fd in ready:
            raise HostGoneError
        return bool(ready)

    def _excess(self, seconds: float, kept: int) -> str | None:
        """Which limit all processes of the program together exceed, if any."""
        members = list(every_other_process() if self.reach == NAMESPACE else descendants(os.getpid()))
        if sum(map(resident, members)) > self.limits["resident"]:
            return "memory"
        if sum(cpu_seconds(pid) for pid in members if pid != kept) > (seconds + 1) * CPUS:
            return "timeout"
        if folder_bytes(self.folder, self.limits["disk"]) > self.limits["disk"]:
            return "disk"
        return None


class Clock:
    """Seconds since its start, and those of them that a program could have run in.

    Left out is what each of its processes waited for a CPU, with those below the kept one, and what the host
    took of the CPU that it took most of. In its first `TICK` there is nothing to leave out, which saves
    looking.
    """

    def __init__(self, pids: Sequence[int], kept: int) -> None:
        self.pids, self.kept = pids, kept
        self.waited_before = _run_delay(kept) if kept else 0.0
        self.stolen_before: list[float] | None = None
        self.start = time.monotonic()

    def read(self) -> tuple[float, float]:
        """Seconds since the start, and those that count."""
        wall = time.monotonic() - self.start
        if wall < TICK:
            return wall, wall
        stolen = _stolen()
        self.stolen_before = self.stolen_before or stolen
        lost = max(map(operator.sub, stolen, self.stolen_before), default=0.0)
        working = [*self.pids, *(descendants(self.kept) if self.kept else ())]
        return wall, wall - lost - (sum(map(_run_delay, working)) - self.waited_before)


def _stolen() -> list[float]:
    """Seconds that the host of a virtual machine took from each CPU since it started; nothing if unknown."""
    lines = _read("/proc/stat").split(b"\n")
    return [int(line.split()[8]) / CLOCK_TICKS for line in lines if line[:3] == b"cpu" and line[3:4] != b" "]


def _fields(path: str) -> list[bytes]:
    return _read(path).rpartition(b")")[2].split()


def _read(path: str) -> bytes:
    """What a small file of /proc says; nothing when it, or its process, is gone."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(fd, LONGEST_FILE)
    except OSError:
        return b""
    finally:
        os.close(fd)


def _run_delay(pid: int) -> float:
    """Seconds that a process was ready to run but did not (second field of schedstat); 0 if unknown."""
    fields = _fields(f"/proc/{pid}/schedstat")
    return int(fields[1]) / 1e9 if len(fields) > 1 else 0.0


def resident(pid: int) -> int:
    """Resident bytes of a process that are its own (memory shared with files does not count)."""
    fields = _fields(f"/proc/{pid}/statm")
    return (int(fields[1]) - int(fields[2])) * PAGE if len(fields) > 2 else 0


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and of the children it has waited for."""
    fields = _fields(f"/proc/{pid}/stat")  # counted from behind the name
    return sum(map(int, fields[11:15])) / CLOCK_TICKS if len(fields) > 14 else 0.0


def every_other_process() -> Iterable[int]:
    """Process ids in /proc but our own."""
    me = os.getpid()
    return (int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != me)


def descendants(pid: int) -> Iterator[int]:
    """Process ids below `pid`; orphans are found too, because the worker adopts them."""
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in _fields(f"/proc/{pid}/task/{task}/children"):
                yield int(child)
                yield from descendants(int(child))


def end_one(pid: int, kept: int) -> bool:
    """Kill and reap one process; returns whether it leaves any beside the one that is kept.

    Orphans are the worker's children, so what is left of a process that has been reaped is found there.
    """
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return [int(child) for child in _fields("/proc/thread-self/children")] != [kept]


def end_everything(reach: str, known: Sequence[int]) -> bool:
    """Kill and reap every process the program left; returns whether there were any beside the known ones.

    With `reach` NAMESPACE (the worker is process 1 of its own process namespace) or USER (the worker's user
    is its own) one signal to all reaches them at once, and nothing can fork its way out. With TREE the
    descendants are stopped and killed, sweep after sweep, until none is left.
    """
    found = False
    while True:
        if reach == TREE:
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in list(descendants(os.getpid())):
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, number)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        try:
            pid, _ = os.waitpid(-1, 0)
        except ChildProcessError:
            return found
        found = found or pid not in known


def folder_bytes(folder: str, enough: int) -> int:
    """Bytes in the files below a folder; stops counting above `enough`."""
    total = 0
    pending = [folder]
    while pending and total <= enough:
        with contextlib.suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    total += PAGE + entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                if total > enough:
                    break
    return total


def empty(folder: str) -> bool:
    """Remove everything below a folder, never following a link; returns whether it is empty then."""
    found = False
    pending = [folder]
    emptied = []
    while pending:
        parent = pending.pop()
        with contextlib.suppress(OSError):
            if parent != folder:
                os.chmod(parent, 0o700)  # a program may have taken its own permissions away
                emptied.append(parent)
            with os.scandir(parent) as scan:
                for entry in scan:
                    found = True
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    else:
                        with contextlib.suppress(OSError):
                            os.unlink(entry.path)
    for parent in reversed(emptied):
        with contextlib.suppress(OSError):
            os.rmdir(parent)
    return not (found and os.listdir(folder))
