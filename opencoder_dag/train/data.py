"""Training data on disk: one memory-mapped token array, and for each phase the rows packed out of it.

Belongs here: reading a row back, and the digests that say whether the data are what they were. `prepare.py`
writes what is read here.

Files: `tokens.bin` (all encoded samples, one after the other), `loss.bin` (uint8, tuning only: 1 where the
token is to be predicted), `PHASE.pieces.npy` [pieces, 2] and `PHASE.rows.npy` [rows + 1] as in `packing.py`,
`samples.parquet` (which document starts where), and last `index.json` with the digest of each of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from opencoder_dag.errors import OpencoderError
from opencoder_dag.lake import canonical_json, sha256_text
from opencoder_dag.train.job import TrainJob

HELD_OUT = "held_out"
IGNORED = -100  # label of a position without loss, as in torch's cross entropy


@dataclass(frozen=True)
class Stream:
    """Some rows as one stream of T tokens: ids, labels, positions inside each document, document lengths."""

    tokens: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]
    documents: list[int]

    @property
    def targets(self) -> int:
        """Positions with loss."""
        return int(np.count_nonzero(self.labels != IGNORED))


class PackedData:
    """The data of a job, opened for reading."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index: dict[str, Any] = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        self.tokens: npt.NDArray[Any] = _map(folder / "tokens.bin", np.dtype(self.index["dtype"]))
        loss = folder / "loss.bin"
        self.loss: npt.NDArray[Any] | None = _map(loss, np.dtype(np.uint8)) if loss.exists() else None
        self.pieces = {name: np.load(folder / f"{name}.pieces.npy") for name in self.index["phases"]}
        self.rows = {name: np.load(folder / f"{name}.rows.npy") for name in self.index["phases"]}
        self.joined: frozenset[str] = frozenset(self.index["joined"])

    def row_count(self, phase: str) -> int:
        """Rows of a phase."""
        return len(self.rows[phase]) - 1

    def stream(self, phase: str, rows: Sequence[int]) -> Stream:
        """The given rows of a phase as one stream. Labels are shifted by one and never cross a document.

        In a joined phase (causal packing) a row counts as one document, whatever pieces it is made of.
        """
        bounds, pieces = self.rows[phase], self.pieces[phase]
        units: list[npt.NDArray[np.int64]] = []  # where the tokens of each document are
        for row in rows:
            spans = [np.arange(at, at + size) for at, size in pieces[bounds[row] : bounds[row + 1]].tolist()]
            units += [np.concatenate(spans)] if phase in self.joined else spans
        if not units:
            empty = np.zeros(0, np.int64)
            return Stream(empty, empty, empty, [])
        lengths = [len(unit) for unit in units]
        where = np.concatenate(units)
        tokens = self.tokens[where].astype(np.int64)
        labels = np.full(len(where), IGNORED, np.int64)
        labels[:-1] = tokens[1:]
        if self.loss is not None:
            labels[:-1][self.loss[where[1:]] == 0] = IGNORED
        labels[np.cumsum(lengths) - 1] = IGNORED
        return Stream(tokens, labels, np.concatenate([np.arange(length) for length in lengths]), lengths)

    def documents(self, phase: str, rows: Sequence[int]) -> list[str]:
        """Ids of the documents in the given rows, for messages."""
        samples = pq.read_table(self.folder / "samples.parquet")
        starts = samples["start"].to_numpy()
        bounds, pieces = self.rows[phase], self.pieces[phase]
        found = [
            int(np.searchsorted(starts, start, side="right")) - 1
            for row in rows
            for start in pieces[bounds[row] : bounds[row + 1], 0]
        ]
        return list(dict.fromkeys(samples["doc_id"][sample].as_py() for sample in found))


def verify(folder: Path) -> None:
    """Compare the packed files with their digests; raises `OpencoderError` naming the first that differs."""
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    for name, digest in index["files"].items():
        path = folder / name
        if not path.exists() or file_digest(path) != digest:
            raise OpencoderError(f"{path}: changed since it was packed; remove {folder} to pack it again")


def packed_digest(folder: Path) -> str:
    """Digest of all that the job reads."""
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return sha256_text(canonical_json(index["files"]))


def phase_digest(folder: Path, phase: str) -> str:
    """Digest of what a phase reads, token by token: equal digests mean equal batches."""
    data = PackedData(folder)
    digest = hashlib.sha256(canonical_json([data.index["dtype"], data.rows[phase].tolist()]).encode())
    for start, length in data.pieces[phase].tolist():
        digest.update(data.tokens[start : start + length].tobytes())
        digest.update(b"|")
    return digest.hexdigest()


def batches(rows: int, batch: int) -> Iterator[range]:
    """Rows of each step; the last step may have fewer."""
    return (range(at, min(at + batch, rows)) for at in range(0, rows, batch))


def identity(job: TrainJob, folder: Path, phase: str) -> str:
    """Digest of everything that the weights at the end of the first phase depend on."""
    return sha256_text(job.stable_identity + phase_digest(folder, phase))[:24]


def _map(path: Path, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    if path.stat().st_size == 0:
        return np.zeros(0, dtype)
    return np.memmap(path, dtype, mode="r")


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
