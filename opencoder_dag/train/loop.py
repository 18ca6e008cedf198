"""The training loop: which rows make step s, and what happens at each step.

The contract on data order: step s reads the same rows whatever the number of processes; its micro-batches are
dealt out in contiguous blocks, and every loss is divided by the step's own number of labelled tokens. So the
gradient is the mean over tokens, however they were packed and dealt out.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from opencoder_dag.errors import OpencoderError
from opencoder_dag.train import checkpoint
from opencoder_dag.train.attention import attention_arguments
from opencoder_dag.train.checkpoint import Progress
from opencoder_dag.train.data import HELD_OUT, IGNORED, PackedData, Stream
from opencoder_dag.train.engine import Engine
from opencoder_dag.train.flops import ModelFlops, peak_flops
from opencoder_dag.train.job import TrainJob
from opencoder_dag.train.metrics import MetricsFile
from opencoder_dag.train.schedule import Schedule


class StoppedError(OpencoderError):
    """The training was asked to stop and wrote a checkpoint."""


@dataclass(frozen=True)
class Step:
    """One optimizer step: its phase, its rows of that phase, its learning rate."""

    phase: str
    rows: range
    rate: float


class Plan:
    """Every step of a job, counted from 1."""

    def __init__(self, job: TrainJob, data: PackedData) -> None:
        self.phases = {phase.name: phase for phase in job.phases}
        self.steps_of: dict[str, int] = {
            phase.name: whole_steps(
                data.row_count(phase.name), phase.batch, budgeted=phase.tokens is not None
            )
            for phase in job.phases
        }
        self.ends: dict[str, int] = {}
        total = 0
        for name, steps in self.steps_of.items():
            total += steps
            self.ends[name] = total
        self.steps = total
        self.data = data
        self.curves: dict[str, tuple[Schedule, int]] = {}
        for curve in job.curves:
            stable = sum(self.steps_of[name] for name in curve.stable)
            end = stable + sum(self.steps_of[name] for name in curve.falling)
            first = self.ends[curve.stable[0]] - self.steps_of[curve.stable[0]]
            schedule = Schedule(curve.kind, curve.peak, curve.final, curve.warmup, stable, end, curve.decay)
            for name in (*curve.stable, *curve.falling):
                self.curves[name] = (schedule, first)

    def step(self, number: int) -> Step:
        """What step `number` does."""
        name = next(name for name, end in self.ends.items() if number <= end)
        before = self.ends[name] - self.steps_of[name]
        batch = self.phases[name].batch
        at = (number - before - 1) * batch
        schedule, first = self.curves[name]
        rows = range(at, min(at + batch, self.data.row_count(name)))
        return Step(name, rows, schedule.rate(number - first))

    def starts_anew(self, number: int) -> bool:
        """Whether step `number` begins a curve other than the first: the optimizer starts anew with it."""
        return number > 1 and any(first == number - 1 for _, first in self.curves.values())


def whole_steps(rows: int, batch: int, *, budgeted: bool) -> int:
    """Steps over `rows`.

    With a budget, which is met on average only, rows are left out that would make a smaller last step;
    without one every row is seen.
    """
    return max(1, rows // batch) if budgeted else -(-rows // batch)


def deal(rows: range, micro_batch: int, rank: int, ranks: int) -> list[range]:
    """The micro-batches of one process: contiguous blocks, equally many for each (some may be empty)."""
    whole = [rows[at : at + micro_batch] for at in range(0, len(rows), micro_batch)]
    share = -(-len(whole) // ranks)
    mine = whole[rank * share : (rank + 1) * share]
    return mine + [range(0)] * (share - len(mine))


class Trainer:
    """Runs the steps of a plan from where `progress` stands. Every process has one; rank 0 writes."""

    def __init__(self, job: TrainJob, data: PackedData, engine: Engine, progress: Progress) -> None:
        self.job = job
        self.data = data
        self.engine = engine
        self.progress = progress
        self.plan = Plan(job, data)
        self.rank, self.ranks = dist.get_rank(), dist.get_world_size()
        module = engine.deepspeed_engine.module
        self.flops, self.peak = ModelFlops(module, module.network.config), peak_flops(engine.device)
        self.metrics = MetricsFile(job.work / "metrics.jsonl")
        self.checkpoints = job.work / "checkpoints"
        self.stop_requested = False
        self.abandoned: Callable[[], bool] = lambda: False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._request_stop)

    def run(self, after_phase: Callable[[str], None] = lambda name: None) -> None:
        """Train to the end of the plan.

        `after_phase` is called in every process when a phase is complete. Raises `StoppedError` after a
        request to stop, with a checkpoint written, and `OpencoderError` when a loss is not finite; the
        checkpoints before it stay.
        """
        for number in range(self.progress.step + 1, self.plan.steps + 1):
            step = self.plan.step(number)
            if self.plan.starts_anew(number):
                self.engine.reset_optimizer()
            stopping = self.train_step(number, step)
            finished = number == self.plan.ends[step.phase]
            if number % self.job.train.evaluate_steps == 0 or finished:
                self._evaluate()
            if stopping:
                self.save()
                raise StoppedError(
                    f"stopped at step {number} of {self.plan.steps}; run again to go on from there"
                )
            if number < self.plan.steps and (finished or number % self.job.train.checkpoint_steps == 0):
                self.save()
            if finished:
                after_phase(step.phase)

    def save(self, folder: Path | None = None, name: str | None = None) -> None:
        """Write a checkpoint; all processes take part."""
        weights, moments = self.engine.weights(), self.engine.moments()
        failure = None
        if self.rank == 0:
            try:
                checkpoint.write(
                    folder or self.checkpoints, self.progress, weights, moments, self.metrics.path, name
                )
            except OpencoderError as error:
                failure = error
        # A failed write must end every process, not leave the others waiting in the next step.
        if self._sum(float(failure is not None)) > 0:
            raise failure or OpencoderError("a checkpoint could not be written")

    def train_step(self, number: int, step: Step) -> bool:
        """Train step `number` (counted from 1); returns whether some process was asked to stop."""
        started = time.monotonic()
        streams = [
            self.data.stream(step.phase, rows)
            for rows in deal(step.rows, self.job.micro_batch, self.rank, self.ranks)
        ]
        tokens, targets, flops, leave = self._sums(
            sum(len(stream.tokens) for stream in streams),
            sum(stream.targets for stream in streams),
            sum(self.flops.of(stream.documents) for stream in streams),
            self.stop_requested or self.abandoned(),
        )
        total = 0.0
        for stream in streams:
            loss = self._loss(stream)
            total += loss.item()
            # DeepSpeed averages over processes, we want the sum over the step's labelled tokens.
            self.engine.backward(loss * (self.ranks / targets))
        mean = self._sum(total) / targets
        if not math.isfinite(mean):
            raise OpencoderError(self._not_finite(number, step, "loss", mean))
        norm = self.engine.step(step.rate)
        if not math.isfinite(norm):
            raise OpencoderError(self._not_finite(number, step, "gradient norm", norm))
        seconds = time.monotonic() - started
        self.progress = replace(
            self.progress,
            step=number,
            tokens=self.progress.tokens + int(tokens),
            elapsed=self.progress.elapsed + seconds,
        )
        if self.rank == 0:
            self.metrics.append(
                step=number,
                steps=self.plan.steps,
                phase=step.phase,
                tokens=self.progress.tokens,
                loss=mean,
                learning_rate=step.rate,
                grad_norm=norm,
                tokens_per_second=round(tokens / seconds, 1),
                gigaflops=round(flops / seconds / 1e9, 3),
                **self._utilisation(flops / seconds),
                elapsed=round(self.progress.elapsed, 3),
            )
        return leave > 0

    def _utilisation(self, flops: float) -> dict[str, float]:
        """Share of the peak of all devices that `flops` operations a second are, where the peak is known."""
        return (
            {} if self.peak is None else {"model_flop_utilisation": round(flops / self.peak / self.ranks, 4)}
        )

    def _evaluate(self) -> None:
        """Mean loss over the held-out rows, each process taking its share of them."""
        rows = self.data.row_count(HELD_OUT)
        if rows == 0:
            return
        self.engine.deepspeed_engine.eval()
        total, targets = 0.0, 0
        with torch.no_grad():
            for mine in deal(range(rows), self.job.micro_batch, self.rank, self.ranks):
                stream = self.data.stream(HELD_OUT, mine)
                total += self._loss(stream).item()
                targets += stream.targets
        self.engine.deepspeed_engine.train()
        total, counted = self._sums(total, targets)
        if self.rank == 0:
            self.metrics.append(
                step=self.progress.step,
                steps=self.plan.steps,
                tokens=self.progress.tokens,
                held_out_loss=total / max(counted, 1),
            )

    def _loss(self, stream: Stream) -> torch.Tensor:
        """Sum of losses over a stream; an empty one still takes part, so that all processes do the same."""
        if not stream.documents:
            nothing = np.zeros(1, np.int64)
            stream = Stream(nothing, nothing + IGNORED, nothing, [1])
        tokens, labels, positions = (
            torch.from_numpy(part).to(self.engine.device, non_blocking=True)
            for part in (stream.tokens, stream.labels, stream.positions)
        )
        arguments = attention_arguments(stream.documents, self.engine.device, self.job.sequence)
        return self.engine.loss(tokens=tokens, labels=labels, positions=positions, **arguments)

    def _sum(self, value: float) -> float:
        return self._sums(value)[0]

    def _sums(self, *values: float) -> list[float]:
        """Each value summed over all processes, in fp64."""
        tensor = torch.tensor(
            [float(value) for value in values], dtype=torch.float64, device=self.engine.device
        )
        dist.all_reduce(tensor)
        sums: list[float] = tensor.tolist()
        return sums

    def _not_finite(self, number: int, step: Step, what: str, value: float) -> str:
        documents = self.data.documents(step.phase, step.rows)
        shown = ", ".join(documents[:3]) + (f" and {len(documents) - 3} more" if len(documents) > 3 else "")
        return (
            f"{what} is {value} at step {number} (phase {step.phase}, rows {step.rows.start} to "
            f"{step.rows.stop - 1}, documents {shown}); the checkpoints before it stay in {self.checkpoints}"
        )

    def _request_stop(self, number: int, frame: Any) -> None:
        self.stop_requested = True
