"""Dedup a labelled corpus and write which rows stayed, for a scorer.

The corpus is a Parquet file with `id`, `content`, `path`, `repo`, `stars`; the result has `id`, `kept` and
`cluster` (the id of the row that stands for this one). `keepers_wrong` counts rows that went although they
have more stars than the row that stays for them.

    python -m benchmarks.dedup_quality LABELLED.parquet --preset verified --out RESULT.parquet
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from opencoder_dag.dedup import deduplicate
from opencoder_dag.document import DOCUMENT_SCHEMA, QUARANTINED_SCHEMA, REMOVED_SCHEMA, Judged, as_documents
from opencoder_dag.engine import SerialEngine
from opencoder_dag.lake import Dataset, Lake, Stage
from opencoder_dag.recipe import Dedup
from opencoder_dag.shards import ShardTask, finish, write_shard


def as_dataset(rows: pa.Table, lake: Lake, shards: int = 1) -> Dataset:
    """A table of documents as a finished stage."""
    stage = Stage("benchmark_input", "1", {"shards": shards})
    size = max(1, -(-rows.num_rows // shards))
    reports = []
    for index in range(shards):
        part = rows.slice(index * size, size).select(DOCUMENT_SCHEMA.names)
        name = f"part-{index:05d}.parquet"
        judged = Judged(part, REMOVED_SCHEMA.empty_table(), QUARANTINED_SCHEMA.empty_table(), {})
        task = ShardTask("", "", lake.folder(stage), name)
        reports.append(
            write_shard(lake.folder(stage), task, judged, part.num_rows, sum(part["size"].to_pylist()))
        )
    return finish(lake, stage, reports, 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus")
    parser.add_argument("--preset", default="verified")
    parser.add_argument("--similarity", type=float, help="default: the preset's")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    truth = pq.read_table(args.corpus)
    documents = as_documents(truth, args.corpus)
    number = dict(zip(documents["doc_id"].to_pylist(), truth["id"].to_pylist(), strict=True))
    with tempfile.TemporaryDirectory() as folder:
        corpus = as_dataset(documents, Lake(f"{folder}/in"))
        config = Dedup(preset=args.preset, similarity=args.similarity)
        out = deduplicate(Lake(f"{folder}/out"), [corpus], config, SerialEngine())
        stays = {number[key]: number[key] for key in out.read(columns=["doc_id"])["doc_id"].to_pylist()}
        goes = {
            number[row["doc_id"]]: number[json.loads(row["evidence"])["duplicate_of"]]
            for row in out.read("removed").to_pylist()
        }
    ids = truth["id"].to_pylist()
    stars = dict(zip(ids, truth["stars"].to_pylist(), strict=True))
    wrong = [key for key, keeper in goes.items() if (stars[key] or -1) > (stars[keeper] or -1)]
    result = {
        "id": ids,
        "kept": [key in stays for key in ids],
        "cluster": [stays.get(key, goes.get(key)) for key in ids],
    }
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(result), args.out)
    print(
        json.dumps(
            {"preset": args.preset, "kept": len(stays), "removed": len(goes), "keepers_wrong": len(wrong)}
        )
    )


if __name__ == "__main__":
    main()
