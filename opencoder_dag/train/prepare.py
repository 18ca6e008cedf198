"""Choosing, encoding and packing the samples of a job, once: what `data.py` reads.

Belongs here: which documents come how often and in which order, and writing the arrays. The order is a
function of the seed and the documents alone; how many processes train does not enter it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.lake import read_table, write_bytes
from opencoder_dag.train import packing
from opencoder_dag.train.data import HELD_OUT, file_digest, verify
from opencoder_dag.train.encode import Encoded, Encoder, fim_mode
from opencoder_dag.train.job import HELD_OUT_DOCUMENTS, Phase, TrainJob

if TYPE_CHECKING:
    from opencoder_dag.mix.ordering import WithinCycle

ENCODE_AT_ONCE = 512  # documents

# A sample: epoch, the hash that orders it inside that, start and length in the token array.
Sample = tuple[int, bytes, int, int]


def prepare(job: TrainJob, encoder: Encoder) -> Path:
    """Encode and pack the data of a job, unless it is there already; returns its folder.

    Raises `InputError` when there is nothing to train on, and `OpencoderError` when files that were packed
    earlier have changed since.
    """
    folder = job.work / "data"
    if (folder / "index.json").exists():
        verify(folder)
        return folder
    with _Writer(folder, encoder.size, masks=job.kind == "sft") as writer:
        samples = (
            _encode_mix(job, encoder, writer) if job.kind == "base" else _encode_items(job, encoder, writer)
        )
        samples[HELD_OUT] = _encode_held_out(job, encoder, writer)
    facts = _finish(job, writer, samples)
    for phase in job.phases:
        if facts[phase.name]["rows"] == 0:
            (folder / "index.json").unlink()
            where = (
                f"column {phase.select!r}"
                if isinstance(phase.select, str)
                else f"stages {list(phase.select)}"
            )
            raise InputError(
                f"{job.documents[0] if job.documents else 'mix'}: nothing to train on in {where}"
            )
    return folder


def write_packed(job: TrainJob, documents: Sequence[Sequence[int]], vocabulary: int) -> Path:
    """Pack documents that are token ids already as the data of the job's first phase."""
    with _Writer(job.work / "data", vocabulary, masks=False) as writer:
        samples: list[Sample] = [
            (0, _order(str(number)), *writer.add(str(number), Encoded(list(ids))))
            for number, ids in enumerate(documents)
        ]
    _finish(job, writer, {job.phases[0].name: samples, HELD_OUT: []})
    return writer.folder


def _finish(job: TrainJob, writer: _Writer, samples: dict[str, list[Sample]]) -> dict[str, dict[str, int]]:
    """Pack every phase and write the index, with which the data exists."""
    phases = [*job.phases, Phase(name=HELD_OUT, select="", tokens=None, batch=1)]
    facts = {phase.name: _pack(job, phase, samples[phase.name], writer.folder) for phase in phases}
    names = sorted(path.name for path in writer.folder.iterdir())
    index = {
        "cut": writer.cut,
        "without_answer": writer.without_answer,
        "phases": facts,
        "dtype": writer.dtype.name,
        "joined": [phase.name for phase in phases if _is_joined(job, phase.name)],
        "files": {name: file_digest(writer.folder / name) for name in names},
    }
    write_bytes(str(writer.folder / "index.json"), json.dumps(index, indent=1).encode())
    return facts


class _Writer:
    """Starts a data folder anew and appends encoded samples to its arrays, remembering whose they are."""

    def __init__(self, folder: Path, vocabulary: int, *, masks: bool) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder = folder
        self.dtype = np.dtype(np.uint16 if vocabulary <= 1 << 16 else np.uint32)
        self.masks = masks
        self.length = 0
        self.cut = 0
        self.without_answer = 0
        self.doc_ids: list[str] = []
        self.starts: list[int] = []

    def __enter__(self) -> _Writer:
        self.tokens: BinaryIO = (self.folder / "tokens.bin").open("wb")
        self.loss: BinaryIO | None = (self.folder / "loss.bin").open("wb") if self.masks else None
        return self

    def __exit__(self, *error: object) -> None:
        self.tokens.close()
        if self.loss is not None:
            self.loss.close()
        table = pa.table(
            {"doc_id": pa.array(self.doc_ids, pa.string()), "start": pa.array(self.starts, pa.int64())}
        )
        pq.write_table(table, self.folder / "samples.parquet")

    def add(self, doc_id: str, encoded: Encoded) -> tuple[int, int]:
        """Append one sample; returns where it starts and its length."""
        start, length = self.length, len(encoded.ids)
        self.tokens.write(np.asarray(encoded.ids, self.dtype).tobytes())
        if self.loss is not None:
            self.loss.write(bytes(encoded.prompt) + b"\x01" * (length - encoded.prompt))
        self.doc_ids.append(doc_id)
        self.starts.append(start)
        self.length += length
        return start, length


