"""The evaluation suites as references for decontamination.

Belongs here: turning the problems of `opencoder_dag.evaluate` into what `contamination.py` compares with.
"""

from __future__ import annotations

from collections.abc import Sequence

from opencoder_dag.instruct.contamination import Reference
from opencoder_dag.lake import canonical_json, sha256_text


def references_of(suites: Sequence[str]) -> list[Reference]:
    """The problems of the named suites; raises `InputError` for a suite that is not there."""
    # Imported here: suites come with what runs models, which data work does not need.
    from opencoder_dag.evaluate.suites import load_suite

    return [
        Reference(
            suite=name,
            task=problem.task_id,
            entry_point=problem.entry_point,
            texts=(problem.prompt, problem.reference, problem.test),
        )
        for name in sorted(set(suites))
        for problem in load_suite(name).problems
    ]


def references_digest(references: Sequence[Reference]) -> str:
    """What decontamination depends on, for the fingerprint of a stage."""
    return sha256_text(canonical_json([reference.__dict__ for reference in references]))
