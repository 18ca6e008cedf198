"""Tests that leave a trace have a process of their own; those that cannot share one."""

from __future__ import annotations

import pytest

from opencoder_dag.sandbox import Program, SandboxOptions, run_programs
from opencoder_dag.sandbox.inside.closed import is_closed

CLOSED = [
    "assert double(2) == 4",
    "def check(candidate):\n    for n in range(9):\n        assert candidate(n) == 2 * n\ncheck(double)",
    "import math\nassert math.isclose(double(0.5), math.floor(1.2))",
    "from typing import List\ntable = {}\ntable['a'] = sorted(double([2, 1]))",
    "assert all(isinstance(double(n), int) for n in (1, 2)) and max([3], key=lambda n: -n) == 3",
    "def each():\n    for n in [m for m in range(3)]:\n        yield double(n)\nassert list(each())",
]
OPEN = [
    "import random\nrandom.seed(1)",
    "import math\nmath.pi = 3",
    "from math import *",
    "double.seen = True",
    "class Answer:\n    pass",
    "try:\n    double()\nexcept TypeError:\n    pass",
    "try:\n    double()\nfinally:\n    x = 3",
    "with double() as answer:\n    assert answer",
    "def each():\n    try:\n        yield double()\n    except ValueError:\n        yield 2\nlist(each())",
    "async def each():\n    async for n in double():\n        pass",
    "getattr(double, 'name')",
    "assert ().__class__",
    "def inner():\n    return eval('1')",
    "\n".join(f"x = {number}.5" for number in range(300)) + "\nimport os",
]


@pytest.mark.parametrize("source", CLOSED)
def test_closed(source: str) -> None:
    assert is_closed(compile(source, "test", "exec"))


@pytest.mark.parametrize("source", OPEN)
def test_not_closed(source: str) -> None:
    assert not is_closed(compile(source, "test", "exec"))


def test_nothing_of_one_test_or_answer_is_there_for_the_next() -> None:
    options = SandboxOptions(seconds=5.0, workers=1)
    solution = "from decimal import Decimal\ndef give(n):\n    return Decimal(n) / 3\n"
    large = Program("def give(n):\n    return [0] * n\n", "assert len(give(1 << 21)) == 1 << 21", ("give",))
    spoil = "import builtins, decimal, math\ndecimal.getcontext().prec = 2\nmath.pi = builtins.sorted = 3\n"
    check = "import decimal, math\nassert math.pi > 3.1 and sorted([1]) and decimal.getcontext().prec == 28\n"
    programs = [
        Program(solution, f"{spoil}assert str(give(1)).startswith('0.3')", ("give",)),
        Program(solution, f"{check}assert len(str(give(1))) == 30", ("give",)),
        Program(solution, "assert len(str(give(1))) == 30", ("give",)),  # the answer asks for a class
        large,
        Program(solution, "x = 7\nassert give(3) == 1", ("give",)),
        Program(solution, "assert x == 7", ("give",)),
    ]
    outcomes = run_programs(programs, options)
    assert [outcome.verdict for outcome in outcomes] == ["passed"] * 5 + ["failed"], outcomes


def test_the_next_program_is_not_blamed_for_a_killed_examiner() -> None:
    """One answers rightly while a process that it forked kills, stops or disturbs all others."""
    honest = Program("def solve(a, b):\n    return a + b\n", "assert solve(2, 3) == 5", ("solve",))
    attack = "import os, time\nif os.fork() == 0:\n    while True:\n        for pid in range(2, 40):\n"
    attack += "            try:\n                pid == os.getpid() or os.kill(pid, NUMBER)\n"
    attack += "            except OSError:\n                pass\n"
    programs: list[str | Program] = []
    for number in ("9", "19", "15"):
        late = Program(attack.replace("NUMBER", number) + honest.solution, honest.test, ("solve",))
        programs += [honest, late, honest]
    options = SandboxOptions(kind="auto", seconds=0.5, workers=1)
    outcomes = run_programs(programs, options)
    assert [outcome.verdict for outcome in outcomes[::3] + outcomes[2::3]] == ["passed"] * 6, outcomes
