"""Documents that the mix adds to the corpus: snippets, textbooks, instructions.

Belongs here: running the candidates that were mined (only what passed enters) and taking pairs from public
instruction sets (Zhusuan anneals on 8 parts pre-training data and 2 parts instructions, methods page,
section 1.6). Does not belong here: how much of them is used.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from opencoder_dag.document import DOCUMENT_SCHEMA, document_row
from opencoder_dag.lake import read_table, read_text
from opencoder_dag.mix.draw import draw
from opencoder_dag.mix.measure import (
    CANDIDATES,
    MEASURED_SCHEMA,
    UNREADABLE,
    MeasureTask,
    count_tokens,
    lowest,
)
from opencoder_dag.mix.parts import CODE_INSTRUCTIONS, LANGUAGE_INSTRUCTIONS, SNIPPETS, TEXTBOOKS
from opencoder_dag.mix.written import written_candidates

if TYPE_CHECKING:
    from opencoder_dag.instruct.llm import ChatModel
    from opencoder_dag.recipe import InstructionSet, Mix, Train
    from opencoder_dag.sandbox import SandboxOptions

GENERATED = (SNIPPETS, TEXTBOOKS)
WRITTEN = 200  # seeds that a language model gets, if there is one
BYTES_PER_TOKEN = 16  # an upper bound, so that enough pairs are offered


def generated_documents(
    tasks: Sequence[MeasureTask],
    tokenizer: str,
    config: Mix,
    train: Train,
    seed: int,
    sandbox: SandboxOptions,
    model: ChatModel | None = None,
) -> tuple[pa.Table, dict[str, Any]]:
    """Documents with `part` and `tokens`, and how many were mined, run, passed, read and refused.

    Empty when the recipe anneals on the corpus alone.
    """
    from tokenizers import Tokenizer

    schema = DOCUMENT_SCHEMA
    for name in ("part", "tokens"):
        schema = schema.append(MEASURED_SCHEMA.field(name))
    rows: list[dict[str, Any]] = []
    facts: dict[str, Any] = {}
    if config.high_quality:
        rows, facts = _passed(tasks, sandbox, seed, model)
        wanted = {
            CODE_INSTRUCTIONS: config.shares.code_instructions,
            LANGUAGE_INSTRUCTIONS: config.shares.language_instructions,
        }
        offered = {part: int(share * train.anneal_tokens * BYTES_PER_TOKEN) for part, share in wanted.items()}
        if any(offered.values()):
            pairs, facts["sets"] = instruction_documents(config.sets, offered, seed)
            rows += pairs
    rows.sort(key=lambda row: row["doc_id"])
    tokens: list[int] = []
    if rows:
        contents = pa.chunked_array([pa.array([row["content"] for row in rows], pa.large_string())])
        tokens, _ = count_tokens(Tokenizer.from_str(read_text(tokenizer)), contents)
    measured = [{**row, "tokens": count} for row, count in zip(rows, tokens, strict=True)]
    return pa.Table.from_pylist(measured, schema), facts


def _passed(
    tasks: Sequence[MeasureTask], sandbox: SandboxOptions, seed: int, model: ChatModel | None
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    mined = [row for task in tasks for row in read_table(task.mined).to_pylist()]
    facts: dict[str, Any] = {part: {"mined": sum(row["part"] == part for row in mined)} for part in GENERATED}
    facts[UNREADABLE] = sum(row["part"] == UNREADABLE for row in mined)
    chosen = [
        row
        for part in GENERATED
        for row in lowest([row for row in mined if row["part"] == part], CANDIDATES[part])
    ]
    if model is not None:
        seeds = [row for row in chosen if row["part"] == SNIPPETS][:WRITTEN]
        written, facts["written"] = written_candidates(seeds, model, seed)
        chosen = lowest([*chosen, *written], len(chosen) + len(written))
    rows = []
    for row, verdict in zip(chosen, _verdicts(chosen, sandbox), strict=True):
        counts = facts[row["part"]]
        counts[verdict] = counts.get(verdict, 0) + 1
        if verdict == "passed":
            rows.append(_generated_row(row))
    return rows, facts


def _verdicts(candidates: list[dict[str, Any]], sandbox: SandboxOptions) -> list[str]:
    from opencoder_dag.sandbox import run_programs

    if not candidates:
        return []
    return [outcome.verdict for outcome in run_programs([row["program"] for row in candidates], sandbox)]


def _generated_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return document_row(
        row["content"],
        source=row["part"],
        repo=row["repo"],
        path=row["path"],
        language=row["language"],
        doc_type="code" if row["part"] == SNIPPETS else "text",
        license=row["license"],
        part=row["part"],
    )


def instruction_documents(
    sets: Sequence[InstructionSet], offered: Mapping[str, int], seed: int
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Pairs of the sets as documents, of each part those of lowest hash up to `offered` bytes.

    A pair about programming is for `code_instructions`, any other for `language_instructions`, unless the
    set is to give code alone. Equal pairs count once.
    """
    facts = {"read": 0, "refused": 0}
    pools: dict[str, _Pool] = {part: _Pool(limit) for part, limit in offered.items()}
    for given in sets:
        title = given.source.rstrip("/").rpartition("/")[2]
        for place, part, text in _pairs(given):
            facts["read"] += 1
            if part is None:
                facts["refused"] += 1
            else:
                pools[part].offer(draw(seed, part, text), text, title, place)
    rows = [
        document_row(
            text,
            source="instructions",
            repo=title,
            path=place,
            language="instruction",
            doc_type="text",
            part=part,
        )
        for part, pool in pools.items()
        for text, title, place in pool.items()
    ]
    return rows, facts


def _pairs(given: InstructionSet) -> Iterator[tuple[str, str | None, str]]:
    """Place, part (None: refused) and text of each row of a set."""
    # Imported here: the instruction room stands on this one.
    from opencoder_dag.instruct.code_related import is_code_related
    from opencoder_dag.instruct.formats import Refused
    from opencoder_dag.instruct.readers import read_pairs

    for place, pair in read_pairs(given.source, given.format):
        if isinstance(pair, Refused):
            yield place, None, ""
            continue
        text = f"{pair.instruction}\n\n{pair.output}\n"
        if is_code_related(pair.instruction, pair.output):
            yield place, CODE_INSTRUCTIONS, text
        else:
            yield place, None if given.code_only else LANGUAGE_INSTRUCTIONS, text


class _Pool:
    """The texts of lowest order whose bytes fit a limit; memory is bounded by it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self._heap: list[tuple[int, str, str, str]] = []  # highest order first
        self._seen: set[int] = set()

    def offer(self, order: int, text: str, title: str, place: str) -> None:
        """Take a text, and let go of those of highest order while the limit is passed."""
        if order in self._seen or not self.limit:
            return
        if self.size >= self.limit and self._heap and -self._heap[0][0] < order:
            return
        heapq.heappush(self._heap, (-order, text, title, place))
        self._seen.add(order)
        self.size += len(text)
        while self._heap and self.size - len(self._heap[0][1]) >= self.limit:
            order_gone, text_gone, _, _ = heapq.heappop(self._heap)
            self._seen.discard(-order_gone)
            self.size -= len(text_gone)

    def items(self) -> list[tuple[str, str, str]]:
        """Text, title of the set and place of each, in order."""
        return [(text, title, place) for _, text, title, place in sorted(self._heap, reverse=True)]
