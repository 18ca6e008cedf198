"""Checkpoints: written beside, synced, renamed; read back only if every byte is as it was written.

A checkpoint is the folder `step-00000100/` with `state.safetensors` (weights, moments, random state, all
by name), `metrics.jsonl` up to that step, and `checkpoint.json`, which has the step, counters and the
SHA-256 of the other files. It does not depend on the number of processes.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from opencoder_dag.errors import OpencoderError
from opencoder_dag.train.data import file_digest

KEPT = 2  # checkpoints; the one before the newest is there in case the newest is damaged
DESCRIPTION = "checkpoint.json"


@dataclass(frozen=True)
class Progress:
    """How far a training has come. `tokens` counts what was read in all steps, `elapsed` is in seconds."""

    step: int
    tokens: int
    elapsed: float
    data: str  # digest of the packed data


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as read back."""

    path: Path
    progress: Progress
    weights: dict[str, Tensor]
    moments: dict[str, Tensor]
    random_state: Tensor


def write(
    folder: Path,
    progress: Progress,
    weights: dict[str, Tensor],
    moments: dict[str, Tensor],
    metrics: Path,
    name: str | None = None,
    kept: int = KEPT,
) -> Path:
    """Write one checkpoint and remove all but the newest `kept`.

    Raises `OpencoderError` when it cannot be written (a full disk); earlier checkpoints are then untouched.
    """
    target = folder / (name or f"step-{progress.step:08d}")
    temporary = folder / f".{target.name}.{os.getpid()}.tmp"
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        state = {f"weights.{key}": value.contiguous() for key, value in weights.items()}
        state |= {f"moments.{key}": value.contiguous() for key, value in moments.items()}
        state["random_state"] = torch.get_rng_state()
        save_file(state, temporary / "state.safetensors")
        shutil.copyfile(metrics, temporary / "metrics.jsonl")
        digests = {path.name: file_digest(path) for path in sorted(temporary.iterdir())}
        description = {"format": 1, "progress": asdict(progress), "files": digests}
        (temporary / DESCRIPTION).write_text(json.dumps(description, indent=1), encoding="utf-8")
        for path in temporary.iterdir():
            _sync(path)
        _sync(temporary)
        shutil.rmtree(target, ignore_errors=True)
        temporary.rename(target)
        _sync(folder)
    except Exception as error:  # safetensors wraps a full disk in an error of its own
        shutil.rmtree(temporary, ignore_errors=True)
        raise OpencoderError(
            f"{target}: checkpoint cannot be written ({' '.join(str(error).split())})"
        ) from error
    if name is None:
        for old in found(folder)[:-kept]:
            shutil.rmtree(old, ignore_errors=True)
    return target


def found(folder: Path) -> list[Path]:
    """Finished checkpoints of a folder, oldest first; they may still turn out to be damaged."""
    return sorted(path for path in folder.glob("step-*") if path.is_dir())


def newest(folder: Path, data: str) -> tuple[Checkpoint | None, list[str]]:
    """The newest checkpoint that is whole and of the same data, and a line for each that was passed over."""
    passed = []
    for path in reversed(found(folder)):
        try:
            checkpoint = read(path)
        except OpencoderError as error:
            passed.append(str(error))
            continue
        if checkpoint.progress.data != data:
            passed.append(f"{path}: checkpoint of other data")
            continue
        return checkpoint, passed
    return None, passed


def read(path: Path) -> Checkpoint:
    """Read and verify a checkpoint; raises `OpencoderError` saying what is wrong with a damaged one."""
    try:
        description = json.loads((path / DESCRIPTION).read_text(encoding="utf-8"))
        for name, digest in description["files"].items():
            if file_digest(path / name) != digest:
                raise OpencoderError(f"{path / name}: damaged checkpoint (its SHA-256 has changed)")
        state = load_file(path / "state.safetensors")
        progress = Progress(**description["progress"])
    except OpencoderError:
        raise
    except Exception as error:
        raise OpencoderError(f"{path}: damaged checkpoint ({' '.join(str(error).split())})") from None
    return Checkpoint(
        path, progress, _part(state, "weights."), _part(state, "moments."), state["random_state"]
    )


def remove_leftovers(folder: Path) -> None:
    """Remove what an interrupted write left behind."""
    for path in folder.glob(".*.tmp"):
        shutil.rmtree(path, ignore_errors=True)


def _part(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
