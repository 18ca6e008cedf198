"""A small lake of real Python files, and a process group of one process to train in."""

from __future__ import annotations

import ast
import os
import socket
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from opencoder_dag.document import (
    DOCUMENT_SCHEMA,
    QUARANTINED_SCHEMA,
    REMOVED_SCHEMA,
    Judged,
    document_row,
)
from opencoder_dag.lake import Dataset, Lake, Stage
from opencoder_dag.model import train_tokenizer
from opencoder_dag.recipe import Model, Recipe, Sft, SftStage, Train
from opencoder_dag.recipe import Tokenizer as TokenizerConfig
from opencoder_dag.settings import Settings
from opencoder_dag.shards import finish, write_shard
from opencoder_dag.train import TrainJob, base_job, sft_job
from opencoder_dag.train.metrics import read_metrics


@dataclass(frozen=True)
class World:
    """A lake with everything that a training job needs."""

    lake: Lake
    mix: Dataset
    held_out: Dataset
    instruct: Dataset
    tokenizer: Dataset
    home: Path

    def settings(self, **changes: Any) -> Settings:
        return Settings(home=self.home, ranks=2, device="cpu").model_copy(update=changes)

    def recipe(self, **train: Any) -> Recipe:
        """A recipe that trains in seconds; `train` overrides its training section."""
        small = {
            "tokens": 6_400,
            "anneal_tokens": 1_600,
            "sequence": 64,
            "batch": 8,
            "micro_batch": 2,
            "warmup_steps": 3,
            "checkpoint_steps": 4,
            "evaluate_steps": 5,
        }
        return Recipe(
            name="test",
            title="test",
            model=Model(layers=2, width=32, feed_forward=64, heads=2, kv_heads=1),
            train=Train.model_validate(small | train),
            sft=Sft(
                sequence=256,
                micro_batch=2,
                stage1=SftStage(max_items=12, batch=2, warmup_steps=2),
                stage2=SftStage(max_items=12, batch=2, warmup_steps=2, epochs=2),
            ),
        )

    def base(self, folder: Path, **train: Any) -> TrainJob:
        """A base job that works in `folder` and shares nothing."""
        recipe = self.recipe(**train)
        job = base_job(self.lake, self.mix, self.held_out, self.tokenizer, recipe, self.settings())
        return place(job, folder)

    def tuning(self, folder: Path, base: Dataset, **sft: Any) -> TrainJob:
        """A tuning job that works in `folder`."""
        recipe = self.recipe()
        recipe = recipe.model_copy(update={"sft": recipe.sft.model_copy(update=sft)})
        return place(sft_job(self.lake, self.instruct, base, self.tokenizer, recipe, self.settings()), folder)


def place(job: TrainJob, folder: Path) -> TrainJob:
    moved = job.model_copy(update={"folder": str(folder), "shared": None})
    moved.save()
    return moved


def losses(job: TrainJob) -> dict[int, float]:
    """Training loss by step."""
    return {line["step"]: line["loss"] for line in read_metrics(job.work / "metrics.jsonl") if "loss" in line}


def weights_of(job: TrainJob) -> bytes:
    return (job.work / "export" / "model.safetensors").read_bytes()


@dataclass(frozen=True)
class _Named:
    name: str


def write_dataset(lake: Lake, stage: str, table: pa.Table) -> Dataset:
    identity = Stage(stage, "test", {"rows": table.num_rows})
    judged = Judged(table, REMOVED_SCHEMA.empty_table(), QUARANTINED_SCHEMA.empty_table(), {})
    report = write_shard(lake.folder(identity), _Named("part-00000.parquet"), judged, table.num_rows, 0)
    return finish(lake, identity, [report], 0.0)


def _functions(source: str) -> list[tuple[str, str]]:
    """(docstring, source) of the documented functions at the top of a module."""
    return [
        (text, ast.get_source_segment(source, node) or "")
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and (text := ast.get_docstring(node))
    ]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Files of the standard library: 40 to train on, 8 held out, their functions as items."""
    root = tmp_path_factory.mktemp("training")
    lake = Lake(str(root / "lake"))
    library = Path(sysconfig.get_paths()["stdlib"])
    files = [path for path in sorted(library.glob("*.py")) if 1_000 < path.stat().st_size < 6_000][:48]
    rows = [
        document_row(
            path.read_text(encoding="utf-8"),
            source="test",
            repo="stdlib",
            path=path.name,
            language="Python",
            doc_type="code",
        )
        for path in files
    ]
    documents = pa.Table.from_pylist(rows, schema=DOCUMENT_SCHEMA)
    mix = documents.slice(0, len(rows) - 8)
    repetitions = [1 + (row % 3 == 0) for row in range(mix.num_rows)]
    mix = mix.append_column("pretrain", pa.array(repetitions, pa.int32()))
    mix = mix.append_column(
        "anneal", pa.array([int(row % 2 == 0) for row in range(mix.num_rows)], pa.int32())
    )
    items = [
        {
            "doc_id": f"{row['doc_id']}{number:03}",
            "instruction": text,
            "output": code,
            "stage": 1 + (number % 2),
            "kind": "test",
            "sha256": row["sha256"],
            "repo": "stdlib",
            "path": row["path"],
            "size": len(text) + len(code),
        }
        for row in rows
        for number, (text, code) in enumerate(_functions(row["content"]))
    ]
    corpus = write_dataset(lake, "annealing_mix", mix)
    return World(
        lake=lake,
        mix=corpus,
        held_out=write_dataset(lake, "held_out", documents.slice(mix.num_rows)),
        instruct=write_dataset(lake, "instruct_data", pa.Table.from_pylist(items)),
        tokenizer=train_tokenizer(lake, [corpus], TokenizerConfig(vocab_size=512, sample_bytes=100_000), 0),
        home=root / "home",
    )


@pytest.fixture(scope="session")
def train_here() -> Iterator[Callable[[TrainJob], None]]:
    """Trains a job in this process, as the only rank of a gloo group."""
    import torch

    from opencoder_dag.train import child
    from opencoder_dag.train.engine import import_deepspeed

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ |= {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo"}
    device = torch.device("cpu")
    deepspeed = import_deepspeed(device)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    deepspeed.init_distributed(dist_backend="gloo", verbose=False)
    yield lambda job: child.train_in_group(job, device, deepspeed)
    torch.distributed.destroy_process_group()
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", "GLOO_SOCKET_IFNAME"):
        os.environ.pop(name, None)
