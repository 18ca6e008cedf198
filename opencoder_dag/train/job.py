"""A training job: everything that the child process needs, as one JSON file.

Belongs here: what is trained on what, in which phases, and the stage that the result will be. The child reads
nothing but this file and what it points to, so a job can be run by hand: `python -m opencoder_dag.train JOB`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from opencoder_dag.errors import InputError
from opencoder_dag.lake import Dataset, Lake, Stage, canonical_json, sha256_text, write_bytes
from opencoder_dag.model.architecture import shape_of
from opencoder_dag.recipe import Model, Recipe, Sft, SftStage, Train, describe
from opencoder_dag.settings import Settings

BASE_STAGE, SFT_STAGE = "base_model", "sft_model"
VERSION = "2"
HELD_OUT_DOCUMENTS = 64  # looked at while training; the evaluation stage looks at more
SFT_FINAL_SHARE = 0.0  # cosine to zero, as Hugging Face's Trainer does (OpenCoder, section 8.2)


class Plain(BaseModel):
    """Immutable and strict, like a recipe section."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StageIdentity(Plain):
    """A `lake.Stage` as JSON."""

    name: str
    version: str
    config: dict[str, object]
    inputs: dict[str, str]


class Phase(Plain):
    """A stretch of training on one selection of samples with one batch size.

    `select` is a column of the mix that counts repetitions (base), or the instruction stages taken with their
    epochs (tuning). `tokens` is the budget; None takes all samples.
    """

    name: str
    select: str | dict[int, int]
    tokens: int | None
    batch: int
    max_items: dict[int, int] = {}


class Curve(Plain):
    """The learning rate over some phases: `schedule.Schedule` before the number of steps is known."""

    kind: Literal["wsd", "wcl", "cosine"]
    peak: float
    final: float
    warmup: int
    decay: Literal["exponential", "linear", "sqrt"] = "exponential"
    stable: list[str]  # phases of warm-up and stable (or cosine) part
    falling: list[str] = []  # phases of the decay


class TrainJob(Plain):
    """One model to train. `folder` is where it works; its fingerprint names the output."""

    kind: Literal["base", "sft"]
    stage_identity: StageIdentity
    folder: str
    shared: str | None  # where stable phases that several anneals share are kept
    documents: list[str]  # Parquet shards: of the mix, or of the instruction data
    documents_digest: str
    held_out: list[str]
    tokenizer: str
    tokenizer_digest: str
    initial: str | None  # checkpoint to start from
    model: Model
    train: Train
    phases: list[Phase]
    curves: list[Curve]
    sequence: int
    micro_batch: int
    seed: int

    @property
    def stage(self) -> Stage:
        """The stage whose output this job makes."""
        identity = self.stage_identity
        return Stage(identity.name, identity.version, identity.config, identity.inputs)

    @property
    def work(self) -> Path:
        """The folder of checkpoints, data, metrics and the log."""
        return Path(self.folder)

    @property
    def stable_identity(self) -> str:
        """Digest of all that the stable phase depends on, except its data."""
        train = self.train.model_dump(
            mode="json",
            exclude={"anneal_tokens", "evaluate_steps", "checkpoint_steps"}
            | ({"final_learning_rate", "decay"} if self.train.schedule == "wsd" else set()),
        )
        parts = [
            VERSION,
            self.tokenizer_digest,
            self.initial,
            self.model.model_dump(mode="json"),
            train,
            self.seed,
        ]
        return sha256_text(canonical_json(parts))

    def save(self) -> Path:
        """Write `job.json` into the work folder and return its path."""
        path = self.work / "job.json"
        write_bytes(str(path), self.model_dump_json(indent=1).encode())
        return path


def load_job(path: Path) -> TrainJob:
    """Read a job file; raises `InputError` naming the key that is wrong."""
    try:
        return TrainJob.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        raise InputError(f"{path}: {describe(error, TrainJob, 'job')}") from None


