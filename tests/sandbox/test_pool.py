"""Verdicts, order, freshness and limits of both kinds of containment."""

import os
from pathlib import Path

import pytest

from opencoder_dag.errors import OpencoderError
from opencoder_dag.sandbox import Sandbox, SandboxOptions, bubblewrap_problem, run_programs, sandbox_kind

KINDS = [
    pytest.param(
        "bubblewrap",
        marks=pytest.mark.skipif(
            bubblewrap_problem() is not None, reason=f"bubblewrap: {bubblewrap_problem()}"
        ),
    ),
    "process",
]


def options(kind: str, **changes: object) -> SandboxOptions:
    return SandboxOptions(kind=kind, **{"seconds": 0.7, **changes})  # type: ignore[arg-type]


VERDICTS = {
    "x = 1\nassert x == 1": "passed",
    "": "passed",
    "assert 1 == 2, 'two'": "failed",
    "def f(:": "failed",
    "import os\nos._exit(0)": "failed",
    "import sys\nsys.exit(0)": "failed",
    "raise SystemExit": "failed",
    "while True: pass": "timeout",
    "import time\ntime.sleep(60)": "timeout",
    "a = [0] * 10**10": "memory",
    "import os\nos.kill(os.getpid(), 9)": "killed",
    "print('x' * 10**7)": "passed",
    "if __name__ == '__main__':\n    seen = True\nassert seen": "passed",
    "x = '\\ud800'\nassert len(x) == 1": "passed",
}


@pytest.mark.parametrize("kind", KINDS)
def test_verdicts_in_order(kind: str) -> None:
    outcomes = run_programs(list(VERDICTS), options(kind))
    assert [outcome.verdict for outcome in outcomes] == list(VERDICTS.values())
    assert outcomes[2].detail == "AssertionError: two"


@pytest.mark.parametrize("kind", KINDS)
def test_each_program_starts_fresh(kind: str) -> None:
    spoil = "import math, builtins, os\nmath.pi = 3\nbuiltins.len = None\nopen('left', 'w').write('x')"
    check = "import math, os\nassert math.pi > 3.1 and len('ab') == 2 and os.listdir('.') == []"
    outcomes = run_programs([spoil, check] * 3, options(kind, workers=1))
    assert [outcome.verdict for outcome in outcomes] == ["passed"] * 6


@pytest.mark.parametrize("kind", KINDS)
def test_memory_of_all_processes_together_is_bounded(kind: str) -> None:
    program = "import os, time\nfor _ in range(6): os.fork()\nx = b'1' * (20 << 20)\ntime.sleep(30)"
    (outcome,) = run_programs([program], options(kind, seconds=5.0, memory_bytes=256 << 20))
    assert outcome.verdict == "memory"


def test_only_bubblewrap_hides_the_host() -> None:
    if bubblewrap_problem():
        pytest.skip(str(bubblewrap_problem()))
    project = str(Path(__file__).parents[2] / "pyproject.toml")
    program = f"import os\nassert not os.path.exists({project!r})\nassert not os.access('/usr', os.W_OK)"
    network = "import socket\nfrom contextlib import suppress\nassert socket.if_nameindex() == [(1, 'lo')]"
    secret = "import os\nassert 'OPENCODER_SECRET' not in os.environ"
    os.environ["OPENCODER_SECRET"] = "1"
    outcomes = run_programs([program, network, secret], options("bubblewrap"))
    assert [outcome.verdict for outcome in outcomes] == ["passed"] * 3


def test_sandbox_is_reused_over_batches() -> None:
    with Sandbox(options("auto", workers=1)) as sandbox:
        first = sandbox.run(["import os\nassert os.getppid() > 0"])
        workers = {worker.process.pid for worker in sandbox._workers.values()}
        second = sandbox.run(["pass", "assert False"])
        assert workers == {worker.process.pid for worker in sandbox._workers.values()}
    assert [outcome.verdict for outcome in first + second] == ["passed", "passed", "failed"]


def test_kind_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    bubblewrap_problem.cache_clear()
    try:
        assert sandbox_kind(options("auto")) == "process"
        with pytest.raises(OpencoderError, match="bwrap is not installed"):
            sandbox_kind(options("bubblewrap"))
    finally:
        bubblewrap_problem.cache_clear()


def test_nothing_to_run() -> None:
    assert run_programs([], SandboxOptions()) == []


def test_a_broken_sandbox_scores_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from opencoder_dag.sandbox.pool import Worker

    real = Worker._ask

    def dies(self: Worker, messages: list[dict[str, object]], patience: float) -> object:
        return None if "source" in messages[0] else real(self, messages, patience)

    monkeypatch.setattr(Worker, "_ask", dies)
    with pytest.raises(OpencoderError, match="does not work"):
        run_programs(["pass"], options("process"))


def test_a_program_that_ends_its_worker_is_killed_and_the_rest_goes_on() -> None:
    programs = ["pass", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nwhile True: pass", "pass"]
    outcomes = run_programs(programs, options("process", workers=1))
    assert [outcome.passed for outcome in outcomes] == [True, False, True]


def test_libraries_that_a_forger_would_use_too_can_be_imported() -> None:
    programs = [
        "import asyncio\nasync def one():\n    return 1\nassert asyncio.run(one()) == 1",
        "import ctypes, gc, inspect, multiprocessing, unittest.mock\ngc.collect()",
        "import numpy\nassert numpy.arange(3).sum() == 3",
        "import types\nf = types.coroutine(lambda: None)\nimport sys\nsys.settrace(None)",
    ]
    outcomes = run_programs(programs, options("auto", seconds=5.0))
    assert [outcome.verdict for outcome in outcomes] == ["passed", "passed", "passed", "failed"], outcomes
