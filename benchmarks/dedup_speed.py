"""Time dedup end to end, in one process pinned to one core, on a Parquet file with `id` and `content`.

`exact` reads, hashes with SHA-256 and chooses among equal texts. A preset reads, hashes, signs, exchanges,
verifies exactly and writes all three parts. The input is imported into shards first (timed apart as `import`:
it reads, hashes and writes every document once). Kernels are loaded before the clock starts, as imports are.
Each measurement is a fresh process; the median of `--repeats` by CPU time is printed.

With `--peers PYTHON SCRIPT` the peers are timed on the same file in the same run: PYTHON is an interpreter
that has them installed, SCRIPT prints one line of JSON for each of `--tools`.

    python -m benchmarks.dedup_speed --megabytes 100
    python -m benchmarks.dedup_speed CORPUS.parquet --peers PEERS/bin/python peer_dedup.py
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from typing import Any

SHARD_BYTES = 16_000_000


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(corpus: str, arm: str) -> dict[str, Any]:
    """One measurement, in this process."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from benchmarks.dedup_quality import as_dataset
    from opencoder_dag.dedup import deduplicate
    from opencoder_dag.dedup.exact import hash_shard, settle_partition
    from opencoder_dag.dedup.runs import PartStep, Plan, ShardStep
    from opencoder_dag.document import DOCUMENT_SCHEMA, as_documents, document_row
    from opencoder_dag.engine import SerialEngine
    from opencoder_dag.lake import Lake
    from opencoder_dag.recipe import Dedup

    texts = [" ".join(f"w{i * k % 97}" for i in range(60)) for k in range(1, 9)]
    sample = [
        document_row(text, source="s", repo="r", path=str(n), language="C", doc_type="code")
        for n, text in enumerate(texts)
    ]
    engine = SerialEngine()
    preset = "stack" if arm == "exact" else arm
    with tempfile.TemporaryDirectory() as folder:
        warm = as_dataset(pa.Table.from_pylist(sample * 2, schema=DOCUMENT_SCHEMA), Lake(f"{folder}/warm"))
        deduplicate(Lake(f"{folder}/warm-out"), [warm], Dedup(preset=preset), engine)
        began = cpu_seconds()
        rows = as_documents(pq.read_table(corpus), corpus)
        bytes_in = sum(rows["size"].to_pylist())
        found = as_dataset(rows, Lake(f"{folder}/in"), max(1, round(bytes_in / SHARD_BYTES)))
        imported = cpu_seconds() - began
        del rows
        began, clock = cpu_seconds(), time.perf_counter()
        if arm == "exact":
            shards = found.shards()
            plan = Plan(f"{folder}/work", len(shards), 1, 1, 1, 1, 1, 5, 0.7)
            for number, path in enumerate(shards):
                hash_shard(ShardStep(plan, number, path))
            removed = settle_partition(PartStep(plan, 0))["copies"]
        else:
            out = deduplicate(Lake(f"{folder}/out"), [found], Dedup(preset=preset), engine)
            removed = out.manifest.counts["removed"]
        cpu, wall = cpu_seconds() - began, time.perf_counter() - clock
    return {
        "arm": arm,
        "documents": found.manifest.counts["in"],
        "megabytes": bytes_in / 1e6,
        "removed": removed,
        "cpu_s": cpu,
        "wall_s": wall,
        "import_cpu_s": imported,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }


def installed_corpus(megabytes: float, folder: str) -> str:
    """Code of the installed distributions as a Parquet file with an `id`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from opencoder_dag.engine import SerialEngine
    from opencoder_dag.lake import Lake
    from opencoder_dag.sources import collect, sources_from_spec

    sources = sources_from_spec("installed")
    found = collect(
        Lake(folder), sources, int(megabytes * 1e6), SHARD_BYTES, SerialEngine(), lambda done, total: None
    )
    table = found.read()
    path = f"{folder}/corpus.parquet"
    pq.write_table(table.append_column("id", pa.array(range(table.num_rows))), path, compression="zstd")
    return path


def time_own(corpus: str, arm: str, repeats: int, core: int) -> dict[str, Any]:
    """The median of some measurements, each in a fresh process."""
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ARROW_NUM_THREADS")}
    command = [sys.executable, "-m", "benchmarks.dedup_speed", corpus, "--child", arm]
    runs = []
    for _ in range(repeats):
        done = subprocess.run(
            ["taskset", "-c", str(core), *command],
            env={**os.environ, **threads},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    middle: dict[str, Any] = sorted(runs, key=lambda found: found["cpu_s"])[(len(runs) - 1) // 2]
    middle["mb_per_cpu_s"] = round(middle["megabytes"] / middle["cpu_s"], 1)
    middle["mb_per_cpu_s_with_import"] = round(
        middle["megabytes"] / (middle["cpu_s"] + middle["import_cpu_s"]), 1
    )
    middle["cpu_s_all"] = [round(found["cpu_s"], 3) for found in runs]
    middle["wall_s"] = round(statistics.median(found["wall_s"] for found in runs), 3)
    middle["versions"] = {name: version(name) for name in ("pyarrow", "numba", "numpy")}
    return middle


def time_peers(peers: list[str], corpus: str, repeats: int, core: int, more: list[str]) -> None:
    """Let the peers' script print its lines."""
    python, script = peers
    command = [python, script, "--input", corpus, "--cores", str(core), "--repeats", str(repeats), *more]
    subprocess.run(command, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", nargs="?", help="default: code of the installed distributions")
    parser.add_argument("--megabytes", type=float, default=100.0, help="size of the default corpus")
    parser.add_argument("--arms", default="exact,stack,verified,opencoder")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--peers", nargs=2, metavar=("PYTHON", "SCRIPT"))
    parser.add_argument("--tools", default="rensa_dedup,rensa_lsh,datasketch,exact_hashlib")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(measure(args.corpus, args.child)))
        return
    with tempfile.TemporaryDirectory() as folder:
        corpus = args.corpus or installed_corpus(args.megabytes, folder)
        for arm in args.arms.split(","):
            print(json.dumps(time_own(corpus, arm, args.repeats, args.core)), flush=True)
        if args.peers:
            time_peers(args.peers, corpus, args.repeats, args.core, ["--tools", args.tools])
            paper = ["--tools", "rensa_lsh", "--bands", "16", "--rows", "128"]
            time_peers(args.peers, corpus, args.repeats, args.core, paper)


if __name__ == "__main__":
    main()