def base_job(
    lake: Lake, mix: Dataset, held_out: Dataset, tokenizer: Dataset, recipe: Recipe, settings: Settings
) -> TrainJob:
    """The job of `base_model`: warm-up and stable phase on the mix's `pretrain`, decay on its `anneal`.

    Raises `InputError` when the sequence is longer than the model's positions.
    """
    train = recipe.train
    _check_positions("train.sequence", train.sequence, recipe.model)
    stage = Stage(
        BASE_STAGE,
        VERSION,
        config=recipe.sections("model", "train", "seed"),
        inputs={
            mix.manifest.stage: mix.digest,
            held_out.manifest.stage: held_out.digest,
            tokenizer.manifest.stage: tokenizer.digest,
        },
    )
    phases = [Phase(name="stable", select="pretrain", tokens=train.tokens, batch=train.batch)]
    if train.anneal_tokens:
        phases.append(Phase(name="anneal", select="anneal", tokens=train.anneal_tokens, batch=train.batch))
    curve = Curve(
        kind=train.schedule,
        peak=train.learning_rate,
        final=train.final_learning_rate,
        warmup=train.warmup_steps,
        decay=train.decay,
        stable=["stable"],
        falling=[phase.name for phase in phases[1:]],
    )
    return TrainJob(
        kind="base",
        stage_identity=_identity(stage),
        folder=str(settings.home / "work" / stage.fingerprint),
        shared=str(settings.home / "work" / "stable") if train.schedule != "cosine" else None,
        documents=mix.shards(),
        documents_digest=mix.digest,
        held_out=held_out.shards(),
        tokenizer=tokenizer.path,
        tokenizer_digest=tokenizer.digest,
        initial=recipe.model.init_from,
        model=recipe.model,
        train=train,
        phases=phases,
        curves=[curve],
        sequence=train.sequence,
        micro_batch=train.micro_batch,
        seed=recipe.seed,
    )


def sft_job(
    lake: Lake, instruct: Dataset, base: Dataset, tokenizer: Dataset, recipe: Recipe, settings: Settings
) -> TrainJob:
    """The job of `sft_model`: the base model on ChatML items, loss on the answers, stage 2 after stage 1.

    Raises `InputError` when the sequence is longer than the model's positions.
    """
    sft = recipe.sft
    _check_positions("sft.sequence", sft.sequence, recipe.model)
    stage = Stage(
        SFT_STAGE,
        VERSION,
        config={
            **recipe.sections("model", "sft", "seed"),
            "train": {
                name: getattr(recipe.train, name) for name in ("weight_decay", "betas", "clip", "precision")
            },
        },
        inputs={
            instruct.manifest.stage: instruct.digest,
            base.manifest.stage: base.digest,
            tokenizer.manifest.stage: tokenizer.digest,
        },
    )
    phases, curves = _tuning_phases(sft)
    return TrainJob(
        kind="sft",
        stage_identity=_identity(stage),
        folder=str(settings.home / "work" / stage.fingerprint),
        shared=None,
        documents=instruct.shards(),
        documents_digest=instruct.digest,
        held_out=[],
        tokenizer=tokenizer.path,
        tokenizer_digest=tokenizer.digest,
        initial=base.path,
        model=recipe.model,
        train=recipe.train,
        phases=phases,
        curves=curves,
        sequence=sft.sequence,
        micro_batch=sft.micro_batch,
        seed=recipe.seed,
    )


def _tuning_phases(sft: Sft) -> tuple[list[Phase], list[Curve]]:
    """Two stages one after the other, the first alone, or both shuffled into one with stage 1's rates."""
    stages = {1: sft.stage1, 2: sft.stage2}

    def phase(name: str, config: SftStage, *numbers: int) -> tuple[Phase, Curve]:
        return (
            Phase(
                name=name,
                select={number: stages[number].epochs for number in numbers},
                tokens=None,
                batch=config.batch,
                max_items={number: stages[number].max_items for number in numbers},
            ),
            Curve(
                kind="cosine",
                peak=config.learning_rate,
                final=config.learning_rate * SFT_FINAL_SHARE,
                warmup=config.warmup_steps,
                stable=[name],
            ),
        )

    if sft.strategy == "mixed":
        pairs = [phase("mixed", sft.stage1, 1, 2)]
    elif sft.strategy == "stage1_only":
        pairs = [phase("stage1", sft.stage1, 1)]
    else:
        pairs = [phase("stage1", sft.stage1, 1), phase("stage2", sft.stage2, 2)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _check_positions(key: str, sequence: int, model: Model) -> None:
    positions = shape_of(model).positions
    if model.init_from is None and sequence > positions:
        raise InputError(
            f"{key}: {sequence} tokens, but model.preset '{model.preset}' has {positions} positions"
        )


def _identity(stage: Stage) -> StageIdentity:
    return StageIdentity(
        name=stage.name, version=stage.version, config=dict(stage.config), inputs=dict(stage.inputs)
    )
