"""CPU time of adding one per cent of new documents, against one run over everything.

One process. Each is measured `--repeats` times, in turn, after all kernels are loaded. Medians are printed,
and the least of each, which other work on the machine disturbs less.

    python -m benchmarks.dedup_incremental CORPUS.parquet --preset verified
    python -m benchmarks.dedup_incremental --generate 250000
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.dedup_quality import as_dataset
from benchmarks.dedup_scale import SHARD, generate
from opencoder_dag.dedup import deduplicate
from opencoder_dag.document import as_documents
from opencoder_dag.engine import SerialEngine
from opencoder_dag.lake import Dataset, Lake
from opencoder_dag.recipe import Dedup


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", nargs="?")
    parser.add_argument("--generate", type=int, help="documents to generate instead")
    parser.add_argument("--preset", default="verified")
    parser.add_argument("--shard-megabytes", type=float, default=4.0)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    if args.generate:
        shards = args.generate // SHARD
        rows = pa.concat_tables([generate(shard, shards) for shard in range(shards)])
    else:
        rows = as_documents(pq.read_table(args.corpus), args.corpus)
    new = np.arange(rows.num_rows) % 100 == 50
    shards = max(1, round(sum(rows["size"].to_pylist()) / args.shard_megabytes / 1e6))
    config, engine = Dedup(preset=args.preset), SerialEngine()
    seconds: dict[str, list[float]] = {"whole": [], "base_and_remember": [], "added": []}
    with tempfile.TemporaryDirectory() as folder:
        whole = as_dataset(rows, Lake(f"{folder}/whole"), shards)
        old = as_dataset(rows.filter(pa.array(~new)), Lake(f"{folder}/old"), shards)
        fresh = as_dataset(rows.filter(pa.array(new)), Lake(f"{folder}/new"))
        del rows

        def timed(name: str, turn: int, found: Dataset, against: Dataset | None = None) -> Dataset:
            remember = name == "base_and_remember"
            before = [] if against is None else [against]
            began = cpu_seconds()
            lake = Lake(f"{folder}/{name}-{turn}")
            out = deduplicate(lake, [found], config, engine, remember=remember, against=before)
            seconds[name].append(cpu_seconds() - began)
            return out

        loaded = timed("base_and_remember", -1, fresh)
        timed("added", -1, fresh, loaded)
        for values in seconds.values():
            values.clear()
        for turn in range(args.repeats):
            timed("whole", turn, whole)
            base = timed("base_and_remember", turn, old)
            out = timed("added", turn, fresh, base)
    report: dict[str, Any] = {
        "documents": base.manifest.counts["in"],
        "megabytes": round(base.manifest.counts["bytes_in"] / 1e6, 1),
        "shards": shards,
        "new": out.manifest.counts["in"],
        "new_removed": out.manifest.counts["removed"],
    }
    for kind, of in (("median", statistics.median), ("least", min)):
        found = {name: float(of(values)) for name, values in seconds.items()}
        report[f"cpu_s_{kind}"] = {name: round(value, 3) for name, value in found.items()}
        report[f"share_{kind}"] = round(found["added"] / found["whole"], 4)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
