"""From a job to a published model, tuning on top of it, and what may be wrong on the way."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.lake import Dataset
from opencoder_dag.model import train_tokenizer
from opencoder_dag.recipe import Model
from opencoder_dag.recipe import Tokenizer as TokenizerConfig
from opencoder_dag.train import TrainJob, base_job, publish_model
from opencoder_dag.train.card import add_scores
from opencoder_dag.train.engine import Engine

from .conftest import World, losses

Train = Callable[[TrainJob], None]


@pytest.fixture(scope="module")
def base(world: World, tmp_path_factory: pytest.TempPathFactory, train_here: Train) -> Dataset:
    job = world.base(tmp_path_factory.mktemp("base"))
    train_here(job)
    return publish_model(world.lake, job)


def test_the_published_model_loads_with_plain_transformers(base: Dataset) -> None:
    model = AutoModelForCausalLM.from_pretrained(base.path)
    tokenizer = AutoTokenizer.from_pretrained(base.path)
    ids = tokenizer("def f(x):", return_tensors="pt")
    assert model.generate(**ids, max_new_tokens=4, do_sample=False).shape[1] == ids["input_ids"].shape[1] + 4
    facts = base.manifest.facts
    assert facts["parameters"] == sum(one.numel() for one in model.parameters())
    assert facts["curve"][-1]["step"] == facts["steps"]
    assert facts["held_out_curve"][-1]["loss"] == facts["held_out_loss"]
    card = Path(base.file("README.md")).read_text()
    assert base.manifest.fingerprint in card
    assert "**Not** trained for filling in the middle" in card


def test_the_card_takes_the_scores_of_the_newest_evaluation(base: Dataset, tmp_path: Path) -> None:
    copy = Dataset(str(tmp_path / "model"), base.manifest)
    shutil.copytree(base.path, copy.path)
    for value in (0.25, 0.5):
        add_scores(copy, {"ladder.pass@1": value, "bits": 2.0}, {"ladder.pass@1": (0.1, 0.6)})
    card, before = (Path(each.file("README.md")).read_text() for each in (copy, base))
    assert "| ladder.pass@1 | 0.5000 | 0.1000 to 0.6000 |" in card and "0.2500" not in card
    assert "| bits | 2.0000 |  |" in card and "Not evaluated yet" not in card
    assert card.split("## Limits")[1] == before.split("## Limits")[1]
    bare = Dataset(str(tmp_path / "bare"), base.manifest)
    add_scores(bare, {"ladder.pass@1": 0.5}, {})
    assert not Path(bare.path).exists(), "a model without a card is left as it is"


def test_the_work_folder_is_freed_and_a_second_publishing_reuses(world: World, base: Dataset) -> None:
    job = base_job(world.lake, world.mix, world.held_out, world.tokenizer, world.recipe(), world.settings())
    again = publish_model(world.lake, job)
    assert again.reused
    assert again.digest == base.digest


@pytest.mark.parametrize(
    ("strategy", "phases"),
    [("two_stage", ["stage1", "stage2"]), ("stage1_only", ["stage1"]), ("mixed", ["mixed"])],
)
def test_tuning_strategies(
    world: World, base: Dataset, tmp_path: Path, train_here: Train, strategy: str, phases: list[str]
) -> None:
    job = world.tuning(tmp_path / "job", base, strategy=strategy)
    train_here(job)
    lines = [json.loads(line) for line in (job.work / "metrics.jsonl").read_text().splitlines()]
    assert list(dict.fromkeys(line["phase"] for line in lines)) == phases
    # Each phase has its own cosine, from a warm-up to nothing.
    for phase in phases:
        rates = [line["learning_rate"] for line in lines if line["phase"] == phase]
        assert max(rates) > rates[0] > 0
        assert rates[-1] == pytest.approx(0, abs=1e-12)
    config = json.loads((job.work / "export" / "generation_config.json").read_text())
    assert config["eos_token_id"] == [2, 0]  # the end of a message ends generation


def test_stage_two_starts_from_stage_one_with_a_new_optimizer(
    world: World, base: Dataset, tmp_path: Path, train_here: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    resets: list[float] = []
    real = Engine.reset_optimizer

    def counting(self: Engine) -> None:
        real(self)
        resets.append(max(float(value.abs().max()) for value in self.moments().values()))

    monkeypatch.setattr(Engine, "reset_optimizer", counting)
    train_here(world.tuning(tmp_path / "job", base))
    assert resets == [0.0]


def test_several_anneals_share_one_stable_phase(
    world: World, tmp_path: Path, train_here: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "stable"

    def job(name: str, **changes: object) -> TrainJob:
        return world.base(tmp_path / name, **changes).model_copy(update={"shared": str(shared)})

    first, second = job("first"), job("second", anneal_tokens=3_200, final_learning_rate=5e-5)
    alone = world.base(tmp_path / "alone", anneal_tokens=3_200, final_learning_rate=5e-5)
    for one in (first, second, alone):
        train_here(one)
    summary = json.loads((second.work / "summary.json").read_text())
    assert summary["resumed_from"] == summary["steps_of"]["stable"]
    assert losses(second) == losses(alone)
    other = job("other", learning_rate=1e-3)
    train_here(other)
    assert json.loads((other.work / "summary.json").read_text())["resumed_from"] is None


def test_a_checkpoint_of_another_place_is_continued_and_new_tokens_get_rows(
    world: World, base: Dataset, tmp_path: Path, train_here: Train
) -> None:
    """The Zhusuan way: start from any Hugging Face folder, with its tokenizer."""
    foreign = tmp_path / "foreign"
    shutil.copytree(base.path, foreign)
    tokenizer = AutoTokenizer.from_pretrained(foreign)
    tokenizer.add_tokens(["<|brand_new|>"], special_tokens=True)
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    job = world.base(tmp_path / "job", tokens=2_000, anneal_tokens=0).model_copy(
        update={"initial": str(foreign), "tokenizer": str(tmp_path / "tokenizer")}
    )
    train_here(job)
    trained = AutoModelForCausalLM.from_pretrained(job.work / "export")
    assert trained.config.vocab_size == len(tokenizer)
    assert losses(job)[1] < 6.0  # better than the uniform 6.2 that new weights start from


def test_a_tokenizer_that_does_not_fit_the_checkpoint(
    world: World, base: Dataset, tmp_path: Path, train_here: Train
) -> None:
    other = train_tokenizer(world.lake, [world.held_out], TokenizerConfig(vocab_size=400), 0)
    job = world.base(tmp_path / "job").model_copy(update={"initial": base.path, "tokenizer": other.path})
    with pytest.raises(InputError, match=r"tokenizer: does not fit .*: token .* is .* here and .* there"):
        train_here(job)


def test_a_sequence_longer_than_the_positions(
    world: World, base: Dataset, tmp_path: Path, train_here: Train
) -> None:
    recipe = world.recipe(sequence=8_192)
    with pytest.raises(InputError, match=r"train\.sequence: 8192 tokens, but model\.preset 'tiny' has 4096"):
        base_job(world.lake, world.mix, world.held_out, world.tokenizer, recipe, world.settings())
    job = world.base(tmp_path / "job").model_copy(update={"initial": base.path, "sequence": 5_000})
    with pytest.raises(InputError, match=r"sequence: 5000 tokens, but .* has 4096 positions"):
        train_here(job)


def test_a_loss_that_is_not_finite_stops_and_names_the_batch(
    world: World, tmp_path: Path, train_here: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = world.base(tmp_path / "job")
    real = Engine.loss
    calls = 0

    def poisoned(self: Engine, **stream: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return real(self, **stream) * (float("nan") if calls > 4 * 7 else 1.0)

    monkeypatch.setattr(Engine, "loss", poisoned)
    with pytest.raises(
        OpencoderError, match=r"loss is nan at step \d+ \(phase stable, rows \d+ to \d+, documents"
    ):
        train_here(job)
    assert [path.name for path in (job.work / "checkpoints").iterdir()] == ["step-00000004"]
    assert not (job.work / "export").exists()


def test_shapes_that_cannot_be(world: World) -> None:
    recipe = world.recipe().model_copy(update={"model": Model(width=100, heads=3)})
    with pytest.raises(InputError, match=r"model\.heads: 3 heads do not divide width 100"):
        base_job(world.lake, world.mix, world.held_out, world.tokenizer, recipe, world.settings())
