"""The evaluation suites as references for decontamination.

Belongs here: turning the problems of `opencoder_dag.evaluate` into what `contamination.py` compares with.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources

from opencoder_dag.errors import InputError
from opencoder_dag.instruct.contamination import Reference
from opencoder_dag.lake import canonical_json, sha256_text


def references_of(suites: Sequence[str]) -> list[Reference]:
    """The problems of the named suites; raises `InputError` for a suite that is not there."""
    return [reference for name in sorted(set(suites)) for reference in _shipped(name)]


def _shipped(name: str) -> list[Reference]:
    file = resources.files("opencoder_dag") / "evaluate" / "suites" / f"{name}.jsonl"
    if not file.is_file():
        raise InputError(f"evaluate.suites: no suite '{name}'")
    problems = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [
        Reference(
            suite=name,
            task=problem["task_id"],
            entry_point=problem.get("entry_point"),
            texts=tuple(problem[key] for key in ("prompt", "canonical_solution", "test") if problem.get(key)),
        )
        for problem in problems
    ]


def references_digest(references: Sequence[Reference]) -> str:
    """What decontamination depends on, for the fingerprint of a stage."""
    return sha256_text(canonical_json([reference.__dict__ for reference in references]))