def _encode_mix(job: TrainJob, encoder: Encoder, writer: _Writer) -> dict[str, list[Sample]]:
    """Samples of each phase: a document comes as often as its column says; FIM rearranges each time anew."""
    samples: dict[str, list[Sample]] = {phase.name: [] for phase in job.phases}
    columns = [str(phase.select) for phase in job.phases]
    for path in job.documents:
        table = _columns(path, ["doc_id", "content", *columns])
        if job.train.repository_order is not None:
            table = table.filter(pc.invert(_in_repository(path)))
        ids, contents = table["doc_id"].to_pylist(), table["content"]
        counts = {name: table[name].to_pylist() for name in columns}
        wanted = [row for row in range(table.num_rows) if any(counts[name][row] for name in columns)]
        for at in range(0, len(wanted), ENCODE_AT_ONCE):
            rows = wanted[at : at + ENCODE_AT_ONCE]
            encoded = encoder.documents([contents[row].as_py() for row in rows])
            for row, document in zip(rows, encoded, strict=True):
                plain: tuple[int, int] | None = None
                for phase in job.phases:
                    for repetition in range(counts[str(phase.select)][row]):
                        key = f"{job.seed}:{phase.name}:{ids[row]}:{repetition}"
                        mode = fim_mode(job.train.fim_rate, job.train.fim_mode, key)
                        if mode is None:
                            plain = span = plain or writer.add(ids[row], document)
                        else:
                            text = contents[row].as_py()
                            span = writer.add(ids[row], encoder.middle(text, mode, key))
                        samples[phase.name].append((0, _order(key), *span))
    if job.train.repository_order is not None:
        _encode_repositories(job, job.train.repository_order, encoder, writer, samples)
    return samples


def _encode_repositories(
    job: TrainJob,
    within_cycle: WithinCycle,
    encoder: Encoder,
    writer: _Writer,
    samples: dict[str, list[Sample]],
) -> None:
    """Add the code that has a repository, a sample a repository; its texts are in memory together."""
    from opencoder_dag.train.repositories import File, repository_samples  # loads networkx

    columns = [str(phase.select) for phase in job.phases]
    files = []
    for path in job.documents:
        table = _columns(path, ["repo", "path", "doc_id", "content", *columns]).filter(_in_repository(path))
        for repo, name, doc_id, content, *counts in zip(
            *(table[column].to_pylist() for column in ("repo", "path", "doc_id", "content", *columns)),
            strict=True,
        ):
            if any(counts):
                files.append(File(repo, name, doc_id, content, tuple(counts)))

    def add(chosen: Sequence[File]) -> tuple[int, int]:
        encoded = encoder.documents([file.content for file in chosen])
        spans = [writer.add(file.doc_id, one) for file, one in zip(chosen, encoded, strict=True)]
        return spans[0][0], sum(length for _, length in spans)

    for number, name, span in repository_samples(files, within_cycle, len(job.phases), add):
        phase = job.phases[number].name
        samples[phase].append((0, _order(f"{job.seed}:{phase}:{name}"), *span))


def _in_repository(path: str) -> pa.ChunkedArray:
    """Which documents of a shard are code with a repository."""
    table = _columns(path, ["repo", "doc_type"])
    named = pc.fill_null(pc.not_equal(table["repo"], ""), False)
    return pc.and_(named, pc.equal(table["doc_type"], "code"))


