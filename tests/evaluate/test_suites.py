"""The ladder: every reference passes, every wrong solution fails, and files that are damaged say so."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from opencoder_dag.errors import InputError
from opencoder_dag.evaluate.judge import solution_of as program_of
from opencoder_dag.evaluate.suites import SHIPPED, Suite, read_rows
from opencoder_dag.sandbox import SandboxOptions, run_programs

ROWS = list(read_rows(SHIPPED / "ladder.jsonl"))


def test_ladder_is_graded() -> None:
    levels = Counter(row["level"] for row in ROWS)
    assert sum(levels.values()) >= 40
    assert set(levels) == {1, 2, 3, 4, 5} and min(levels.values()) >= 6
    assert len({row["task_id"] for row in ROWS}) == len({row["prompt"] for row in ROWS}) == len(ROWS)


def test_every_reference_passes_and_every_wrong_solution_fails() -> None:
    right = [row["prompt"] + row["canonical_solution"] + row["test"] for row in ROWS]
    wrong = [row["prompt"] + row["wrong_solution"] + row["test"] for row in ROWS]
    empty = [row["prompt"] + "    pass\n" + row["test"] for row in ROWS if row["entry_point"] != "nothing"]
    outcomes = run_programs([*right, *wrong, *empty], SandboxOptions())
    assert [outcome.verdict for outcome in outcomes[: len(right)]] == ["passed"] * len(right)
    assert {outcome.verdict for outcome in outcomes[len(right) :]} == {"failed"}


def test_references_survive_extraction(ladder: Suite) -> None:
    for problem in ladder.problems:
        drifting = f"{problem.reference}\n\ndef unrelated(:\n"
        program = program_of(problem, drifting, "base", ladder.stops)
        assert program.strip() == (problem.prompt + problem.reference).strip()
        answer = f"Here it is:\n\n```python\n{problem.prompt}{problem.reference}```\nDone."
        namespace: dict[str, object] = {}
        exec(program_of(problem, answer, "chat", ladder.stops), namespace)
        assert problem.entry_point in namespace


@pytest.mark.parametrize(
    ("content", "message"), [(b"{", "line 1: not JSON"), (b"[1]\n", "line 1: not an object")]
)
def test_damaged_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "suite.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        list(read_rows(path))


def test_missing_and_truncated_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        list(read_rows(tmp_path / "none.jsonl"))
    path = tmp_path / "suite.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps({"a": 1}).encode() * 1000)[:-20])
    with pytest.raises(InputError, match=r"cannot be read|not JSON"):
        list(read_rows(path))
