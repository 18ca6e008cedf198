"""Other work on the machine must not change a verdict: the clock of a program stands still while it waits."""

from __future__ import annotations

import textwrap

import pytest

from opencoder_dag.sandbox import Program, SandboxOptions, run_programs
from opencoder_dag.sandbox.calibrate import slowness

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
