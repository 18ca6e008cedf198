"""Other work on the machine must not change a verdict: the clock of a program stands still while it waits."""

from __future__ import annotations

import os
import textwrap

import pytest

from opencoder_dag.sandbox import Program, SandboxOptions, run_programs
from opencoder_dag.sandbox.calibrate import slowness
from opencoder_dag.sandbox.inside import guard

# Burns CPU time, not wall time, so that it is the same work on a busy machine.
BURN = "import time\nend = time.thread_time() + {seconds}\nwhile time.thread_time() < end:\n    pass\n"
LIMIT = 0.8


def verdicts() -> list[str]:
    share = LIMIT * slowness() * 0.55
    near = BURN.format(seconds=share)
    programs: list[str | Program] = [
        near,
        Program(f"def work():\n{textwrap.indent(near, '    ')}    return 1\n", "assert work() == 1"),
        f"import time\ntime.sleep({share})",
        "while True: pass",
        Program("def work():\n    while True: pass\n", "work()"),
        "assert False",
        "pass",
    ]
    outcomes = run_programs(programs, SandboxOptions(seconds=LIMIT))
    return [outcome.verdict for outcome in outcomes]


def test_same_verdicts_under_full_load(full_load: None) -> None:
    assert verdicts() == ["passed", "passed", "passed", "timeout", "timeout", "failed", "passed"]


def test_a_slow_host_gets_longer_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    from opencoder_dag.sandbox import calibrate, pool

    monkeypatch.setattr(pool, "slowness", lambda: 3.0)
    program = BURN.format(seconds=0.5)
    (outcome,) = run_programs([program], SandboxOptions(seconds=0.3))
    assert outcome.passed
    assert calibrate.slowness() >= 1.0


def test_what_the_host_of_a_virtual_machine_takes_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = iter([[5.0, 7.0], [5.25, 7.0]])
    monkeypatch.setattr(guard, "_stolen", lambda: next(taken))
    clock = guard.Clock([], kept=0)
    clock.start -= 1.0
    first, second = clock.read(), clock.read()
    assert first[0] == first[1] >= 1.0
    assert second[0] - second[1] == pytest.approx(0.25)


def test_the_kernel_says_what_the_host_took() -> None:
    assert len(guard._stolen()) == os.cpu_count()
