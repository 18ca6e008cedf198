"""A small lake of real Python files, split into a mix, held-out documents and instruction items."""

from __future__ import annotations

import ast
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from opencoder_dag.document import DOCUMENT_SCHEMA, QUARANTINED_SCHEMA, REMOVED_SCHEMA, Judged, document_row
from opencoder_dag.lake import Dataset, Lake, Stage, finish, write_shard
from opencoder_dag.model import train_tokenizer
from opencoder_dag.recipe import Recipe
from opencoder_dag.recipe import Tokenizer as TokenizerConfig
from opencoder_dag.settings import Settings


@dataclass(frozen=True)
class World:
    """A lake with everything that a training job needs."""

    lake: Lake
    mix: Dataset
    held_out: Dataset
    instruct: Dataset
    tokenizer: Dataset
    home: Path

    def settings(self, **changes: object) -> Settings:
        return Settings(home=self.home, ranks=2, device="cpu").model_copy(update=changes)

    def recipe(self, **train: object) -> Recipe:
        """A recipe that trains in seconds; `train` overrides its training section."""
        return Recipe.model_validate_json(
            Recipe(name="test", title="test").model_copy().model_dump_json()
        ).model_copy(
            update={
                "model": Recipe.model_fields["model"].default.model_copy(
                    update={"layers": 2, "width": 64, "feed_forward": 128, "heads": 2, "kv_heads": 1}
                ),
                "train": Recipe.model_fields["train"].default.model_copy(
                    update={
                        "tokens": 20_000,
                        "anneal_tokens": 4_000,
                        "sequence": 128,
                        "batch": 8,
                        "micro_batch": 2,
                        "warmup_steps": 4,
                        "checkpoint_steps": 5,
                        "evaluate_steps": 10,
                    }
                    | train
                ),
            }
        )


@dataclass(frozen=True)
class Named:
    name: str


def write_dataset(lake: Lake, stage: str, table: pa.Table) -> Dataset:
    identity = Stage(stage, "test", {"rows": table.num_rows})
    judged = Judged(table, REMOVED_SCHEMA.empty_table(), QUARANTINED_SCHEMA.empty_table(), {})
    report = write_shard(lake.folder(identity), Named("part-00000.parquet"), judged, table.num_rows, 0)
    return finish(lake, identity, [report], 0.0)


def functions(source: str) -> list[tuple[str, str]]:
    """(docstring, source) of the documented functions at the top of a module."""
    found = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and (text := ast.get_docstring(node)):
            found.append((text, ast.get_source_segment(source, node) or ""))
    return found


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Files of the standard library: 40 to train on, 8 held out, their functions as items."""
    root = tmp_path_factory.mktemp("lake")
    lake = Lake(str(root / "lake"))
    library = Path(sysconfig.get_paths()["stdlib"])
    names = [path for path in sorted(library.glob("*.py")) if 2_000 < path.stat().st_size < 12_000][:48]
    rows = [
        document_row(
            path.read_text(encoding="utf-8"),
            source="test",
            repo="stdlib",
            path=path.name,
            language="Python",
            doc_type="code",
        )
        for path in names
    ]
    documents = pa.Table.from_pylist(rows, schema=DOCUMENT_SCHEMA)
    mix = documents.slice(0, 40)
    mix = mix.append_column("pretrain", pa.array([1 + (row % 3 == 0) for row in range(40)], pa.int32()))
    mix = mix.append_column("anneal", pa.array([int(row % 2 == 0) for row in range(40)], pa.int32()))
    items = [
        {
            "doc_id": f"{row['doc_id']}{number:03}",
            "instruction": doc,
            "output": code,
            "stage": 1 + (number % 2),
            "kind": "test",
            "sha256": row["sha256"],
            "repo": "stdlib",
            "path": row["path"],
            "size": len(doc) + len(code),
        }
        for row in rows
        for number, (doc, code) in enumerate(functions(row["content"]))
    ]
    corpus = write_dataset(lake, "annealing_mix", mix)
    return World(
        lake=lake,
        mix=corpus,
        held_out=write_dataset(lake, "held_out", documents.slice(40)),
        instruct=write_dataset(lake, "instruct_data", pa.Table.from_pylist(items)),
        tokenizer=train_tokenizer(lake, [corpus], TokenizerConfig(vocab_size=512, sample_bytes=200_000), 0),
        home=root / "home",
    )
