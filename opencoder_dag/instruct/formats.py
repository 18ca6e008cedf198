"""The public instruction formats: from one row of a set to an instruction and an answer.

Belongs here: what the columns of each format mean. Does not belong here: opening files (`readers.py`), or
deciding whether a pair is wanted. Every format is read as single turns, as OpenCoder trains (section 8.2):
of a conversation the first question and its answer.

| format    | sets                                             | columns                                     |
|-----------|--------------------------------------------------|---------------------------------------------|
| alpaca    | Alpaca, Code Alpaca                              | instruction, input, output (or response)    |
| pairs     | Evol-Instruct, McEval-Instruct, opc-sft-stage1/2 | instruction, output (or response)           |
| opc_tests | opc-sft-stage2 educational_instruct              | the same, code, entry_point, testcase       |
| sharegpt  | Infinity-Instruct, Code-290k-ShareGPT            | conversations: from, value                  |
| messages  | WildChat                                         | conversation: role, content; toxic, redacted|
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ASKING = frozenset({"human", "user", "prompter"})
ANSWERING = frozenset({"gpt", "assistant", "model", "chatgpt", "bard"})


@dataclass(frozen=True)
class Pair:
    """An instruction and its answer; `tests` are asserts that come with it and `code` is what they test."""

    instruction: str
    output: str
    code: str = ""
    tests: tuple[str, ...] = ()


class Refused(Exception):  # noqa: N818 - a verdict, not a failure
    """A row that holds no usable pair; the message says why."""


def _text(row: Mapping[str, Any], *names: str) -> str:
    for name in names:
        value = row.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if value is not None and not isinstance(value, str):
            raise Refused(f"column '{name}' holds {type(value).__name__}, not text")
    raise Refused(f"no text in column {' or '.join(repr(name) for name in names)}")


def alpaca(row: Mapping[str, Any]) -> Pair:
    """`input` is what the instruction is about, and may be empty."""
    instruction = _text(row, "instruction")
    given = row.get("input")
    if isinstance(given, str) and given.strip():
        instruction = f"{instruction}\n\n{given.strip()}"
    return Pair(instruction, _text(row, "output", "response"))


def pairs(row: Mapping[str, Any]) -> Pair:
    """One question and one answer, under whichever of the usual names."""
    return Pair(_text(row, "instruction", "prompt", "query"), _text(row, "output", "response", "answer"))


def opc_tests(row: Mapping[str, Any]) -> Pair:
    """A pair with the code of its answer and asserts, which can be run."""
    pair = pairs(row)
    tests = row.get("testcase")
    if isinstance(tests, str):
        try:
            tests = ast.literal_eval(tests)
        except (ValueError, SyntaxError):
            raise Refused("column 'testcase' is not a list of asserts") from None
    if not isinstance(tests, Sequence) or not all(isinstance(test, str) for test in tests):
        raise Refused("column 'testcase' is not a list of asserts")
    return Pair(pair.instruction, pair.output, _text(row, "code"), tuple(tests))


def sharegpt(row: Mapping[str, Any]) -> Pair:
    """Turns with `from` and `value`."""
    return _first_turns(row.get("conversations"), "from", "value")


def messages(row: Mapping[str, Any]) -> Pair:
    """Turns with `role` and `content`; rows marked as toxic or redacted are refused."""
    for mark in ("toxic", "redacted"):
        if row.get(mark) is True:
            raise Refused(f"marked as {mark}")
    turns = row.get("conversation") if row.get("conversation") is not None else row.get("messages")
    return _first_turns(turns, "role", "content")


def _first_turns(turns: Any, who: str, what: str) -> Pair:
    if not isinstance(turns, Sequence) or isinstance(turns, str):
        raise Refused("no list of turns")
    question: str | None = None
    for turn in turns:
        if not isinstance(turn, Mapping) or not isinstance(turn.get(what), str):
            raise Refused(f"a turn without '{what}'")
        speaker = str(turn.get(who)).lower()
        if speaker in ASKING:
            question = turn[what].strip()
        elif speaker in ANSWERING and question:
            if not turn[what].strip():
                raise Refused("an empty answer")
            return Pair(question, turn[what].strip())
    raise Refused("no question with an answer")


FORMATS: dict[str, Callable[[Mapping[str, Any]], Pair]] = {
    "alpaca": alpaca,
    "pairs": pairs,
    "opc_tests": opc_tests,
    "sharegpt": sharegpt,
    "messages": messages,
}


def format_of(columns: Sequence[str]) -> str | None:
    """The format that a set with these columns has."""
    known = set(columns)
    if "conversations" in known:
        return "sharegpt"
    if known & {"conversation", "messages"}:
        return "messages"
    if {"testcase", "code"} <= known:
        return "opc_tests"
    if "input" in known and "instruction" in known:
        return "alpaca"
    return "pairs" if known & {"instruction", "prompt", "query"} else None
