"""What crosses between a solution and its examiner, and what is refused."""

from __future__ import annotations

import pickle
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencoder_dag.sandbox import Program, SandboxOptions, run_programs
from opencoder_dag.sandbox.inside import border


class Point(NamedTuple):
    x: int
    y: int


class Colour(IntEnum):
    RED = 1


def across(value: Any) -> Any:
    return border.unpack(border.pack(value, lambda held: id(held)), lambda handle: ("handle", handle))


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values)
def test_plain_values_arrive_equal_and_of_the_same_type(value: Any) -> None:
    arrived = across(value)
    assert arrived == value and type(arrived) is type(value) and repr(arrived) == repr(value)


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        frozenset("ab"),
        range(3, 9, 2),
        1 + 2j,
        bytearray(b"x"),
        Counter("aab"),
        OrderedDict(a=1),
        defaultdict(list, {"a": [1]}),
        deque([1, 2], maxlen=3),
        Decimal("1.10"),
        Fraction(1, 3),
        date(2024, 2, 29),
        datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=2))),
        timedelta(seconds=3),
    ],
)
def test_values_of_the_standard_library(value: Any) -> None:
    arrived = across([value])[0]
    assert arrived == value and type(arrived) is type(value)


def test_arrays() -> None:
    value = np.arange(6.0).reshape(2, 3)
    assert (across(value) == value).all() and across(np.float64(1.5)) == 1.5


def test_subclasses_arrive_as_what_they_extend() -> None:
    assert across(Point(1, 2)) == (1, 2) and type(across(Point(1, 2))) is tuple
    assert across(Colour.RED) == 1 and type(across(Colour.RED)) is int


def test_iterators_and_views() -> None:
    assert list(across(map(str, [1, 2]))) == ["1", "2"]
    assert list(across(number for number in (1, 2))) == [1, 2]
    assert across({"a": 1}.keys()) == {"a"} and list(across({"a": 1}.values())) == [1]
    assert across({"a": 1}.items()) == {("a", 1)}


def test_other_objects_stay() -> None:
    thing = object()
    assert across([thing]) == [("handle", id(thing))]


@pytest.mark.parametrize("name", ["os.system", "builtins.exec", "builtins.getattr", "collections.namedtuple"])
def test_other_names_are_refused(name: str) -> None:
    module, _, function = name.partition(".")
    data = f"c{module}\n{function}\n.".encode()
    with pytest.raises(pickle.UnpicklingError, match="cannot cross"):
        border.unpack(data, id)


@pytest.mark.parametrize("module", [name for name in border.KNOWN if name != "numpy" and name in sys.modules])
def test_what_a_pickle_names_cannot_be_changed_by_it(module: str) -> None:
    for name in border.KNOWN[module]:
        if not hasattr(sys.modules[module], name):
            continue
        # BUILD with a slot state: sets the attribute __eq__ of what was named.
        patch = f"c{module}\n{name}\nN}}\x8c\x06__eq__cbuiltins\nslice\ns\x86b.".encode("latin-1")
        with pytest.raises((AttributeError, TypeError)):
            border.unpack(b"\x80\x04" + patch, id)
        assert Counter("a") != 3


def test_objects_of_the_solution_are_used_through_handles() -> None:
    solution = """
class Node:
    def __init__(self, value, rest=None):
        self.value, self.rest = value, rest

def length(node):
    return 0 if node is None else 1 + length(node.rest)

def fail(kind):
    raise kind("because")
"""
    test = """
chain = Node(1, Node(2))
chain.rest.rest = Node(3)
assert length(chain) == 3 and chain.rest.value == 2 and chain != Node(1)
try:
    fail(KeyError)
except KeyError as error:
    assert "because" in str(error)
else:
    raise RuntimeError
"""
    prelude = "class Given:\n    def __init__(self):\n        self.number = 7\n"
    takes_given = Program(
        prelude + "def number(given):\n    return given.number\n",
        "assert number(Given()) == 7",
        ("number",),
        prelude,
    )
    outcomes = run_programs([Program(solution, test), takes_given], SandboxOptions(seconds=2.0))
    assert [outcome.verdict for outcome in outcomes] == ["passed", "passed"], outcomes


def test_a_large_test_whose_reader_was_killed_does_not_disturb_the_next() -> None:
    killer = Path(__file__).parent / "hostile" / "reach_kill_all.py"
    large = "assert solve(2, 3) == 5\n" + "# filler\n" * 100_000
    honest = Program("def solve(a, b):\n    return a + b\n", large, ("solve",))
    programs = [honest, Program("import os\nos.kill(-1, 9)", large, ("solve",)), honest] * 2
    options = SandboxOptions(seconds=1.0, workers=1)
    from opencoder_dag.sandbox import sandbox_kind

    if sandbox_kind(options) != "bubblewrap":
        pytest.skip(f"{killer.name} needs bubblewrap")
    outcomes = run_programs(programs, options)
    assert [outcome.passed for outcome in outcomes] == [True, False, True] * 2, outcomes
