"""A whole evaluation with a real model: scores, reuse, repeatability."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.evaluate import evaluate_model, stage
from opencoder_dag.lake import Dataset, Lake
from opencoder_dag.recipe import Evaluate
from opencoder_dag.sandbox import SandboxOptions, sandbox_kind

CONFIG = Evaluate(problems=16, max_new_tokens=24, held_out_documents=6)


@pytest.fixture
def evaluate(model: Dataset, tokenizer_folder: str, held_out: Dataset) -> Any:
    def run(lake: Path, config: Evaluate = CONFIG, form: str = "base", **options: Any) -> Dataset:
        sandbox = options.pop("sandbox", SandboxOptions())
        return evaluate_model(
            Lake(str(lake)), model, tokenizer_folder, held_out, config, form, 7, sandbox, **options
        )  # type: ignore[arg-type]

    return run


def test_scores_of_a_model_that_learnt_the_first_level(evaluate: Any, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    found = evaluate(tmp_path, on_progress=lambda done, total: seen.append((done, total)))
    facts = found.manifest.facts
    scores, intervals = facts["scores"], facts["intervals"]
    assert scores["ladder.level_1.pass@1"] >= 0.75
    assert scores["ladder.pass@1"] == pytest.approx(12 / 16 * scores["ladder.level_1.pass@1"], abs=0.26)
    assert scores["ladder.level_1.bits_per_byte"] < scores["ladder.level_2.bits_per_byte"]
    assert {"held_out.bits_per_byte", "held_out.bits_per_byte.python"} <= set(scores)
    assert set(scores) == set(intervals)
    assert all(low <= scores[name] <= high for name, (low, high) in intervals.items())
    assert facts["sandbox"] == sandbox_kind(SandboxOptions())
    assert found.manifest.counts["in"] == found.manifest.counts["kept"] == 16
    assert seen[-1][0] == seen[-1][1] and seen == sorted(seen)
    rows = pq.read_table(found.file("problems.parquet")).to_pylist()
    assert sum(row["correct"] for row in rows) / 16 == pytest.approx(scores["ladder.pass@1"])
    assert json.loads(Path(found.file("scores.json")).read_text())["scores"] == scores


def test_same_input_same_bytes_and_reuse(evaluate: Any, tmp_path: Path) -> None:
    first, second = evaluate(tmp_path / "a"), evaluate(tmp_path / "b")
    assert first.digest == second.digest
    assert not first.reused and evaluate(tmp_path / "a").reused


def test_scoring_again_does_not_draw_again(
    evaluate: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = evaluate(tmp_path)
    monkeypatch.setattr(stage, "VERSION", "another")
    monkeypatch.setattr("opencoder_dag.evaluate.local_model.LocalModel.complete", None)
    second = evaluate(tmp_path)
    assert not second.reused and second.digest == first.digest


def test_samples_are_drawn_by_seed(evaluate: Any, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"samples": 3, "temperature": 1.0, "problems": 4})
    first, second = evaluate(tmp_path / "a", config), evaluate(tmp_path / "b", config)
    assert first.digest == second.digest
    programs = [row["solutions"] for row in pq.read_table(first.file("problems.parquet")).to_pylist()]
    assert any(len(set(drawn)) > 1 for drawn in programs)


def test_chat_form_uses_the_template(evaluate: Any, tmp_path: Path) -> None:
    found = evaluate(tmp_path, CONFIG.model_copy(update={"problems": 3}), "chat")
    assert found.manifest.facts["form"] == "chat"
    assert 0 <= found.manifest.facts["scores"]["ladder.pass@1"] <= 1


def test_bits_per_byte_is_the_loss_of_the_model(
    model: Dataset, tokenizer_folder: str, evaluate: Any, tmp_path: Path
) -> None:
    import torch

    from opencoder_dag.evaluate.local_model import LocalModel

    local = LocalModel(Path(model.path), Path(tokenizer_folder))
    texts = ["def add(a, b):\n    return a + b\n", "é" * 400, "x = 1\n"]
    together = local.document_bits(texts)
    for text, cost in zip(texts, together, strict=True):
        ids = torch.tensor([[local.end, *local.tokenizer(text)["input_ids"]]])
        with torch.inference_mode():
            total, start = 0.0, 1
            pieces = ids[0, 1:].split(511)
            for piece in pieces:
                window = torch.cat([ids[0, :1], piece])[None]
                total += float(local.model(window, labels=window).loss) * len(piece)
                start += len(piece)
        assert cost.bytes == len(text.encode())
        assert cost.bits == pytest.approx(total / math.log(2), rel=1e-4)
    (pair,) = local.continuation_bits([(texts[0][:16], texts[0][16:])])
    assert pair.bits < together[0].bits


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"suites": ["laddr"]}, "no suite 'laddr'; did you mean 'ladder'"),
        ({"samples": 2}, "all the same at temperature 0"),
    ],
)
def test_wrong_settings_are_one_line(
    evaluate: Any, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        evaluate(tmp_path, CONFIG.model_copy(update=change))


def test_unreadable_model(tokenizer_folder: str, held_out: Dataset, model: Dataset, tmp_path: Path) -> None:
    empty = replace(model, path=str(tmp_path / "nothing"))
    arguments = (tokenizer_folder, held_out, CONFIG, "base", 0, SandboxOptions())
    with pytest.raises(InputError, match="cannot be loaded as a model"):
        evaluate_model(Lake(str(tmp_path / "lake")), empty, *arguments)  # type: ignore[arg-type]


def test_foreign_suites_need_bubblewrap(
    evaluate: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "sandbox_kind", lambda options: "process")
    (ladder,), _ = stage.load_suites(["ladder"], 2)
    foreign = replace(ladder, spec=ladder.spec.model_copy(update={"trusted": False}))
    monkeypatch.setattr(stage, "load_suites", lambda *_: ([foreign], {}))
    with pytest.raises(OpencoderError, match="set the sandbox to 'process'"):
        evaluate(tmp_path)
