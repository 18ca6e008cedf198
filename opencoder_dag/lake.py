"""Where stage outputs live: atomic shards, a manifest written last, a fingerprint that decides on reuse.

A stage's folder is `ROOT/STAGE/FINGERPRINT/` with `kept/`, `removed/`, `quarantined/` and, when all of it is
there, `manifest.json`. A folder without a manifest does not exist for readers; its finished shards (those
with a report in `reports/`) are taken over when the stage runs again. All paths are fsspec paths, so the
lake may be on an object store.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from opencoder_dag.errors import InputError, OpencoderError

PARTS = ("kept", "removed", "quarantined")


def canonical_json(value: Any) -> str:
    """JSON with one spelling for equal values, for hashing."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def sha256_text(text: str) -> str:
    """Hex SHA-256 of a string."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Stage:
    """What identifies a stage's output: its name, code version, recipe sections and input digests.

    `version` is raised by hand whenever the same input would give another output.
    """

    name: str
    version: str
    config: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        """24 hex digits; equal fingerprints mean equal output."""
        identity = {
            "stage": self.name,
            "version": self.version,
            "config": self.config,
            "inputs": self.inputs,
        }
        return sha256_text(canonical_json(identity))[:24]


@dataclass(frozen=True)
class Manifest:
    """What a finished stage says of itself; `manifest.json` holds exactly these fields.

    `counts` has in, kept, removed, quarantined and the bytes of in and kept; `reasons` counts removals by
    reason, `facts` holds whatever else the stage summed up.
    """

    stage: str
    fingerprint: str
    content_digest: str
    code_version: str
    config: Mapping[str, Any]
    inputs: Mapping[str, str]
    counts: Mapping[str, int]
    reasons: Mapping[str, int]
    facts: Mapping[str, Any]
    shards: Sequence[str]  # file names, the same in kept/, removed/ and quarantined/, in corpus order
    seconds: float
    created: str  # ISO time, UTC

    def to_json(self) -> str:
        """The manifest as the text of `manifest.json`."""
        return json.dumps(self.__dict__, indent=1, ensure_ascii=False, sort_keys=True, default=str)


@dataclass(frozen=True)
class Dataset:
    """A finished stage folder. `reused` tells whether this run found it ready."""

    path: str
    manifest: Manifest
    reused: bool = False

    @property
    def digest(self) -> str:
        """Content digest: the same for the same documents and verdicts, however they are sharded."""
        return self.manifest.content_digest

    def shards(self, part: str = "kept") -> list[str]:
        """Paths of the Parquet files of a part, in corpus order."""
        return [f"{self.path}/{part}/{name}" for name in self.manifest.shards]

    def tables(self, part: str = "kept", columns: list[str] | None = None) -> Iterator[pa.Table]:
        """One Arrow table a shard, in corpus order."""
        return (read_table(path, columns) for path in self.shards(part))

    def read(self, part: str = "kept", columns: list[str] | None = None) -> pa.Table:
        """The whole part as one table; for data that fits into memory."""
        return pa.concat_tables(list(self.tables(part, columns)))

    def file(self, name: str) -> str:
        """Path of a file that the stage wrote beside its shards."""
        return f"{self.path}/{name}"


def read_table(path: str, columns: list[str] | None = None) -> pa.Table:
    """Read one Parquet file; raises `OpencoderError` naming the file when it is damaged or missing."""
    try:
        with fsspec.open(path, "rb") as handle:
            return pq.read_table(handle, columns=columns)
    except (OSError, pa.ArrowInvalid) as error:
        raise OpencoderError(f"{path}: cannot be read as Parquet ({' '.join(str(error).split())})") from None


def write_bytes(path: str, data: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    fs, target = fsspec.core.url_to_fs(path)
    if "file" not in (fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,)):
        fs.pipe_file(target, data)  # object stores show an object only when its upload is complete
        return
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    temporary = f"{target}.{uuid.uuid4().hex}.tmp"
    try:
        with open(temporary, "wb") as handle:  # noqa: PTH123 - a plain name beside the target
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_table(path: str, table: pa.Table) -> None:
    """Write one Parquet file (zstd) atomically; the same table gives the same bytes."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", row_group_size=max(table.num_rows, 1))
    write_bytes(path, buffer.getvalue())


