"""Items written by a language model, from seeds that were mined; what can be run has to pass to enter.

Belongs here: choosing seeds for each generator, turning answers into candidates, and replacing tidied code by
a model's rewriting that the original's results confirm. The questions are in `prompts.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opencoder_dag.instruct import prompts
from opencoder_dag.instruct.formats import Refused
from opencoder_dag.instruct.items import fenced, item_row, subject_of
from opencoder_dag.instruct.llm import Chat, ChatModel, NoAnswer, ask
from opencoder_dag.instruct.package import PACKAGE, package_of
from opencoder_dag.instruct.prompts import asserts_of, code_of, sections_of
from opencoder_dag.instruct.semi import KIND as SEMI
from opencoder_dag.instruct.semi import Recording
from opencoder_dag.instruct.sets import USER_SET
from opencoder_dag.mix.draw import draw

MIN_TESTS = 3
REAL_USER = "real_user"
Row = dict[str, Any]


@dataclass(frozen=True)
class Generator:
    """From seeds to items: which candidates are seeds, what is asked, and what the answer becomes."""

    kind: str
    stage: int
    seeds: frozenset[str]  # kinds of candidates
    question: Callable[[Mapping[str, Any], int], str]
    read: Callable[[str], tuple[str, str, str | None]]  # instruction, output, program; raises Refused
    temperature: float = 0.0


def _code_of_seed(seed: Mapping[str, Any]) -> str:
    if seed["recording"] is not None:
        recording = Recording.from_json(seed["recording"])
        return f"{recording.setup}\n\n{recording.original}".strip()
    return str(seed["program"])


def _educational(seed: Mapping[str, Any], number: int) -> str:
    return prompts.EDUCATIONAL.format(code=_code_of_seed(seed))


def _read_educational(answer: str) -> tuple[str, str, str | None]:
    parts = sections_of(answer, "Task", "Analysis", "Solution", "Tests")
    solution, tests = code_of(parts["Solution"]), asserts_of(parts["Tests"], MIN_TESTS)
    text = "\n".join(tests)
    output = f"{parts['Analysis']}\n\n{fenced(solution)}\n\nTests:\n\n{fenced(text)}"
    return parts["Task"], output, f"{solution}\n\n\n{text}\n"


def _package(seed: Mapping[str, Any], number: int) -> str:
    documentation = f"{seed['instruction']}\n\n{seed['output']}"
    return prompts.PACKAGE.format(package=package_of(seed["path"]), documentation=documentation)


def _read_package(answer: str) -> tuple[str, str, str | None]:
    parts = sections_of(answer, "Task", "Solution", "Tests")
    solution, tests = code_of(parts["Solution"]), "\n".join(asserts_of(parts["Tests"], MIN_TESTS))
    return parts["Task"], f"{fenced(solution)}\n\nTests:\n\n{fenced(tests)}", f"{solution}\n\n\n{tests}\n"


def _diverse(seed: Mapping[str, Any], number: int) -> str:
    kind = prompts.KINDS[number % len(prompts.KINDS)]
    difficulty = prompts.DIFFICULTIES[number // len(prompts.KINDS) % len(prompts.DIFFICULTIES)]
    return prompts.DIVERSE.format(text=seed["output"], kind=kind, difficulty=difficulty)


def _read_diverse(answer: str) -> tuple[str, str, str | None]:
    parts = sections_of(answer, "Question", "Answer")
    return parts["Question"], parts["Answer"], None


def _real_user(seed: Mapping[str, Any], number: int) -> str:
    return prompts.REAL_USER.format(question=seed["instruction"])


def _read_real_user(answer: str) -> tuple[str, str, str | None]:
    if re.match(r"\W*no\b", answer.strip(), re.IGNORECASE):
        raise Refused("not about programming")
    parts = sections_of(answer, "Request", "Answer")
    return parts["Request"], parts["Answer"], None


GENERATORS = (
    Generator("educational_llm", 2, frozenset({"educational", SEMI}), _educational, _read_educational),
    Generator("package_llm", 2, frozenset({PACKAGE}), _package, _read_package),
    Generator("diverse_llm", 1, frozenset({"diverse"}), _diverse, _read_diverse, temperature=1.0),
    Generator(REAL_USER, 1, frozenset({USER_SET}), _real_user, _read_real_user),
)


def synthesise(rows: Sequence[Mapping[str, Any]], model: ChatModel, limit: int, seed: int) -> list[Row]:
    """Candidates of every generator, at most `limit` of each, from the seeds of lowest hash.

    Answers that cannot be taken apart come as candidates that are refused, with the reason.
    """
    found: list[Row] = []
    for generator in GENERATORS:
        usable = [row for row in rows if row["kind"] in generator.seeds and row["error"] is None]
        usable = [row for row in usable if row["refused"] is None]
        seeds = sorted(usable, key=lambda row: (row["order"], row["doc_id"]))[:limit]
        chats = [_chat(generator, row, seed) for row in seeds]
        for row, answer in zip(seeds, model.answer(chats), strict=True):
            found.append(_candidate(generator, row, answer, seed))
    return found


def _chat(generator: Generator, row: Mapping[str, Any], seed: int) -> Chat:
    number = draw(seed, generator.kind, row["doc_id"])
    question = generator.question(row, number)
    return ask(question, prompts.SYSTEM, temperature=generator.temperature, seed=number % (1 << 31))


def _candidate(generator: Generator, row: Mapping[str, Any], answer: str | NoAnswer, seed: int) -> Row:
    refused: tuple[str, dict[str, str]] | None = None
    instruction, output, program = "", "", None
    try:
        if isinstance(answer, NoAnswer):
            raise Refused(str(answer))
        instruction, output, program = generator.read(answer)
    except Refused as why:
        refused = ("unusable", {"why": str(why)})
    item = item_row(
        instruction, output, stage=generator.stage, kind=generator.kind, repo=row["repo"], path=row["path"]
    )
    # One candidate a seed, whatever the answer; an item about new code has that code as its subject.
    item["doc_id"] = f"{draw(seed, generator.kind, row['doc_id']):016x}{row['doc_id'][:16]}"
    return {
        **item,
        "subject": subject_of(program or item["doc_id"]),
        "program": program,
        "recording": None,
        "order": draw(seed, "instruct", item["doc_id"]),
        "error": None,
        "refused": None if refused is None else json.dumps(refused, sort_keys=True),
    }


# --- Semi-Instruct: rewriting, ranked by the cases that it passes ---

TEMPERATURES = (0.0, 0.8)  # of the rewritings that compete


def rewriting_chats(recording: Recording) -> list[Chat]:
    """The questions that ask for competing rewritings."""
    code = f"{recording.setup}\n\n{recording.original}".strip()
    question = prompts.SEMI.format(code=code)
    return [ask(question, prompts.SYSTEM, temperature=t, seed=n) for n, t in enumerate(TEMPERATURES)]


def read_rewriting(answer: str | NoAnswer) -> tuple[str, str] | None:
    """Instruction and code of a rewriting, or None when the answer has none."""
    if isinstance(answer, NoAnswer):
        return None
    try:
        parts = sections_of(answer, "Instruction", "Code")
        return parts["Instruction"], code_of(parts["Code"])
    except Refused:
        return None


def counting_program(code: str, tests: Sequence[str]) -> str:
    """A program that always fails, and whose message says how many of the tests the code passes."""
    return f"""{code}


class Passed(Exception):
    pass


def _count(tests):
    passed = 0
    for test in tests:
        try:
            exec(test, globals())
            passed += 1
        except Exception:
            pass
    raise Passed(str(passed))


_count({list(tests)!r})
"""


def read_count(detail: str) -> int:
    """The number in the line that the sandbox gave of a counting program; 0 when it ended otherwise."""
    match = re.fullmatch(r"(?:\w+\.)*Passed: (\d+)", detail)
    return int(match.group(1)) if match else 0
