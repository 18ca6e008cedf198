"""The loop against a plain PyTorch loop, and against itself cut up in other ways."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from opencoder_dag.train import TrainJob
from opencoder_dag.train.data import IGNORED, PackedData
from opencoder_dag.train.encode import Encoder
from opencoder_dag.train.loop import Plan
from opencoder_dag.train.network import build

from .conftest import World, losses, weights_of

Train = Callable[[TrainJob], None]


def reference_losses(job: TrainJob, steps: int) -> list[float]:
    """The same training in plain PyTorch: every document on its own through Hugging Face's own attention, the
    mean over all labelled tokens of the step, AdamW, clipping, a new learning rate for each step."""
    data = PackedData(job.work / "data")
    plan = Plan(job, data)
    model = build(job, Encoder(job.tokenizer), torch.device("cpu")).network
    model.set_attn_implementation("sdpa")
    matrices = [one for one in model.parameters() if one.dim() > 1]
    vectors = [one for one in model.parameters() if one.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
        betas=(0.9, 0.95),
    )
    found = []
    for number in range(1, steps + 1):
        step = plan.step(number)
        stream = data.stream(step.phase, list(step.rows))
        ids, labels = torch.from_numpy(stream.tokens), torch.from_numpy(stream.labels)
        total = torch.zeros(())
        for tokens, targets in zip(ids.split(stream.documents), labels.split(stream.documents), strict=True):
            logits = model(input_ids=tokens[None], use_cache=False).logits[0]
            total = total + F.cross_entropy(logits, targets, reduction="sum", ignore_index=IGNORED)
        loss = total / stream.targets
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = step.rate
        optimizer.step()
        found.append(loss.item())
    return found


def test_fifty_steps_equal_a_plain_loop(world: World, tmp_path: Path, train_here: Train) -> None:
    job = world.base(tmp_path / "job", tokens=26_000, anneal_tokens=3_000, checkpoint_steps=1_000)
    train_here(job)
    ours = losses(job)
    expected = reference_losses(job, 50)
    assert [ours[step] for step in range(1, 51)] == pytest.approx(expected, abs=1e-4)
    assert expected[-1] < expected[0] - 0.5  # it did learn something


@pytest.mark.parametrize(
    "change",
    [
        {"activation_checkpointing": True},
        {"micro_batch": 1},
        {"micro_batch": 8},
        {"zero_stage": 0},
        {"zero_stage": 2},
    ],
)
def test_accumulation_and_zero_stage_do_not_change_the_losses(
    world: World, tmp_path: Path, train_here: Train, change: dict[str, int]
) -> None:
    one, other = world.base(tmp_path / "one"), world.base(tmp_path / "other", **change)
    train_here(one)
    train_here(other)
    assert losses(other).keys() == losses(one).keys()
    assert list(losses(other).values()) == pytest.approx(list(losses(one).values()), abs=1e-4)


def test_packing_does_not_change_the_loss_of_a_token(world: World, tmp_path: Path, train_here: Train) -> None:
    """One step over all rows sees the same documents however they share rows: the same mean loss a token."""
    found = {}
    for sequence, batch in ((64, 10_000), (256, 10_000)):
        job = world.base(
            tmp_path / str(sequence),
            tokens=3_000,
            anneal_tokens=0,
            sequence=sequence,
            batch=batch,
            micro_batch=4,
        )
        train_here(job)
        data = PackedData(job.work / "data")
        stream = data.stream("stable", range(data.row_count("stable")))
        assert losses(job).keys() == {1}
        found[sequence] = (losses(job)[1], stream)
    assert sorted(found[64][1].tokens.tolist()) == sorted(found[256][1].tokens.tolist())
    # Cut at 64, a document loses a label at each cut; nothing else differs at the first step but context.
    assert found[64][0] == pytest.approx(found[256][0], abs=0.02)


def test_the_same_job_gives_the_same_bytes(world: World, tmp_path: Path, train_here: Train) -> None:
    one, other = world.base(tmp_path / "one"), world.base(tmp_path / "other")
    train_here(one)
    train_here(other)
    assert weights_of(one) == weights_of(other)
