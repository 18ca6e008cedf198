"""Copies of one licence file, each with one changed word: time and comparisons must grow linearly.

python -m benchmarks.dedup_skew --documents 200000 --words 150
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile

import pyarrow as pa

from benchmarks.dedup_quality import as_dataset
from opencoder_dag.dedup import deduplicate
from opencoder_dag.document import DOCUMENT_SCHEMA, document_row
from opencoder_dag.engine import SerialEngine
from opencoder_dag.lake import Lake
from opencoder_dag.recipe import Dedup


def licences(documents: int, words: int) -> pa.Table:
    """Copies of a text of so many words, each with one word of its own."""
    draw = random.Random(1)
    base = [f"word{draw.randrange(10**6)}" for _ in range(words)]
    rows = []
    for number in range(documents):
        text = list(base)
        text[draw.randrange(words)] = f"changed{number}"
        origin = {
            "source": "generated",
            "repo": f"repo{number}",
            "path": "LICENSE",
            "stars": draw.randrange(100),
        }
        rows.append(document_row(" ".join(text), language="Text", doc_type="text", **origin))
    return pa.Table.from_pylist(rows, schema=DOCUMENT_SCHEMA)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=200_000)
    parser.add_argument("--words", type=int, default=150)
    parser.add_argument("--preset", default="verified")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        corpus = as_dataset(licences(args.documents, args.words), Lake(f"{folder}/in"), 8)
        used = resource.getrusage(resource.RUSAGE_SELF)
        began = used.ru_utime + used.ru_stime
        out = deduplicate(Lake(f"{folder}/out"), [corpus], Dedup(preset=args.preset), SerialEngine())
        used = resource.getrusage(resource.RUSAGE_SELF)
    search = out.manifest.facts["search"]
    report = {
        **vars(args),
        "cpu_s": round(used.ru_utime + used.ru_stime - began, 2),
        "kept": out.manifest.counts["kept"],
        "largest_bucket": search["largest_bucket"],
        "pairs_compared": search["pairs_compared"],
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
