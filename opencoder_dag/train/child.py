"""One training process from start to end: data, network, checkpoint, loop, export.

Runs under the DeepSpeed launcher, once for each rank. Only rank 0 writes, and only rank 0 speaks to Dagster
Pipes, when the environment has them.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from opencoder_dag.errors import OpencoderError
from opencoder_dag.lake import write_bytes
from opencoder_dag.train import checkpoint, data
from opencoder_dag.train.checkpoint import Checkpoint, Progress
from opencoder_dag.train.data import PackedData
from opencoder_dag.train.encode import Encoder
from opencoder_dag.train.engine import (
    COMMUNICATION_TIMEOUT,
    Engine,
    device_of,
    half_precision,
    import_deepspeed,
)
from opencoder_dag.train.job import TrainJob
from opencoder_dag.train.loop import Trainer
from opencoder_dag.train.network import adapt, build, stop_tokens
from opencoder_dag.train.prepare import prepare

LOCK_SECONDS = 60.0  # how long to wait for an interrupted training of the same job to notice and end


def train(job: TrainJob, device_name: str, parent: int | None) -> None:
    """Train a job to its end in this process (one of several); `parent` is the process to end with.

    Leaves `export/` (a Hugging Face checkpoint) and `summary.json` in the job's folder. Returns at once when
    they are there already.
    """
    device = device_of(device_name)
    deepspeed = import_deepspeed(device)
    make_deterministic(device)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    deepspeed.init_distributed(
        dist_backend="gloo" if device.type == "cpu" else "nccl", timeout=COMMUNICATION_TIMEOUT, verbose=False
    )
    first = dist.get_rank() == 0
    with _lock(job.work / "lock") if first else _nothing(), _pipes() if first else _nothing() as pipes:
        if not _all_agree((job.work / "summary.json").exists(), device):
            train_in_group(job, device, deepspeed, parent, pipes)
        dist.barrier()
    dist.destroy_process_group()


def train_in_group(
    job: TrainJob, device: torch.device, deepspeed: Any, parent: int | None = None, pipes: Any = None
) -> None:
    """Train a job in an initialised process group; every process of it calls this."""
    first = dist.get_rank() == 0
    encoder = Encoder(job.tokenizer)
    if first:
        checkpoint.remove_leftovers(job.work / "checkpoints")
        prepare(job, encoder)
    dist.barrier()
    packed = PackedData(job.work / "data")
    stable = Path(job.shared) / data.identity(job, packed.folder, job.phases[0].name) if job.shared else None
    digest = data.packed_digest(packed.folder)
    found = _find_checkpoint(job, digest, stable)
    network = adapt(build(job, encoder, device), job, device)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    config = network.network.config
    if found is not None:
        # Before DeepSpeed takes its copies, because it would not pass later changes of its copies on.
        network.load_state_dict(found.weights, strict=False)
    engine = Engine(job, network, device, deepspeed)
    trainer = Trainer(job, packed, engine, Progress(0, 0, 0.0, digest))
    if found is not None:
        # A shared stable phase was trained on data that differs in the anneal only.
        trainer.progress = Progress(
            found.progress.step, found.progress.tokens, found.progress.elapsed, digest
        )
        engine.restore(found.weights, found.moments)
        torch.set_rng_state(found.random_state)
    if first:
        trainer.metrics.start_over(found.path / "metrics.jsonl" if found else None)
    if parent is not None and first:
        trainer.abandoned = lambda: not _alive(parent)
    resumed_from = trainer.progress.step
    if pipes is not None:
        pipes.log.info(f"{parameters:,} parameters, steps {resumed_from + 1} to {trainer.plan.steps}")

    def after_phase(name: str) -> None:
        if stable is not None and name == job.phases[0].name and len(job.phases) > 1:
            trainer.save(stable.parent, stable.name)

    trainer.run(after_phase)
    weights = engine.weights()
    if first:
        network_config = config
        _export(
            job,
            encoder,
            network_config,
            weights,
            half=job.train.precision == "bf16" and device.type == "cuda",
        )
        progress = trainer.progress
        summary = {
            "parameters": parameters,
            "steps": trainer.plan.steps,
            "steps_of": trainer.plan.steps_of,
            "tokens": progress.tokens,
            "seconds": round(progress.elapsed, 3),
            "tokens_per_second": round(progress.tokens / max(progress.elapsed, 1e-9), 1),
            "resumed_from": resumed_from or None,
            "ranks": dist.get_world_size(),
            "device": device.type,
            "precision": "bf16" if half_precision(job, device) else "fp32",
            "data": packed.index["phases"],
            "cut": packed.index["cut"],
            "without_answer": packed.index["without_answer"],
        }
        write_bytes(str(job.work / "summary.json"), json.dumps(summary, indent=1).encode())
        if pipes is not None:
            pipes.report_custom_message(summary)


def _find_checkpoint(job: TrainJob, digest: str, stable: Path | None) -> Checkpoint | None:
    """The newest whole checkpoint of this job, else the shared stable phase; rank 0 decides for all."""
    answer: list[str | None] = [None]
    if dist.get_rank() == 0:
        found, passed = checkpoint.newest(job.work / "checkpoints", digest)
        for line in passed:
            print(f"warning: {line}; passed over", flush=True)
        if found is None and stable is not None and stable.exists():
            try:
                found = checkpoint.read(stable)
            except OpencoderError as error:
                print(f"warning: {error}; passed over", flush=True)
        answer = [str(found.path) if found else None]
    dist.broadcast_object_list(answer)
    return checkpoint.read(Path(answer[0])) if answer[0] else None


def _export(
    job: TrainJob, encoder: Encoder, config: Any, weights: dict[str, torch.Tensor], *, half: bool
) -> None:
    """Write weights, configuration and tokenizer the way `from_pretrained` reads them."""
    from transformers import AutoModelForCausalLM

    dtype = torch.bfloat16 if half else torch.float32
    config._attn_implementation = "sdpa"
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    state = {name.removeprefix("network."): value.to(dtype) for name, value in weights.items()}
    model.load_state_dict(state, strict=False, assign=True)
    model.tie_weights()
    stop = stop_tokens(job, encoder)
    model.config.eos_token_id = model.generation_config.eos_token_id = stop if len(stop) > 1 else stop[0]
    model.generation_config.pad_token_id = encoder.padding
    temporary, target = job.work / "export.tmp", job.work / "export"
    shutil.rmtree(temporary, ignore_errors=True)
    model.save_pretrained(temporary, state_dict=state)
    encoder.tokenizer.save_pretrained(temporary)
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)


def make_deterministic(device: torch.device) -> None:
    """The same bits for the same inputs: fixed threads on CPU, deterministic kernels."""
    # The same as `use_deterministic_algorithms`, which would import the compiler to tell it too.
    torch.set_deterministic_debug_mode("error" if device.type == "cpu" else "default")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined] # nothing reads it
    if device.type == "cpu":
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


def _all_agree(value: bool, device: torch.device) -> bool:
    """Rank 0's opinion."""
    tensor = torch.tensor([int(value)], device=device)
    dist.broadcast(tensor, 0)
    return bool(tensor.item())


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold the job's folder; raises `OpencoderError` when another process keeps holding it."""
    with path.open("w") as handle:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise OpencoderError(f"{path.parent}: another process is training this job") from None
                time.sleep(0.5)
        yield


@contextmanager
def _nothing() -> Iterator[None]:
    yield None


@contextmanager
def _pipes() -> Iterator[Any]:
    """The Dagster Pipes session of the environment, or None."""
    if "DAGSTER_PIPES_CONTEXT" not in os.environ:
        yield None
        return
    from dagster_pipes import open_dagster_pipes

    with open_dagster_pipes() as context:
        yield context


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
