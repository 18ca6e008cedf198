"""Watching one running program: its clock, its memory, and the end of every process it started.

The clock does not count the time that the program was ready to run and another process had the CPU, so a
busy machine gives a program the same chance as an idle one.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TICK = 0.05
# Wall time that a program may take at the most, in multiples of its budget, however busy the machine is.
PATIENCE = 12.0
PAGE = os.sysconf("SC_PAGE_SIZE")

NAMESPACE, USER, TREE = "namespace", "user", "tree"


@dataclass
class Ending:
    """How the process of a program ended: a reason when the guard ended it, else its wait status."""

    reason: str | None
    status: int | None
    seconds: float  # on the program's own clock


class HostGoneError(Exception):
    """The host has closed the channel: nobody waits for a verdict any more."""


def watch(pid: int, seconds: float, limits: dict[str, int], folder: Path, reach: str, host_fd: int) -> Ending:
    """Wait until process `pid` ends or must be ended; the caller then kills what is left.

    `seconds` is the budget on the program's own clock, `limits` has the bytes that all its processes together
    may hold in memory (resident) and under `folder` (disk). `reach` tells which processes can only be the
    program's: see `end_everything`.
    """
    start = time.monotonic()
    process = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(process, select.POLLIN)
    poll.register(host_fd, 0)  # only hang-up
    try:
        while True:
            wall = time.monotonic() - start
            waited = 0.0 if wall < TICK else _run_delay(pid)
            clock = wall - waited
            left = min(seconds - clock, seconds * PATIENCE - wall)
            if left <= 0:
                return Ending("timeout", None, clock)
            for fd, _ in poll.poll(max(1.0, min(left, TICK) * 1000)):
                if fd == host_fd:
                    raise HostGoneError
                waited = _run_delay(pid) if wall >= TICK else 0.0  # a zombie still has its figures
                _, status = os.waitpid(pid, 0)
                return Ending(None, status, max(0.0, time.monotonic() - start - waited))
            if wall >= TICK:
                members = every_other_process() if reach == NAMESPACE else descendants(os.getpid())
                if sum(map(resident, members)) > limits["resident"]:
                    return Ending("memory", None, clock)
                if folder_bytes(folder, limits["disk"]) > limits["disk"]:
                    return Ending("disk", None, clock)
    finally:
        os.close(process)


def _run_delay(pid: int) -> float:
    """Seconds that a process was ready to run but did not (second field of schedstat); 0 if unknown."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_bytes().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def resident(pid: int) -> int:
    """Resident bytes of a process that are its own (shared memory files count, shared libraries do not)."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_bytes().split()
        return (int(fields[1]) - int(fields[2])) * PAGE
    except (OSError, IndexError, ValueError):
        return 0


def every_other_process() -> Iterator[int]:
    """Process ids in /proc but our own."""
    me = os.getpid()
    return (int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != me)  # noqa: PTH208


def descendants(pid: int) -> Iterator[int]:
    """Process ids below `pid`; orphans are found too, because the worker adopts them."""
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                yield int(child)
                yield from descendants(int(child))


def end_everything(reach: str, group: int) -> bool:
    """Kill and reap every process the program left; returns whether there were any beside the first.

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
        found = found or pid != group


def folder_bytes(folder: Path, enough: int) -> int:
    """Bytes in the files below a folder; stops counting above `enough`."""
    total = 0
    pending = [os.fspath(folder)]
    while pending and total <= enough:
        with contextlib.suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    total += 4096 + entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                if total > enough:
                    break
    return total


def empty(folder: Path) -> bool:
    """Remove everything below a folder; returns whether there was anything."""
    with os.scandir(folder) as scan:
        entries = list(scan)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            _unlock(entry.path)
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                Path(entry.path).unlink()
    return bool(entries)


def _unlock(folder: str) -> None:
    """Give back the permissions that a program took from its own folders, top down."""
    pending = [folder]
    while pending:
        parent = pending.pop()
        with contextlib.suppress(OSError):
            Path(parent).chmod(0o700)
            with os.scandir(parent) as scan:
                pending += [entry.path for entry in scan if entry.is_dir(follow_symlinks=False)]
