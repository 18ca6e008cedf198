"""What the mix has to know of each document before it can decide: part, tokens, what can be mined from it.

Belongs here: the one pass over the content of the corpus, a task a shard, that leaves small columns behind.
Does not belong here: decisions that need the whole corpus (`budget.py`, `annealing.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa
from tokenizers import Tokenizer

from opencoder_dag.document import one_line
from opencoder_dag.lake import canonical_json, exists, read_table, read_text, sha256_text, write_table
from opencoder_dag.mix.draw import draw
from opencoder_dag.mix.functions import parse
from opencoder_dag.mix.held_out import HeldOut
from opencoder_dag.mix.mining import checked_functions
from opencoder_dag.mix.parts import ALGORITHMIC, CORPUS, SNIPPETS, TEXTBOOKS, WEB, algorithmic
from opencoder_dag.mix.textbooks import lessons

BATCH_BYTES = 2_000_000
CANDIDATES = {SNIPPETS: 300, TEXTBOOKS: 60}  # that are run; lessons import the packages they are about
UNREADABLE = "unreadable"  # in place of a part: a document that could not be mined

MEASURED_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string()),
        pa.field("part", pa.string()),
        pa.field("tokens", pa.int32()),
        pa.field("language", pa.string()),
        pa.field("size", pa.int64()),
        pa.field("held_out", pa.string()),  # evidence as JSON; null: may be trained on
        pa.field("error", pa.string()),  # null: could be measured
    ]
)

CANDIDATE_SCHEMA = pa.schema(
    [
        pa.field("part", pa.string()),
        pa.field("content", pa.large_string()),
        pa.field("program", pa.large_string()),  # must run to its end for the candidate to enter
        pa.field("repo", pa.string()),
        pa.field("path", pa.string()),
        pa.field("language", pa.string()),
        pa.field("license", pa.string()),
        pa.field("order", pa.uint64()),
    ]
)


@dataclass(frozen=True)
class MeasureTask:
    """One shard of the corpus or of the web to measure; its output is named by its identity."""

    source: str
    edition: str
    web: bool
    seed: int
    tokenizer: str  # file
    tokenizer_digest: str
    held_out: str  # file
    held_out_digest: str
    work: str  # folder

    @property
    def name(self) -> str:
        """Stem of the two files."""
        return sha256_text(canonical_json(asdict(self)))[:24]

    @property
    def measured(self) -> str:
        """File with a row a document, in the order of the shard."""
        return f"{self.work}/{self.name}.measured.parquet"

    @property
    def mined(self) -> str:
        """File with the candidates for snippets and textbooks."""
        return f"{self.work}/{self.name}.mined.parquet"


def measure(task: MeasureTask) -> MeasureTask:
    """Write the two files of a task, unless an interrupted run left them."""
    if exists(task.measured):
        return task
    table = read_table(task.source)
    held_out = _held_out(task.held_out, task.held_out_digest)
    reasons = [
        held_out.why(*row)
        for row in zip(*(table[name].to_pylist() for name in ("doc_id", "repo", "sha256")), strict=True)
    ]
    write_table(task.mined, mine(table, [reason is None for reason in reasons], task))
    tokens, errors = count_tokens(_tokenizer(task.tokenizer, task.tokenizer_digest), table["content"])
    parts = (
        [WEB] * table.num_rows
        if task.web
        else [ALGORITHMIC if is_one else CORPUS for is_one in algorithmic(table)]
    )
    columns = {
        "doc_id": table["doc_id"],
        "part": parts,
        "tokens": tokens,
        "language": table["language"],
        "size": table["size"],
        "held_out": [None if reason is None else _json(reason) for reason in reasons],
        "error": errors,
    }
    write_table(task.measured, pa.table(columns, schema=MEASURED_SCHEMA))
    return task


def count_tokens(tokenizer: Tokenizer, contents: pa.ChunkedArray) -> tuple[list[int], list[str | None]]:
    """Tokens of each text without special tokens, and the error of each that could not be tokenised."""
    counts: list[int] = []
    errors: list[str | None] = []
    for batch in _batches(contents):
        try:
            counts += [
                len(encoding) for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False)
            ]
            errors += [None] * len(batch)
        except Exception:
            # One bad text must not cost its batch.
            for text in batch:
                try:
                    counts.append(len(tokenizer.encode(text, add_special_tokens=False)))
                    errors.append(None)
                except Exception as error:
                    counts.append(0)
                    errors.append(one_line(error))
    return counts, errors


def _batches(contents: pa.ChunkedArray) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in contents:
        batch.append(text.as_py())
        size += len(batch[-1])
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def mine(table: pa.Table, allowed: list[bool], task: MeasureTask) -> pa.Table:
    """Candidates for snippets (of Python code) and textbooks (of pages and text files) of one shard."""
    found: dict[str, list[dict[str, Any]]] = {SNIPPETS: [], TEXTBOOKS: [], UNREADABLE: []}
    columns = zip(
        *(table[name] for name in ("content", "repo", "path", "language", "doc_type", "license")), strict=True
    )
    for may, row in zip(allowed, columns, strict=True):
        if not may:
            continue
        language, kind = row[3].as_py(), row[4].as_py()
        part = SNIPPETS if language.lower() == "python" and not task.web else TEXTBOOKS
        if part == TEXTBOOKS and not task.web and kind != "text":
            continue
        content, repo, path, license = row[0].as_py(), row[1].as_py(), row[2].as_py(), row[5].as_py()
        origin = {"repo": repo, "path": path, "language": language, "license": license}
        try:
            mined = list(_candidates(part, content))
        except Exception as error:
            # Nothing is mined from such a document; it stays in the corpus all the same.
            text = one_line(error)
            found[UNREADABLE].append(
                {**origin, "part": UNREADABLE, "content": text, "program": "", "order": 0}
            )
            continue
        for text, program in mined:
            order = draw(task.seed, part, text)
            found[part].append({**origin, "part": part, "content": text, "program": program, "order": order})
    rows = [row for part in (SNIPPETS, TEXTBOOKS) for row in lowest(found[part], CANDIDATES[part])]
    rows += found[UNREADABLE]
    return pa.Table.from_pylist(rows, schema=CANDIDATE_SCHEMA)


def _candidates(part: str, content: str) -> Iterator[tuple[str, str]]:
    """Texts that may enter the mix, each with the program that has to pass."""
    if part == TEXTBOOKS:
        for lesson in lessons(content):
            yield lesson.text, lesson.program
    elif (">>>" in content or "assert " in content) and (tree := parse(content)) is not None:
        for function in checked_functions(content, tree):
            yield function.program(), function.program()


def lowest(rows: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """The `limit` rows of lowest order, each content once (its smallest repository and path stay)."""
    unique: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (row["order"], row["content"], row["repo"], row["path"])):
        unique.setdefault(row["content"], row)
        if len(unique) > limit:
            unique.popitem()
            break
    return list(unique.values())


def _json(value: dict[str, str]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


@lru_cache(maxsize=2)
def _tokenizer(path: str, digest: str) -> Tokenizer:
    return Tokenizer.from_str(read_text(path))


@lru_cache(maxsize=2)
def _held_out(path: str, digest: str) -> HeldOut:
    return HeldOut.from_json(read_text(path))