def _encode_items(job: TrainJob, encoder: Encoder, writer: _Writer) -> dict[str, list[Sample]]:
    """Samples of each tuning phase: the items of its stages, each as often as the stage has epochs.

    An item longer than the context is cut; one whose prompt fills the context is left out and counted.
    """
    table = pa.concat_tables(
        [_columns(path, ["doc_id", "instruction", "output", "stage"]) for path in job.documents]
    )
    items = sorted(table.to_pylist(), key=lambda item: _order(f"{job.seed}:{item['doc_id']}"))
    samples: dict[str, list[Sample]] = {}
    for phase in job.phases:
        assert isinstance(phase.select, dict)
        samples[phase.name] = []
        for number, epochs in phase.select.items():
            chosen = [item for item in items if item["stage"] == number][: phase.max_items.get(number)]
            encoded = encoder.chats([(item["instruction"], item["output"]) for item in chosen])
            for item, chat in zip(chosen, encoded, strict=True):
                if chat.prompt >= job.sequence:
                    writer.without_answer += 1
                    continue
                writer.cut += len(chat.ids) > job.sequence
                span = writer.add(item["doc_id"], Encoded(chat.ids[: job.sequence], chat.prompt))
                for epoch in range(epochs):
                    key = f"{job.seed}:{phase.name}:{item['doc_id']}:{epoch}"
                    samples[phase.name].append((epoch, _order(key), *span))
    return samples


def _encode_held_out(job: TrainJob, encoder: Encoder, writer: _Writer) -> list[Sample]:
    """The start of some held-out documents, chosen by hash, at most one context long each."""
    chosen: list[tuple[bytes, str, str]] = []
    for path in job.held_out:
        table = _columns(path, ["doc_id", "content"])
        for doc_id, content in zip(table["doc_id"].to_pylist(), table["content"].to_pylist(), strict=True):
            chosen.append((_order(f"held_out:{doc_id}"), doc_id, content))
        chosen = sorted(chosen)[:HELD_OUT_DOCUMENTS]
    encoded = encoder.documents([content for *_, content in chosen])
    return [
        (0, key, *writer.add(doc_id, Encoded(document.ids[: job.sequence])))
        for (key, doc_id, _), document in zip(chosen, encoded, strict=True)
    ]


def _pack(job: TrainJob, phase: Phase, samples: list[Sample], folder: Path) -> dict[str, int]:
    """Order the samples, take them up to the phase's budget, pack and shuffle each epoch, write it all."""
    epochs: dict[int, list[tuple[int, int]]] = {}
    total = 0
    for epoch, _, start, length in sorted(samples):
        if phase.tokens is not None and total >= phase.tokens:
            break
        epochs.setdefault(epoch, []).append((start, length))
        total += length
    packed = []
    for epoch, spans in epochs.items():
        documents = np.array(spans, np.int64).reshape(-1, 2)
        pack = packing.causal if _is_joined(job, phase.name) else packing.best_fit
        pieces, rows = pack(documents, job.sequence)
        keys = [_order(f"{job.seed}:{phase.name}:{epoch}:row:{row}") for row in range(len(rows) - 1)]
        packed.append(packing.reorder(pieces, rows, sorted(range(len(keys)), key=keys.__getitem__)))
    pieces, rows = packing.join(packed)
    np.save(folder / f"{phase.name}.pieces.npy", pieces)
    np.save(folder / f"{phase.name}.rows.npy", rows)
    return {
        "samples": len(samples),
        "taken": sum(len(spans) for spans in epochs.values()),
        "tokens": total,
        "available": sum(sample[-1] for sample in samples),
        "rows": len(rows) - 1,
        "pieces": len(pieces),
    }


def _is_joined(job: TrainJob, phase: str) -> bool:
    """Causal packing is a way to train a base: held-out documents and instruction items stay apart."""
    return job.train.packing == "causal" and job.kind == "base" and phase != HELD_OUT


def _order(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:16]


def _columns(path: str, names: Sequence[str]) -> pa.Table:
    wanted = list(dict.fromkeys(names))
    try:
        return read_table(path, wanted)
    except OpencoderError:
        found = read_table(path).column_names  # raises the same again where the file itself is damaged
        missing = next((name for name in wanted if name not in found), None)
        if missing is None:
            raise
        raise InputError(f"{path}: no column '{missing}' (found: {', '.join(found) or 'none'})") from None
