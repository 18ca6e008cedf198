"""What the stage commands read: a stage folder, a Parquet file or folder, or a folder of source files.

Belongs here: turning whatever a user points at into a `Dataset`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import fsspec
import pyarrow.compute as pc

from opencoder_dag.document import DOCUMENT_SCHEMA, QUARANTINED_SCHEMA, REMOVED_SCHEMA, Judged, as_documents
from opencoder_dag.engine import Engine
from opencoder_dag.errors import InputError
from opencoder_dag.lake import (
    Dataset,
    Lake,
    Stage,
    exists,
    open_dataset,
    read_table,
    read_text,
    sha256_text,
    write_bytes,
)
from opencoder_dag.shards import ShardReport, finish, run_shards, write_shard

BEGUN = "fingerprint"  # file with the fingerprint of the stage that writes the folder


class OneFolderLake(Lake):
    """A lake for a single stage command: its output is the folder that the user named."""

    def folder(self, stage: Stage) -> str:
        """The named folder itself; from now on it is this stage's."""
        if not exists(f"{self.root}/{BEGUN}"):
            write_bytes(f"{self.root}/{BEGUN}", f"{stage.fingerprint}\n".encode())
        return self.root

    def find(self, stage: Stage) -> Dataset | None:
        """The output, if this very stage wrote it; raises `InputError` when another did, or began to."""
        if exists(f"{self.root}/manifest.json"):
            found = open_dataset(self.root)
            self._refuse_others(stage, found.manifest.fingerprint, f"the output of '{found.manifest.stage}'")
            return Dataset(found.path, found.manifest, reused=True)
        if exists(f"{self.root}/{BEGUN}"):
            self._refuse_others(stage, read_text(f"{self.root}/{BEGUN}").strip(), "unfinished work")
        return None

    def _refuse_others(self, stage: Stage, fingerprint: str, what: str) -> None:
        if fingerprint != stage.fingerprint:
            raise InputError(
                f"{self.root}: holds {what} from other input or settings; "
                "name another folder or remove this one"
            )


@dataclass(frozen=True)
class _ImportTask:
    source: str
    folder: str
    name: str


def open_input(path: str, scratch: Lake, engine: Engine, shard_bytes: int) -> Dataset:
    """The documents at `path` as a dataset; what is not a stage folder yet is imported into `scratch`.

    Raises `InputError` when nothing is there, a Parquet file lacks `content`, or a file cannot be read.
    """
    if not exists(path):
        raise InputError(f"{path}: no such file or folder")
    if exists(f"{path.rstrip('/')}/manifest.json"):
        return open_dataset(path)
    parquet = _parquet_files(path)
    if parquet:
        return _import_parquet(parquet, scratch, engine)
    if not Path(path).is_dir():
        raise InputError(f"{path}: neither a Parquet file nor a folder")
    from opencoder_dag.sources import collect, sources_from_spec

    return collect(scratch, sources_from_spec(path), 1 << 62, shard_bytes, engine)


def no_documents(scratch: Lake) -> Dataset:
    """A finished dataset of no documents, for inputs that were not given."""
    stage = Stage("nothing", "1")
    task = _ImportTask("", scratch.folder(stage), "part-00000.parquet")
    judged = Judged(
        DOCUMENT_SCHEMA.empty_table(), REMOVED_SCHEMA.empty_table(), QUARANTINED_SCHEMA.empty_table(), {}
    )
    return scratch.find(stage) or finish(scratch, stage, [write_shard(task.folder, task, judged, 0, 0)], 0.0)


def _parquet_files(path: str) -> list[str]:
    fs, target = fsspec.core.url_to_fs(path)
    if fs.isfile(target):
        return [path] if target.endswith(".parquet") else []
    found = sorted(fs.glob(f"{target.rstrip('/')}/*.parquet"))
    return [str(fs.unstrip_protocol(name)) if "://" in path else str(name) for name in found]


def _import_parquet(paths: list[str], scratch: Lake, engine: Engine) -> Dataset:
    started = time.monotonic()
    stage = Stage("imported", "1", inputs={path: _edition(path) for path in paths})
    if (ready := scratch.find(stage)) is not None:
        return ready
    folder = scratch.folder(stage)
    tasks = [_ImportTask(path, folder, f"part-{index:05d}.parquet") for index, path in enumerate(paths)]
    reports = run_shards(folder, tasks, _import_shard, engine)
    return finish(scratch, stage, reports, time.monotonic() - started)


def _import_shard(task: _ImportTask) -> ShardReport:
    table = as_documents(read_table(task.source), task.source)
    judged = Judged(table, REMOVED_SCHEMA.empty_table(), QUARANTINED_SCHEMA.empty_table(), {})
    return write_shard(task.folder, task, judged, table.num_rows, pc.sum(table["size"]).as_py() or 0)


def _edition(path: str) -> str:
    fs, target = fsspec.core.url_to_fs(path)
    info = fs.info(target)
    moment = info.get("mtime") or info.get("LastModified") or ""
    return sha256_text(f"{info.get('size')}:{info.get('ETag') or moment}")[:16]
