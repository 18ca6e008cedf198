"""Running a function to see what it returns: the original program is the oracle (Semi-Instruct).

Belongs here: the program that records results and branches, and choosing the cases that are worth keeping.
Source: arXiv 2403.00338 (methods page, section 5), with the points settled that it leaves open: every call
is made twice and must give the same, only results that can be written as a literal count, and the cases kept
have to reach most of the function's branches with different results.
"""

from __future__ import annotations

import ast
import base64
import json
import zlib
from dataclasses import dataclass

from opencoder_dag.mix.functions import FunctionNode

MIN_CASES, MAX_CASES = 3, 6
MIN_RESULTS = 3  # different ones, so that a constant function does not pass
MIN_ANSWERS = 2  # cases that do more than give an argument back
MIN_COVERAGE = 0.6  # of the branches
LONGEST_RESULT = 50  # characters
# A sandbox tells one line of a failed program; the results have to fit into it.
LONGEST_LINE = 360


@dataclass(frozen=True)
class Case:
    """A call, what it returned (as a literal) and the branches it went through."""

    call: str
    result: str
    branches: frozenset[int]

    @property
    def is_echo(self) -> bool:
        """Whether the result stands in the call already."""
        return self.result in self.call.partition("(")[2]

    def as_assert(self) -> str:
        """The case as a test."""
        if self.result in ("True", "False", "None"):
            return f"assert {self.call} is {self.result}"
        return f"assert {self.call} == {self.result}"


class _Branches(ast.NodeTransformer):
    """Puts a mark at the start of every branch of a function."""

    def __init__(self) -> None:
        self.count = 0

    def _mark(self, body: list[ast.stmt]) -> list[ast.stmt]:
        mark = ast.parse(f"_seen_branches.add({self.count})").body[0]
        self.count += 1
        return [mark, *body]

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Visit the children first, so that marks are never marked."""
        super().generic_visit(node)
        if isinstance(node, ast.If | ast.For | ast.While):
            node.body = self._mark(node.body)
            node.orelse = self._mark(node.orelse)
        elif isinstance(node, ast.ExceptHandler):
            node.body = self._mark(node.body)
        return node


def marked(code: str) -> tuple[str, int]:
    """The function with its branches marked, and how many there are."""
    tree = ast.parse(code)
    marker = _Branches()
    for node in tree.body:
        if isinstance(node, FunctionNode):
            for statement in node.body:
                marker.visit(statement)
    return ast.unparse(ast.fix_missing_locations(tree)), marker.count


def recording_program(setup: str, code: str, calls: list[str]) -> str:
    """A program that always fails, and whose message holds the results of the calls."""
    function, _ = marked(code)
    return f"""{setup}

_seen_branches = set()

{function}


class Recorded(Exception):
    pass


def _record():
    import ast, base64, contextlib, copy, io, json, zlib

    results, packed = [], b""
    for number, call in enumerate({calls!r}):
        try:
            _seen_branches.clear()
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                value = eval(call)
                text = repr(value)
                seen = sorted(_seen_branches)
                again = repr(eval(call))
            if len(text) > {LONGEST_RESULT} or text != again or ast.literal_eval(text) != value:
                continue
        except Exception:
            continue
        grown = json.dumps([*results, [number, text, seen]], separators=(",", ":")).encode()
        grown = base64.b85encode(zlib.compress(grown, 9))
        if len(grown) > {LONGEST_LINE}:
            continue
        results.append([number, text, seen])
        packed = grown
    raise Recorded(packed.decode())


_record()
"""


def read_cases(detail: str, calls: list[str]) -> list[Case]:
    """The cases in the line that the sandbox gave of a recording program; none when it ended otherwise."""
    name, _, packed = detail.partition(": ")
    if name.rpartition(".")[2] != "Recorded" or not packed:
        return []
    try:
        results = json.loads(zlib.decompress(base64.b85decode(packed)))
        return [Case(calls[number], text, frozenset(seen)) for number, text, seen in results]
    except (ValueError, zlib.error, IndexError, TypeError):
        return []


def choose_cases(cases: list[Case], branches: int) -> tuple[list[Case], str | None]:
    """The cases to keep, or the reason why a function cannot be verified with them.

    Greedy: next comes the case that reaches most new branches, then one with a new result.
    """
    chosen: list[Case] = []
    reached: set[int] = set()
    results: set[str] = set()
    left = list(cases)
    while left and len(chosen) < MAX_CASES:
        best = max(
            left,
            key=lambda case: (
                len(case.branches - reached),
                case.result not in results,
                not case.is_echo,
                -left.index(case),
            ),
        )
        left.remove(best)
        chosen.append(best)
        reached |= best.branches
        results.add(best.result)
    if len(chosen) < MIN_CASES:
        return [], "too_few_cases"
    if len(results) < MIN_RESULTS:
        return [], "same_results"
    if sum(not case.is_echo for case in chosen) < MIN_ANSWERS:
        return [], "echoes"
    if branches and len(reached) < MIN_COVERAGE * branches:
        return [], "low_coverage"
    return chosen, None
