"""Sets whose files are not here, from rows of our own with the columns of the published ones."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from opencoder_dag.evaluate.suites import DATA_VARIABLE, Suite, load_suite


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts rows where a suite looks for its files, and loads it."""
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))

    def load(name: str, **files: list[dict[str, Any]]) -> Suite:
        (tmp_path / name).mkdir()
        for file, rows in files.items():
            content = "".join(json.dumps(row) + "\n" for row in rows).encode()
            (tmp_path / name / f"{file}.jsonl.gz").write_bytes(gzip.compress(content))
        return load_suite(name)

    return load


def test_hellaswag_scores_endings_of_its_context(published: Any) -> None:
    row = {"ind": 24, "activity_label": "Roof", "ctx": "A man sits on a roof. he", "label": "3"}
    (problem,) = published("hellaswag", validation=[{**row, "endings": ["a.", "b.", "c.", "d."]}]).problems
    assert problem.prompt == "A man sits on a roof. he" and problem.choices == (" a.", " b.", " c.", " d.")
    assert problem.answer == "3"


def test_ceval_has_a_column_a_choice_and_ids_that_begin_anew(published: Any) -> None:
    row = {"id": 0, "question": "一加一？", "A": "1", "B": "2", "C": "3", "D": "4", "answer": "B"}
    rows = [{**row, "subject": subject} for subject in ("law", "physics")]
    suite = published("ceval", val=rows, dev=[{**rows[0], "answer": "A"}])
    first, second = suite.problems
    question = "一加一？\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer:"
    assert first.prompt == f"{question} A\n\n{question}" and second.prompt == question
    assert (first.task_id, second.task_id) == ("law/0", "physics/0")
    assert first.answer == "1" and first.choices == (" A", " B", " C", " D")


def test_bigcodebench_asks_a_chat_model_in_the_instruct_form(published: Any) -> None:
    row = {
        "task_id": "BigCodeBench/1",
        "complete_prompt": 'def task_func():\n    """One."""\n',
        "instruct_prompt": "Write task_func.",
        "canonical_solution": "    return 1\n",
        "entry_point": "task_func",
        "test": "",
    }
    (problem,) = published("bigcodebench", BigCodeBench=[row]).problems
    assert problem.request == "Write task_func." and problem.prompt == row["complete_prompt"]
