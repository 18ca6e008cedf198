"""Model FLOP utilisation, memory and tokens a second of the training step on one GPU.

The step is the one of `opencoder_dag.train` (isolated documents through the variable-length kernel, DeepSpeed
with bf16 weights and fp32 master weights, clipping, AdamW), on synthetic documents. Model FLOPs are counted
by `opencoder_dag.train.flops`; utilisation is against the dense bf16 peak of the card.

    python benchmarks/train_gpu.py --preset opencoder-1.5b --sequence 4096 --micro-batch 4 --rows 32

Without a CUDA device it says so and ends with status 2. `--agree` instead trains the tiny preset for 50 steps
on the GPU in bf16 and on the CPU in fp32, and prints the largest difference of their losses.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from importlib.metadata import version
from typing import Any

import numpy as np
import torch


def documents(vocabulary: int, sequence: int, tokens: int, seed: int = 7) -> list[list[int]]:
    """Documents with log-normal lengths around a quarter of the context."""
    random = np.random.default_rng(seed)
    found, total = [], 0
    while total < tokens:
        length = int(np.clip(random.lognormal(np.log(sequence / 4), 0.8), 16, sequence))
        found.append(random.integers(16, vocabulary, length).tolist())
        total += length
    return found


def trainer(arguments: argparse.Namespace, folder: str, device: torch.device, precision: str) -> Any:
    """A trainer on synthetic data, ready for its first step."""
    from opencoder_dag.model.architecture import PRESETS
    from opencoder_dag.recipe import Model, Train
    from opencoder_dag.train.checkpoint import Progress
    from opencoder_dag.train.data import PackedData
    from opencoder_dag.train.engine import Engine, import_deepspeed
    from opencoder_dag.train.job import Curve, Phase, StageIdentity, TrainJob
    from opencoder_dag.train.loop import Trainer
    from opencoder_dag.train.network import adapt, new_network
    from opencoder_dag.train.prepare import write_packed

    steps = arguments.warmup + arguments.steps
    job = TrainJob(
        kind="base",
        stage_identity=StageIdentity(name="benchmark", version="1", config={}, inputs={}),
        folder=folder,
        shared=None,
        documents=[],
        documents_digest="",
        held_out=[],
        tokenizer="",
        tokenizer_digest="",
        initial=None,
        model=Model(preset=arguments.preset),
        train=Train(
            precision=precision,  # type: ignore[arg-type] # checked by the section
            batch=arguments.rows,
            micro_batch=arguments.micro_batch,
            zero_stage=arguments.zero_stage,
            activation_checkpointing=arguments.activation_checkpointing,
            compile=arguments.compile,
        ),
        phases=[Phase(name="stable", select="pretrain", tokens=None, batch=arguments.rows)],
        curves=[Curve(kind="wsd", peak=3e-4, final=1e-5, warmup=5, stable=["stable"])],
        sequence=arguments.sequence,
        micro_batch=arguments.micro_batch,
        seed=7,
    )
    vocabulary = PRESETS[arguments.preset].vocabulary or 4096
    needed = (steps + 1) * arguments.rows * arguments.sequence
    write_packed(job, documents(vocabulary, arguments.sequence, needed), vocabulary)
    deepspeed = import_deepspeed(device)
    network = adapt(new_network(job, vocabulary, device), job, device)
    data = PackedData(job.work / "data")
    return Trainer(job, data, Engine(job, network, device, deepspeed), Progress(0, 0, 0.0, ""))


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Steps after the warm-up: tokens a second, utilisation, peak memory."""
    device = torch.device("cuda", 0)
    with tempfile.TemporaryDirectory() as folder:
        runner = trainer(arguments, folder, device, "bf16")
        for number in range(1, arguments.warmup + 1):
            runner.train_step(number, runner.plan.step(number))
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before, started = runner.progress.tokens, time.monotonic()
        documents_seen: list[int] = []
        for number in range(arguments.warmup + 1, arguments.warmup + arguments.steps + 1):
            step = runner.plan.step(number)
            documents_seen += runner.data.stream(step.phase, list(step.rows)).documents
            runner.train_step(number, step)
        torch.cuda.synchronize()
        seconds = time.monotonic() - started
        tokens = runner.progress.tokens - before
        flops, peak = runner.flops.of(documents_seen), runner.peak
    return {
        "preset": arguments.preset,
        "sequence": arguments.sequence,
        "card": torch.cuda.get_device_name(device),
        "tokens_per_second": round(tokens / seconds),
        "tflops": round(flops / seconds / 1e12, 1),
        "model_flop_utilisation": round(flops / seconds / peak, 4) if peak else None,
        "peak_memory_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2),
        "command": " ".join(sys.argv),
        "versions": {name: version(name) for name in ("torch", "transformers", "deepspeed")},
    }


def agree(arguments: argparse.Namespace) -> dict[str, Any]:
    """Losses of the tiny preset on the GPU in bf16 against the CPU in fp32."""
    from opencoder_dag.train.metrics import read_metrics

    arguments.preset, arguments.sequence, arguments.rows, arguments.micro_batch = "tiny", 256, 8, 4
    arguments.warmup, arguments.steps = 0, 50
    found = []
    for device, precision in ((torch.device("cuda", 0), "bf16"), (torch.device("cpu"), "fp32")):
        with tempfile.TemporaryDirectory() as folder:
            runner = trainer(arguments, folder, device, precision)
            runner.run()
            found.append([line["loss"] for line in read_metrics(runner.metrics.path) if "loss" in line][:50])
    differences = np.abs(np.array(found[0]) - np.array(found[1]))
    return {
        "steps": 50,
        "largest_difference": float(differences.max()),
        "last": [losses[-1] for losses in found],
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="opencoder-1.5b")
    parser.add_argument("--sequence", type=int, default=4096)
    parser.add_argument("--rows", type=int, default=32, help="rows of a step")
    parser.add_argument("--micro-batch", type=int, default=4)
    parser.add_argument("--zero-stage", type=int, default=1)
    parser.add_argument("--activation-checkpointing", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--agree", action="store_true")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("no CUDA device: this benchmark needs one", file=sys.stderr)
        return 2
    from opencoder_dag.train.launch import free_port

    os.environ |= {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1"}
    os.environ |= {"MASTER_PORT": str(free_port())}
    torch.distributed.init_process_group("cpu:gloo,cuda:nccl")
    print(json.dumps(agree(arguments) if arguments.agree else measure(arguments), indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
