"""Tokens per CPU second of our training loop against the Hugging Face Trainer and a bare loop.

Same model shape, documents and length for every arm, one core, fresh process for each run. Ours is the
whole step of `opencoder_dag.train`: reading packed rows, isolated documents, DeepSpeed with ZeRO 1, clipping,
AdamW, metrics. The peers are `peer_train.py`: documents joined and cut into full blocks, so that they mix,
for `trainer_blocks` and `torch_min_blocks`; isolated by a dense mask for `trainer_flatten`.

    python benchmarks/train_speed.py --peers ../shared/bench --sizes 3m 10m --dtypes fp32 bf16
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

SIZES = {  # layers, width, heads, KV heads, feed-forward width, vocabulary
    "3m": (6, 192, 6, 2, 512, 4096),
    "10m": (8, 320, 5, 5, 864, 4096),
}
LENGTHS = {"3m": (512, 4), "10m": (1024, 2)}  # tokens of a row, rows of a step
PEERS = ("trainer_blocks", "trainer_flatten", "torch_min_blocks")
BARS = {"trainer_blocks": 1.0, "trainer_flatten": 1.9, "torch_min_blocks": 0.95}


def run_ours(arguments: argparse.Namespace) -> dict[str, Any]:
    """One measurement in this process, as the only rank of a group."""
    sys.path.insert(0, str(arguments.peers))
    os.environ |= {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1"}
    os.environ |= {"MASTER_PORT": "0", "GLOO_SOCKET_IFNAME": "lo"}
    import torch
    from peer_train import documents  # type: ignore[import-not-found]

    from opencoder_dag.recipe import Model, Train
    from opencoder_dag.train import child, launch
    from opencoder_dag.train.checkpoint import Progress
    from opencoder_dag.train.data import PackedData
    from opencoder_dag.train.engine import Engine, import_deepspeed
    from opencoder_dag.train.job import Curve, Phase, StageIdentity, TrainJob
    from opencoder_dag.train.loop import Trainer
    from opencoder_dag.train.network import new_network
    from opencoder_dag.train.prepare import write_packed

    layers, width, heads, kv_heads, feed_forward, vocabulary = SIZES[arguments.size]
    sequence, batch = LENGTHS[arguments.size]
    steps = arguments.warmup + arguments.steps
    with tempfile.TemporaryDirectory() as folder:
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
            model=Model(
                layers=layers, width=width, heads=heads, kv_heads=kv_heads, feed_forward=feed_forward
            ),
            train=Train(precision=arguments.dtype, batch=batch, micro_batch=batch, evaluate_steps=10**6),
            phases=[Phase(name="stable", select="pretrain", tokens=None, batch=batch)],
            curves=[Curve(kind="wsd", peak=1e-3, final=1e-4, warmup=1, stable=["stable"])],
            sequence=sequence,
            micro_batch=batch,
            seed=7,
        )
        drawn = documents(vocabulary, sequence, (steps + 1) * batch * sequence * 1.1, 7)
        write_packed(job, drawn, vocabulary)
        device = torch.device("cpu")
        os.environ["MASTER_PORT"] = str(launch.free_port())
        deepspeed = import_deepspeed(device)
        child.make_deterministic(device)
        deepspeed.init_distributed(dist_backend="gloo", verbose=False)
        data = PackedData(job.work / "data")
        engine = Engine(job, new_network(job, vocabulary, device), device, deepspeed)
        trainer = Trainer(job, data, engine, Progress(0, 0, 0.0, ""))
        for number in range(1, arguments.warmup + 1):
            trainer.train_step(number, trainer.plan.step(number))
        before, started, cpu = trainer.progress.tokens, time.monotonic(), time.process_time()
        for number in range(arguments.warmup + 1, steps + 1):
            trainer.train_step(number, trainer.plan.step(number))
        cpu, wall = time.process_time() - cpu, time.monotonic() - started
        tokens = trainer.progress.tokens - before
    return {"tokens": tokens, "cpu_s": cpu, "wall_s": wall, "tokens_per_cpu_s": tokens / cpu}


def one_core(command: Sequence[str]) -> list[str]:
    return ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0))), *command]


def measure_ours(arguments: argparse.Namespace, size: str, dtype: str) -> float:
    command = [sys.executable, __file__, "--child", "--peers", str(arguments.peers), "--size", size]
    command += ["--dtype", dtype, "--steps", str(arguments.steps), "--warmup", str(arguments.warmup)]
    found = []
    for _ in range(arguments.repeats):
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        result = subprocess.run(one_core(command), capture_output=True, text=True, env=environment)
        if result.returncode:
            raise SystemExit(result.stderr)
        found.append(json.loads(result.stdout.splitlines()[-1])["tokens_per_cpu_s"])
    return statistics.median(found)


def measure_peer(arguments: argparse.Namespace, arm: str, size: str, dtype: str) -> float:
    sequence, batch = LENGTHS[size]
    command = [sys.executable, str(arguments.peers / "peer_train.py"), "--arms", arm, "--size", size]
    command += ["--dtype", dtype, "--seq", str(sequence), "--batch", str(batch), "--cores", "0"]
    command += ["--steps", str(arguments.steps), "--warmup", str(arguments.warmup)]
    command += ["--repeats", str(arguments.repeats)]
    result = subprocess.run(command, capture_output=True, text=True)
    record = json.loads(result.stdout.splitlines()[-1])
    if "tokens_per_cpu_s" not in record:
        raise SystemExit(f"{arm}: {record} {result.stderr}")
    return float(record["tokens_per_cpu_s"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", type=Path, default=Path("../shared/bench"))
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--dtypes", nargs="+", choices=("fp32", "bf16"), default=["fp32", "bf16"])
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="append the results as JSON lines")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--size", help=argparse.SUPPRESS)
    parser.add_argument("--dtype", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(run_ours(arguments)))
        return
    packages = {name: version(name) for name in ("torch", "transformers", "deepspeed")}
    print(f"{platform.processor() or platform.machine()}, one core, {packages}")
    for size in arguments.sizes:
        for dtype in arguments.dtypes:
            ours = measure_ours(arguments, size, dtype)
            print(f"{size} {dtype} ours: {ours:,.0f} tokens per CPU second", flush=True)
            for arm in PEERS:
                peer = measure_peer(arguments, arm, size, dtype)
                reached = "reached" if ours / peer >= BARS[arm] else "MISSED"
                print(
                    f"  {arm}: {peer:,.0f}, {ours / peer:.2f} times (bar {BARS[arm]}: {reached})", flush=True
                )
                if arguments.out:
                    record = {
                        "size": size,
                        "dtype": dtype,
                        "arm": arm,
                        "ours": ours,
                        "peer": peer,
                        **packages,
                    }
                    with arguments.out.open("a", encoding="utf-8") as handle:
                        handle.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
