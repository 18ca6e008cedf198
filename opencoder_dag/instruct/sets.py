"""Items of public instruction sets, as candidates like those that are mined.

Belongs here: a task that reads one set and gives each row its place among the candidates, unusable rows
included. Reading is in `readers.py`, the meaning of columns in `formats.py`.
"""

from __future__ import annotations

import ast
import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from opencoder_dag.instruct.code_related import is_code_related, score
from opencoder_dag.instruct.formats import Pair, Refused
from opencoder_dag.instruct.items import CANDIDATE_SCHEMA, item_row
from opencoder_dag.instruct.readers import read_pairs
from opencoder_dag.lake import canonical_json, exists, sha256_text, write_table
from opencoder_dag.mix.draw import draw

USER_SET = "user_set"  # kind of items that real users asked, and that a language model may answer anew


@dataclass(frozen=True)
class SetTask:
    """One public set to read."""

    source: str
    format: str
    stage: int
    code_only: bool
    real_users: bool
    digest: str  # of its files
    seed: int
    work: str  # folder

    @property
    def name(self) -> str:
        """Stem of the output."""
        return sha256_text(canonical_json(asdict(self)))[:24]

    @property
    def mined(self) -> str:
        """File with a row a candidate, in the order of `doc_id`."""
        return f"{self.work}/{self.name}.set.parquet"


def read_set(task: SetTask) -> SetTask:
    """Write the candidates of a set, unless an interrupted run left them."""
    if exists(task.mined):
        return task
    title = task.source.rstrip("/").rpartition("/")[2]
    rows = {}
    for place, pair in read_pairs(task.source, task.format):
        row = candidate(pair, place, title, task)
        rows[row["doc_id"]] = row
    ordered = [rows[doc_id] for doc_id in sorted(rows)]
    write_table(task.mined, pa.Table.from_pylist(ordered, schema=CANDIDATE_SCHEMA))
    return task


def candidate(pair: Pair | Refused, place: str, title: str, task: SetTask) -> dict[str, Any]:
    """One row of a set as a candidate; its path is its place, so that equal rows are told apart."""
    refused: tuple[str, dict[str, Any]] | None = None
    program: str | None = None
    if isinstance(pair, Refused):
        refused = ("unusable", {"why": str(pair)})
        pair = Pair("", "")
    elif task.code_only and not is_code_related(pair.instruction, pair.output):
        refused = ("not_code", {"score": score(pair.instruction, pair.output)})
    elif pair.tests:
        program = "\n".join([pair.code, *pair.tests]) + "\n"
        if not _parses(program):
            refused = ("unusable", {"why": "code and tests are not Python"})
    kind = USER_SET if task.real_users else "set"
    item = item_row(pair.instruction, pair.output, stage=task.stage, kind=kind, repo=title, path=place)
    subject = hashlib.sha256(item["sha256"].encode() if item["size"] > 1 else place.encode()).hexdigest()[:32]
    return {
        **item,
        "subject": subject,
        "program": program,
        "order": draw(task.seed, "instruct", item["doc_id"]),
        "refused": None if refused is None else json.dumps(refused, sort_keys=True),
    }


def _parses(program: str) -> bool:
    try:
        ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
