"""Answers, choices, and what a chat model is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opencoder_dag.errors import InputError
from opencoder_dag.evaluate import evaluate_model
from opencoder_dag.evaluate.generate import chat_message
from opencoder_dag.evaluate.judge import final_answer, judge_answers, judge_choices
from opencoder_dag.evaluate.suites import Problem, Suite, load_suite
from opencoder_dag.lake import Dataset, Lake
from opencoder_dag.recipe import Evaluate
from opencoder_dag.sandbox import SandboxOptions


@pytest.mark.parametrize(
    ("text", "like", "answer"),
    [
        ("First 3, then 4. The answer is 1,234.", "1234", "1234"),
        ("so 5 + 5 = 10", "10", "10"),
        ("The answer is $18.50.", "18", "18.5"),
        ("So the answer is (B).", "(A)", "(b)"),
        ("the answer is False.\n\nQ: more, the answer is True", "True", "false"),
        ("nothing", "7", ""),
        ("The answer is 18.0", "18", "18"),
    ],
)
def test_final_answers(text: str, like: str, answer: str) -> None:
    assert final_answer(text, like) == answer


def test_answers_stop_at_the_next_question() -> None:
    problem = Problem("item/0", "Question: 2 + 2?\nAnswer:", answer="4")
    completions = [" The answer is 4.\nQuestion: 5?\nThe answer is 5.", " It is 5"]
    judged = judge_answers(problem, completions, ("\nQuestion:",))
    assert judged.verdicts == ("passed", "failed") and judged.correct == 1


def test_choices_are_weighed_by_their_length() -> None:
    problem = Problem("item/0", "?", choices=(" a", " a much longer one"), answer="1")
    assert judge_choices(problem, [4.0, 9.0]).verdicts == ("passed",)
    assert judge_choices(problem, [1.0, 90.0]).verdicts == ("failed",)


def test_chat_message(ladder: Suite) -> None:
    message = chat_message(ladder, ladder.problems[0])
    assert message.startswith("Complete this Python function:\n\n```python\ndef zero()")
    assert message.endswith("\n```")


SNOW = "\u2603 \u2603 \u2603"  # nothing that the model has seen


def write_suite(folder: Path, rows: list[dict[str, object]], **spec: object) -> str:
    (folder / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "own.yaml").write_text(json.dumps({"title": "own", "file": "own.jsonl", **spec}))
    return str(folder / "own.yaml")


def test_suites_of_other_kinds_are_scored(
    tmp_path: Path, model: Dataset, tokenizer_folder: str, held_out: Dataset
) -> None:
    rows = [
        {"question": "Return the number", "choices": ["return 42", SNOW], "answer": 0, "subject": "x"},
        {"question": "Return None", "choices": [SNOW, "return None"], "answer": "B", "subject": "y"},
    ]
    options = {"group": "subject", "score": "text"}
    kind = {"task": "choice", "metric": "accuracy", "trusted": True}
    own = write_suite(tmp_path, rows, layout="choices", options=options, **kind)
    config = Evaluate(suites=[own, "ladder"], problems=2, max_new_tokens=8, held_out_documents=2)
    lake = Lake(str(tmp_path / "lake"))
    found = evaluate_model(lake, model, tokenizer_folder, held_out, config, "base", 0, SandboxOptions())
    assert found.manifest.facts["scores"]["own.accuracy"] == 1.0
    assert found.manifest.facts["scores"]["own.x.accuracy"] == 1.0
    (tmp_path / "questions").mkdir()
    rows = [{"question": "1 + 1?", "answer": "One and one.\n#### 2"}]
    folder, kind = tmp_path / "questions", {**kind, "task": "answer", "stops": "answer"}
    own = write_suite(folder, rows, layout="questions", **kind)
    config = config.model_copy(update={"suites": [own]})
    found = evaluate_model(lake, model, tokenizer_folder, held_out, config, "chat", 0, SandboxOptions())
    assert found.manifest.facts["scores"]["own.accuracy"] == 0.0
    assert found.manifest.facts["scores"]["own.bits_per_byte"] > 0


def test_missing_suites_are_skipped_when_told_so(
    tmp_path: Path, model: Dataset, tokenizer_folder: str, held_out: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENCODER_EVAL_DATA", str(tmp_path))
    config = Evaluate(suites=["humaneval", "ladder"], problems=1, max_new_tokens=4, held_out_documents=1)
    arguments = (model, tokenizer_folder, held_out)
    rest = ("base", 0, SandboxOptions())
    with pytest.raises(InputError, match="suite 'humaneval': no file"):
        evaluate_model(Lake(str(tmp_path / "lake")), *arguments, config, *rest)  # type: ignore[arg-type]
    config = config.model_copy(update={"missing": "skip"})
    found = evaluate_model(Lake(str(tmp_path / "lake")), *arguments, config, *rest)  # type: ignore[arg-type]
    assert "fetch" in found.manifest.facts["missing"]["humaneval"]
    assert "ladder.pass@1" in found.manifest.facts["scores"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"layout": "humanevil"}, "no layout 'humanevil'; did you mean 'humaneval'"),
        ({"layout": "humaneval", "stops": "functoin"}, "no set 'functoin'; did you mean 'function'"),
        ({"layout": "humaneval", "shot": 1}, "shot: Extra inputs"),
        ({"layout": "humaneval"}, "not in the layout 'humaneval': column 'task_id' is missing"),
    ],
)
def test_wrong_suite_files_are_one_line(tmp_path: Path, spec: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_suite(write_suite(tmp_path, [{"a": 1}], **spec))
