"""Snippets and textbooks that a language model writes, from programs that were mined.

Belongs here: what is asked and which documents the answers become; like all that is generated they enter only
after they passed (OpenCoder, section 5: snippets from algorithmic seeds, textbooks that explain a program).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opencoder_dag.mix.draw import draw
from opencoder_dag.mix.parts import SNIPPETS, TEXTBOOKS

if TYPE_CHECKING:
    from opencoder_dag.instruct.llm import ChatModel

Row = dict[str, Any]


def written_candidates(
    seeds: Sequence[Mapping[str, Any]], model: ChatModel, seed: int
) -> tuple[list[Row], dict[str, int]]:
    """One snippet and one lesson for each seed (rows of `measure.CANDIDATE_SCHEMA`), and how many answers
    could not be taken apart."""
    # Imported here: the instruction room stands on this one.
    from opencoder_dag.instruct.formats import Refused
    from opencoder_dag.instruct.llm import NoAnswer, ask
    from opencoder_dag.instruct.prompts import SNIPPET, SYSTEM, TEXTBOOK

    kinds = ((SNIPPETS, SNIPPET, _snippet), (TEXTBOOKS, TEXTBOOK, _lesson))
    rows: list[Row] = []
    facts = {"asked": 0, "refused": 0}
    for part, question, read in kinds:
        chats = [ask(question.format(code=row["program"]), SYSTEM, max_tokens=2048) for row in seeds]
        facts["asked"] += len(chats)
        for row, answer in zip(seeds, model.answer(chats), strict=True):
            try:
                if isinstance(answer, NoAnswer):
                    raise Refused(str(answer))
                content, program = read(answer)
            except Refused:
                facts["refused"] += 1
                continue
            texts = {"part": part, "content": content, "program": program, "order": draw(seed, part, content)}
            rows.append({**row, **texts})
    return rows, facts


def _snippet(answer: str) -> tuple[str, str]:
    from opencoder_dag.instruct.prompts import asserts_of, code_of, sections_of

    parts = sections_of(answer, "Code", "Tests")
    tests = "\n".join(asserts_of(parts["Tests"], 3))
    program = f"{code_of(parts['Code'])}\n\n\n{tests}\n"
    return program, program


def _lesson(answer: str) -> tuple[str, str]:
    from opencoder_dag.instruct.formats import Refused
    from opencoder_dag.instruct.prompts import blocks_of, code_of, sections_of

    lesson = sections_of(answer, "Lesson")["Lesson"]
    if not blocks_of(lesson):
        raise Refused("a lesson without code")
    return f"{lesson}\n", f"{code_of(lesson)}\n"
