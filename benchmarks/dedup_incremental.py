"""CPU time of adding one per cent of new documents, against one run over everything.

python -m benchmarks.dedup_incremental CORPUS.parquet --preset verified
python -m benchmarks.dedup_incremental --generate 250000
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.dedup_quality import as_dataset
from benchmarks.dedup_scale import SHARD, generate
from opencoder_dag.dedup import deduplicate
from opencoder_dag.document import as_documents
from opencoder_dag.engine import SerialEngine
from opencoder_dag.lake import Lake
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
    args = parser.parse_args()
    if args.generate:
        shards = args.generate // SHARD
        rows = pa.concat_tables([generate(shard, shards) for shard in range(shards)])
    else:
        rows = as_documents(pq.read_table(args.corpus), args.corpus)
    new = np.arange(rows.num_rows) % 100 == 50
    shards = max(1, round(sum(rows["size"].to_pylist()) / 16e6))
    config, engine = Dedup(preset=args.preset), SerialEngine()
    with tempfile.TemporaryDirectory() as folder:
        whole = as_dataset(rows, Lake(f"{folder}/whole"), shards)
        old = as_dataset(rows.filter(pa.array(~new)), Lake(f"{folder}/old"), shards)
        fresh = as_dataset(rows.filter(pa.array(new)), Lake(f"{folder}/new"))
        del rows
        deduplicate(Lake(f"{folder}/warm"), [fresh], config, engine)
        seconds = {}
        began = cpu_seconds()
        deduplicate(Lake(f"{folder}/out"), [whole], config, engine)
        seconds["whole"] = cpu_seconds() - began
        began = cpu_seconds()
        base = deduplicate(Lake(f"{folder}/base"), [old], config, engine, remember=True)
        seconds["base_and_remember"] = cpu_seconds() - began
        began = cpu_seconds()
        out = deduplicate(Lake(f"{folder}/added"), [fresh], config, engine, against=[base])
        seconds["added"] = cpu_seconds() - began
    report = {
        "documents": base.manifest.counts["in"],
        "megabytes": round(base.manifest.counts["bytes_in"] / 1e6, 1),
        "new": out.manifest.counts["in"],
        "new_removed": out.manifest.counts["removed"],
        "cpu_s": {name: round(value, 3) for name, value in seconds.items()},
        "share": round(seconds["added"] / seconds["whole"], 4),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
