"""Do the reference solutions of every published suite pass here, and do mutated ones fail?

    OPENCODER_EVAL_DATA=FOLDER python benchmarks/execution_references.py [SUITE ...]

One line of JSON a suite: problems, references that passed, ids that did not with the reason, and for
each kind of mutant how many were made, how many still passed and the ids of these. Mutants: `empty`
(the body is `pass`), `return` (every returned value replaced by a fresh object), `operator` (the first
operator or comparison turned around; some of these are equivalent to the original, or beyond what a
suite tests).
"""

from __future__ import annotations

import argparse
import ast
import copy
import json
import time
from collections.abc import Callable
from dataclasses import replace

from opencoder_dag.evaluate.judge import program_of
from opencoder_dag.evaluate.suites import Problem, Suite, load_suite
from opencoder_dag.sandbox import SandboxOptions, run_programs, sandbox_kind

SUITES = ("ladder", "humaneval", "humaneval_plus", "mbpp_full", "mbpp_sanitized", "mbpp_plus")
SWAPS: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


class TurnFirstOperator(ast.NodeTransformer):
    """Turns the first operator around."""

    def __init__(self) -> None:
        self.done = False

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if not self.done:
            for name in ("op", "ops"):
                value = getattr(node, name, None)
                found = value[0] if isinstance(value, list) else value
                if type(found) in SWAPS:
                    turned = SWAPS[type(found)]()
                    setattr(node, name, [turned, *value[1:]] if isinstance(value, list) else turned)
                    self.done = True
                    return node
        return super().generic_visit(node)


class ReplaceReturns(ast.NodeTransformer):
    """Returns an object that equals nothing else."""

    def visit_Return(self, node: ast.Return) -> ast.Return:
        return ast.Return(ast.Call(ast.Name("object", ast.Load()), [], []))


def mutant(problem: Problem, change: Callable[[ast.FunctionDef], ast.AST | None]) -> str | None:
    """The reference solution with its entry point changed; None where there is nothing to change."""
    tree = ast.parse(problem.beginning + problem.reference)
    before = ast.dump(tree)
    for index, node in enumerate(tree.body):
        if isinstance(node, ast.FunctionDef) and node.name == problem.entry_point:
            changed = change(copy.deepcopy(node))
            tree.body[index] = changed  # type: ignore[assignment]
    return None if ast.dump(tree) == before else ast.unparse(ast.fix_missing_locations(tree))


def empty(node: ast.FunctionDef) -> ast.AST:
    node.body = [ast.Pass()]
    return node


MUTATIONS: dict[str, Callable[[ast.FunctionDef], ast.AST | None]] = {
    "empty": empty,
    "return": lambda node: ReplaceReturns().visit(node),
    "operator": lambda node: TurnFirstOperator().visit(node),
}


def measure(suite: Suite, options: SandboxOptions) -> dict[str, object]:
    """References and mutants of one suite."""
    options = replace(
        options, seconds=suite.spec.seconds, memory_bytes=int(suite.spec.memory_gib * (1 << 30))
    )
    started = time.monotonic()
    references = [program_of(problem, problem.beginning + problem.reference) for problem in suite.problems]
    outcomes = run_programs(references, options)
    record: dict[str, object] = {
        "suite": suite.name,
        "sandbox": sandbox_kind(options),
        "problems": len(outcomes),
        "passed": sum(outcome.passed for outcome in outcomes),
        "failed": {
            problem.task_id: f"{outcome.verdict}: {outcome.detail}"
            for problem, outcome in zip(suite.problems, outcomes, strict=True)
            if not outcome.passed
        },
        "seconds": round(time.monotonic() - started, 1),
    }
    quick = replace(options, seconds=min(options.seconds, 3.0))
    for name, change in MUTATIONS.items():
        made = [
            (problem, text) for problem in suite.problems if (text := mutant(problem, change)) is not None
        ]
        judged = run_programs(
            [program_of(replace(problem, seconds=3.0), text) for problem, text in made], quick
        )
        alive = [
            problem.task_id for (problem, _), outcome in zip(made, judged, strict=True) if outcome.passed
        ]
        record[name] = {"mutants": len(made), "passed": len(alive), "ids": alive}
    return record


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("suites", nargs="*", default=list(SUITES))
    parser.add_argument("--sandbox", default="auto", choices=("auto", "bubblewrap", "process"))
    arguments = parser.parse_args()
    for name in arguments.suites:
        print(json.dumps(measure(load_suite(name), SandboxOptions(kind=arguments.sandbox))), flush=True)


if __name__ == "__main__":
    main()
