"""Generate a corpus of any size and dedup it on Dask workers; time, memory and shuffle bytes as JSON.

Documents have about 4 KB: words drawn from a vocabulary, three in ten with one of fifty licence headers. One
in ten is an exact copy and one in ten a near copy (1 to 10 % of the words changed) of a document in another
shard. The same arguments give the same corpus.

    python -m benchmarks.dedup_scale --documents 250000 --workers 2 --folder /tmp/scale >> scale.jsonl
    python -m benchmarks.dedup_scale --plot scale.jsonl
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import threading
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
from numpy.typing import NDArray

from opencoder_dag.dedup import deduplicate
from opencoder_dag.document import DOCUMENT_SCHEMA, QUARANTINED_SCHEMA, REMOVED_SCHEMA, Judged
from opencoder_dag.engine import DaskEngine, Engine
from opencoder_dag.lake import Dataset, Lake, Stage
from opencoder_dag.recipe import Dedup
from opencoder_dag.shards import ShardReport, finish, run_shards, write_shard

WORD = 7  # bytes of a word with its space
VOCABULARY = 50_000
SHARD = 10_000  # documents
LENGTHS = (400, 740)  # words of a document


def vocabulary() -> NDArray[np.uint8]:
    """Words of six letters and a space: [VOCABULARY, WORD]."""
    letters = np.random.default_rng(0).integers(97, 123, (VOCABULARY, WORD), dtype=np.uint8)
    letters[:, -1] = 32
    return letters


def originals(shard: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Words [SHARD, most] and lengths of the documents that a shard would hold if none were a copy."""
    draw = np.random.default_rng([1, shard])
    lengths = draw.integers(*LENGTHS, SHARD)
    words = draw.integers(0, VOCABULARY, (SHARD, LENGTHS[1]))
    headers = np.random.default_rng(2).integers(0, VOCABULARY, (50, 80))
    with_header = np.flatnonzero(draw.random(SHARD) < 0.3)
    words[with_header, :80] = headers[draw.integers(0, 50, len(with_header))]
    return words, lengths


def generate(shard: int, shards: int) -> pa.Table:
    """One shard of the corpus."""
    words, lengths = originals(shard)
    draw = np.random.default_rng([3, shard])
    kind = draw.random(SHARD)
    other_words, other_lengths = originals((shard * 7 + 3) % shards)
    copied = np.flatnonzero(kind < 0.2)
    words[copied], lengths[copied] = other_words[copied], other_lengths[copied]
    near = np.flatnonzero(kind < 0.1)
    share = draw.uniform(0.01, 0.1, len(near))[:, None]
    changed = draw.random((len(near), LENGTHS[1])) < share
    words[near] = np.where(changed, draw.integers(0, VOCABULARY, changed.shape), words[near])
    inside = np.arange(LENGTHS[1]) < lengths[:, None]
    data = vocabulary()[words[inside]].ravel()
    bounds = np.concatenate([[0], np.cumsum(lengths * WORD)])
    content = pa.LargeStringArray.from_buffers(SHARD, pa.py_buffer(bounds), pa.py_buffer(data))
    view = data.data
    digests = [hashlib.sha256(view[low:high]).hexdigest() for low, high in pairwise(bounds)]
    constant = {"language": "Python", "doc_type": "code", "license": "MIT", "source": "generated"}
    columns: dict[str, Any] = {
        "doc_id": [f"{shard:08x}{row:08x}" for row in range(SHARD)],
        "content": content,
        "sha256": digests,
        "path": [f"src/{row}.py" for row in range(SHARD)],
        "repo": [f"repo-{shard}-{row // 40}" for row in range(SHARD)],
        "stars": draw.integers(0, 1000, SHARD),
        "commit_time": pa.array(draw.integers(0, 10**15, SHARD), pa.timestamp("us", tz="UTC")),
        "size": lengths * WORD,
        **{name: [value] * SHARD for name, value in constant.items()},
    }
    arrays = [pa.array(columns[field.name]).cast(field.type) for field in DOCUMENT_SCHEMA]
    return pa.table(arrays, schema=DOCUMENT_SCHEMA)


@dataclass(frozen=True)
class GenerateTask:
    """One shard to generate."""

    folder: str
    name: str
    shard: int
    shards: int


def write_generated(task: GenerateTask) -> ShardReport:
    table = generate(task.shard, task.shards)
    judged = Judged(table, REMOVED_SCHEMA.empty_table(), QUARANTINED_SCHEMA.empty_table(), {})
    return write_shard(task.folder, task, judged, table.num_rows, int(table["size"].to_numpy().sum()))


