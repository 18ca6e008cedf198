"""What a caller says about a run in the sandbox, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["bubblewrap", "process"]
Verdict = Literal["passed", "failed", "timeout", "memory", "killed", "error"]


@dataclass(frozen=True)
class SandboxOptions:
    """How programs are contained, and what each may use.

    `kind`: bubblewrap (namespaces: no network, read-only system, private temporary folder), process (limits
    and a session only) or auto, which takes bubblewrap where it works. `seconds` is the time limit of a
    program on a clock that stands still while others have the CPU; slower hosts stretch it.
    `memory_bytes` bounds the address space of a process and the resident memory of all of a program's
    processes together. `workers` programs run at a time. `preload` names modules that workers import once.
    """

    kind: Literal["auto", "bubblewrap", "process"] = "auto"
    seconds: float = 3.0
    memory_bytes: int = 1 << 30
    workers: int = 2
    preload: tuple[str, ...] = ()


@dataclass(frozen=True)
class Program:
    """A solution and the test that examines it from another process.

    The solution cannot see the test, change what it compares, or end it early: only plain values cross
    between the two. `entry_points` are names that the test takes from the solution; others that it does not
    define are looked up there too. `prelude` is run before the test, such as the helpers of a prompt.
    `seconds` is a time limit of its own.
    """

    solution: str
    test: str
    entry_points: tuple[str, ...] = ()
    prelude: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Outcome:
    """The verdict on one program.

    passed: the main module ran to its last line. failed: an exception, an early exit, or an attempt on the
    verdict. timeout, memory: a limit. killed: ended by a signal or by the disk limit. error: the sandbox
    itself failed, which says nothing about the program. `seconds` is on the program's own clock.
    """

    verdict: Verdict
    detail: str
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether the verdict is `passed`."""
        return self.verdict == "passed"
