"""Two corpora in one picture: how far apart, how widely spread, how many outliers.

OpenCoder compares RefineCode with The Stack v2, and starred with all code, by a PCA over CodeBERT embeddings
(figures 3 and 11). Here the embedding needs no weights: hashed character n-grams, tf-idf, truncated SVD
(methods page, section 9). One projection is fitted on equal samples of both corpora together.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from opencoder_dag.errors import InputError
from opencoder_dag.lake import Dataset, Lake, Stage, publish_folder, read_text
from opencoder_dag.report.plots import scatter

STAGE, VERSION = "corpus_comparison", "1"
CHARACTERS = 2000  # of each document: the start is what tells kinds of files apart
DIMENSIONS = 64

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Side:
    """One corpus of a comparison. Distances are between rows of length one in `DIMENSIONS` dimensions.

    `spread` is the mean distance from the corpus's own centre; `outliers` the share of documents farther from
    the centre of the first corpus than 95 % of that corpus; `shared` the share of documents that the other
    corpus has too, by content.
    """

    name: str
    documents: int
    sampled: int
    spread: float
    outliers: float
    shared: float


def compare_corpora(
    lake: Lake, first: Dataset, second: Dataset, names: tuple[str, str], sample: int = 600
) -> Dataset:
    """Compare two corpora; the stage folder has `comparison.json` and `comparison.png`.

    Samples are the `sample` documents of each corpus with the lowest hash. Raises `InputError` when a corpus
    has fewer than 10 documents.
    """
    stage = Stage(
        STAGE,
        VERSION,
        config={"names": list(names), "sample": sample},
        inputs={"first": first.digest, "second": second.digest},
    )
    if (ready := lake.find(stage)) is not None:
        return ready
    started = time.monotonic()
    size = min(sample, first.manifest.counts["kept"], second.manifest.counts["kept"])
    if size < 10:
        raise InputError(f"corpora of fewer than 10 documents cannot be compared ({names[0]}, {names[1]})")
    texts = [_sample(corpus, size) for corpus in (first, second)]
    vectors, flat = _embed([*texts[0], *texts[1]])
    sides = _sides(first, second, names, vectors[:size], vectors[size:])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        facts = {"sides": [asdict(side) for side in sides]}
        (folder / "comparison.json").write_text(json.dumps(facts, indent=1))
        clouds = {names[0]: flat[:size], names[1]: flat[size:]}
        image = scatter(clouds, f"{names[0]} and {names[1]}", "first component", "second component")
        (folder / "comparison.png").write_bytes(image)
        return publish_folder(
            lake,
            stage,
            folder,
            digest_of=["comparison.json"],
            counts={"in": 2 * size, "kept": 2 * size, "removed": 0, "quarantined": 0},
            facts=facts,
            seconds=time.monotonic() - started,
        )


def sides_of(comparison: Dataset) -> tuple[Side, Side]:
    """Both sides of a finished comparison."""
    first, second = json.loads(read_text(comparison.file("comparison.json")))["sides"]
    return Side(**first), Side(**second)


def _sample(corpus: Dataset, size: int) -> list[str]:
    ranked: list[tuple[str, str]] = []
    for table in corpus.tables(columns=["sha256", "content"]):
        keys = [
            hashlib.sha256(f"compare {digest}".encode()).hexdigest() for digest in _strings(table["sha256"])
        ]
        ranked += zip(keys, (text[:CHARACTERS] for text in _strings(table["content"])), strict=True)
        ranked = sorted(ranked)[:size]
    return [text for _, text in ranked]


def _strings(column: pa.ChunkedArray) -> list[str]:
    return [str(value) for value in column.to_pylist()]


def _embed(texts: list[str]) -> tuple[Floats, Floats]:
    """Rows of length one (documents, dimensions), and the same on two principal components."""
    from sklearn.decomposition import PCA, TruncatedSVD
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
    from sklearn.preprocessing import normalize

    hashed = HashingVectorizer(analyzer="char", ngram_range=(3, 4), n_features=1 << 16, alternate_sign=False)
    weighted = TfidfTransformer().fit_transform(hashed.transform(texts))
    dimensions = min(DIMENSIONS, len(texts) - 1)
    vectors = normalize(TruncatedSVD(dimensions, random_state=0).fit_transform(weighted))
    # Truncated SVD does not centre, so what goes into the picture is centred and rotated once more.
    return vectors, PCA(2, random_state=0).fit_transform(vectors)


def _sides(
    first: Dataset, second: Dataset, names: tuple[str, str], ours: Floats, theirs: Floats
) -> tuple[Side, Side]:
    limit = np.quantile(np.linalg.norm(ours - ours.mean(0), axis=1), 0.95)
    digests = [set(_strings(corpus.read(columns=["sha256"])["sha256"])) for corpus in (first, second)]

    def side(index: int, vectors: Floats) -> Side:
        mine, other = digests[index], digests[1 - index]
        return Side(
            name=names[index],
            documents=len(mine),
            sampled=len(vectors),
            spread=round(float(np.linalg.norm(vectors - vectors.mean(0), axis=1).mean()), 4),
            outliers=round(float((np.linalg.norm(vectors - ours.mean(0), axis=1) > limit).mean()), 4),
            shared=round(len(mine & other) / max(len(mine), 1), 4),
        )

    return side(0, ours), side(1, theirs)
