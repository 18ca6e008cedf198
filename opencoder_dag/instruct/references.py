"""The evaluation suites as references for decontamination.

Belongs here: turning the problems of `opencoder_dag.evaluate` into what `contamination.py` compares with.
"""

from __future__ import annotations

from collections.abc import Sequence

from opencoder_dag.instruct.contamination import Reference
from opencoder_dag.lake import canonical_json, sha256_text

LONGEST_TEXT = 20_000  # characters; some tests are megabytes of numbers


def references_of(suites: Sequence[str]) -> list[Reference]:
    """The problems of the named suites and of every other known suite whose data is here.

    Raises `InputError` for a named suite that is not there.
    """
    # Imported here: suites come with what runs models, which data work does not need.
    from opencoder_dag.evaluate.suites import known_suites, load_suites

    named, _ = load_suites(sorted(set(suites)), None)
    others, _ = load_suites(sorted(set(known_suites()) - set(suites)), None, skip_missing=True)
    return [
        Reference(
            suite=suite.name,
            task=problem.task_id,
            entry_point=problem.entry_point or None,
            texts=tuple(text[:LONGEST_TEXT] for text in (problem.prompt, problem.reference, problem.test)),
        )
        for suite in (*named, *others)
        for problem in suite.problems
    ]


def references_digest(references: Sequence[Reference]) -> str:
    """What decontamination depends on, for the fingerprint of a stage."""
    return sha256_text(canonical_json([reference.__dict__ for reference in references]))


def suites_in(references: Sequence[Reference]) -> dict[str, int]:
    """Problems of each suite that was compared with."""
    counts: dict[str, int] = {}
    for reference in references:
        counts[reference.suite] = counts.get(reference.suite, 0) + 1
    return counts