def generated(lake: Lake, documents: int, engine: Engine) -> Dataset:
    """The corpus as a finished stage."""
    shards = documents // SHARD
    stage = Stage("generated", "1", {"documents": documents})
    if (ready := lake.find(stage)) is not None:
        return ready
    tasks = [
        GenerateTask(lake.folder(stage), f"part-{shard:05d}.parquet", shard, shards)
        for shard in range(shards)
    ]
    return finish(lake, stage, run_shards(lake.folder(stage), tasks, write_generated, engine), 0.0)


class Watch(threading.Thread):
    """Samples the memory of this process and all its children."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.total = self.worker = 0
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.3):
            sizes = []
            for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
                try:
                    used = process.memory_info()
                    sizes.append(used.rss - used.shared)  # mapped files are page cache, not memory in use
                except psutil.Error:
                    continue
            self.total = max(self.total, sum(sizes))
            self.worker = max(self.worker, *sizes)


def cpu_of_all() -> float:
    seconds = 0.0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        times = process.cpu_times()
        seconds += times.user + times.system
    return seconds


def bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def plot(lines: Path) -> None:
    """Time and memory against the number of documents, as a PNG beside the lines of JSON."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    runs = sorted(
        (json.loads(line) for line in lines.read_text().splitlines()), key=lambda found: found["documents"]
    )
    millions = [found["documents"] / 1e6 for found in runs]
    figure, (time_axis, memory_axis) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    time_axis.plot(millions, [found["cpu_s"] for found in runs], "o-")
    time_axis.set(title="Time", ylabel="CPU seconds, all processes")
    memory_axis.plot(millions, [found["peak_mb_all"] / 1e3 for found in runs], "o-", label="all processes")
    memory_axis.plot(
        millions, [found["peak_mb_process"] / 1e3 for found in runs], "o-", label="largest process"
    )
    memory_axis.set(title="Memory", ylabel="peak GB")
    memory_axis.legend()
    for axis in (time_axis, memory_axis):
        axis.set_xlabel("million documents of 4 KB")
        axis.set_ylim(bottom=0)
        axis.set_xlim(left=0)
        axis.grid(alpha=0.3)
    figure.savefig(lines.with_suffix(".png"), dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=250_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--preset", default="verified")
    parser.add_argument("--folder", default="scale")
    parser.add_argument("--plot", type=Path, metavar="JSONL", help="draw earlier results instead")
    args = parser.parse_args()
    if args.plot:
        plot(args.plot)
        return
    from distributed import Client, LocalCluster

    folder = Path(args.folder)
    cluster = LocalCluster(
        n_workers=args.workers, threads_per_worker=1, dashboard_address=None, memory_limit=0
    )
    with cluster, Client(cluster) as client:
        engine = DaskEngine(client)
        corpus = generated(Lake(str(folder / "in")), args.documents, engine)
        client.restart()  # generation leaves memory behind that is not dedup's
        exchanged: dict[str, int] = {}

        def on_progress(done: int, total: int) -> None:
            if total - done == len(corpus.manifest.shards):  # all phases but the last are over
                for work in (folder / "out").rglob("work/*/*"):
                    exchanged[work.name] = bytes_below(work)

        watch = Watch()
        watch.start()
        began, clock = cpu_of_all(), time.perf_counter()
        config = Dedup(preset=args.preset)
        out = deduplicate(Lake(str(folder / "out")), [corpus], config, engine, on_progress)
        wall, cpu = time.perf_counter() - clock, cpu_of_all() - began
        watch.done.set()
        watch.join()
        counts, search = out.manifest.counts, out.manifest.facts["search"]
    print(
        json.dumps(
            {
                "documents": counts["in"],
                "megabytes": round(counts["bytes_in"] / 1e6, 1),
                "workers": args.workers,
                "preset": args.preset,
                "removed": counts["removed"],
                "reasons": out.manifest.reasons,
                "wall_s": round(wall, 1),
                "cpu_s": round(cpu, 1),
                "peak_mb_all": round(watch.total / 1e6),
                "peak_mb_process": round(watch.worker / 1e6),
                "exchanged_mb": {name: round(size / 1e6, 1) for name, size in sorted(exchanged.items())},
                "candidates": search["candidates"],
                "pairs_compared": search["pairs_compared"],
                "largest_candidate_cluster": search["largest_candidate_cluster"],
                "digest": out.digest,
            }
        )
    )
    shutil.rmtree(folder / "out")
    shutil.rmtree(folder / "in")


if __name__ == "__main__":
    main()