def exists(path: str) -> bool:
    """Whether an fsspec path exists."""
    fs, target = fsspec.core.url_to_fs(path)
    return bool(fs.exists(target))


def read_text(path: str) -> str:
    """Text of an fsspec path."""
    with fsspec.open(path, "rt", encoding="utf-8") as handle:
        return str(handle.read())


class Lake:
    """The folder of all stage outputs."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")

    def folder(self, stage: Stage) -> str:
        """Where the output of a stage is or will be."""
        return f"{self.root}/{stage.name}/{stage.fingerprint}"

    def find(self, stage: Stage) -> Dataset | None:
        """The finished output of a stage, if it is there."""
        folder = self.folder(stage)
        if not exists(f"{folder}/manifest.json"):
            return None
        found = open_dataset(folder)
        return Dataset(found.path, found.manifest, reused=True)

    def earlier(self, stage: Stage) -> Dataset | None:
        """The newest output of the same stage, by the same code and configuration, from other inputs."""
        fs, root = fsspec.core.url_to_fs(f"{self.root}/{stage.name}")
        fs.invalidate_cache()  # other processes write here
        found = []
        for path in fs.glob(f"{root}/*/manifest.json"):
            fingerprint = path.rsplit("/", 2)[-2]
            try:
                dataset = open_dataset(f"{self.root}/{stage.name}/{fingerprint}")
            except OpencoderError:
                continue  # a damaged manifest is no reason to stop: what it holds is made again
            made = dataset.manifest
            same = made.code_version == stage.version and _equal(made.config, stage.config)
            if same and fingerprint != stage.fingerprint:
                found.append(dataset)
        return max(found, key=lambda dataset: (dataset.manifest.created, dataset.path), default=None)


def _equal(one: Any, other: Any) -> bool:
    return canonical_json(one) == canonical_json(other)


def open_dataset(folder: str) -> Dataset:
    """Open a stage folder; raises `InputError` when it has no manifest or one that cannot be read."""
    path = f"{folder.rstrip('/')}/manifest.json"
    try:
        manifest = Manifest(**json.loads(read_text(path)))
    except FileNotFoundError:
        raise InputError(f"{folder}: not a finished stage folder (no manifest.json)") from None
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: damaged manifest ({error}); remove the folder to rebuild it") from None
    return Dataset(folder.rstrip("/"), manifest)


def publish(
    lake: Lake,
    stage: Stage,
    *,
    content_digest: str,
    counts: Mapping[str, int],
    facts: Mapping[str, Any],
    seconds: float,
    reasons: Mapping[str, int] | None = None,
    shards: Sequence[str] = (),
) -> Dataset:
    """Write `manifest.json`, the last file of a stage's folder."""
    manifest = Manifest(
        stage=stage.name,
        fingerprint=stage.fingerprint,
        content_digest=content_digest,
        code_version=stage.version,
        config=stage.config,
        inputs=stage.inputs,
        counts=counts,
        reasons=reasons or {},
        facts=facts,
        shards=shards,
        seconds=round(seconds, 3),
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )
    folder = lake.folder(stage)
    write_bytes(f"{folder}/manifest.json", manifest.to_json().encode())
    return Dataset(folder, manifest)


def publish_folder(
    lake: Lake,
    stage: Stage,
    folder: Path,
    *,
    digest_of: Sequence[str],
    counts: Mapping[str, int],
    facts: Mapping[str, Any],
    seconds: float,
) -> Dataset:
    """Copy a local folder (a model, a tokenizer, a report) into the lake as the output of a stage.

    `digest_of` names the files, relative to `folder`, whose bytes make the content digest.
    """
    digest = hashlib.sha256()
    for name in sorted(digest_of):
        digest.update(f"{name}\0".encode())
        digest.update(hashlib.sha256((folder / name).read_bytes()).digest())
    target = lake.folder(stage)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            write_bytes(f"{target}/{path.relative_to(folder).as_posix()}", path.read_bytes())
    return publish(
        lake, stage, content_digest=digest.hexdigest(), counts=counts, facts=facts, seconds=seconds
    )
