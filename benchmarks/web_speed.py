"""Speed of the recall's steps for each CPU second, against the bare libraries, on the same WARC in one run.

    python benchmarks/web_speed.py ../shared/data/web/open-00000.warc.gz --repeats 3

Megabytes of HTML for reading and extraction; megabytes of text for segmentation and classification.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding
from tokenizers import Tokenizer

from opencoder_dag.web import classifier
from opencoder_dag.web.config import Classifier, Extraction
from opencoder_dag.web.extraction import ExtractTask, extract_file, extractor
from opencoder_dag.web.heuristic import FEATURES, code_share
from opencoder_dag.web.pages import Page, stored_file
from opencoder_dag.web.readers import read_warc
from opencoder_dag.web.segment import encode, train_segmenter


def bare_extraction(path: str) -> list[str]:
    texts = []
    with Path(path).open("rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
            raw = record.reader.read()
            texts.append(
                extract_plain_text(bytes_to_str(raw, detect_encoding(raw) or "utf-8"), main_content=True)
            )
    return texts


def our_extraction(path: str) -> list[str]:
    """WARC to text in memory, as the bare loop does it."""
    text_of = extractor(Extraction())
    return [text_of(found)[0] for found in read_warc(path, "a") if isinstance(found, Page)]


def our_stage(path: str) -> None:
    """The whole task: text, domains, digests, language, compressed Parquet."""
    with tempfile.TemporaryDirectory() as folder:
        extract_file(ExtractTask("part-00000", stored_file(path), folder, 8_000_000, Extraction()))


def first_classification(segmenter: Tokenizer, texts: list[str], scorer: classifier.Scorer) -> None:
    """Text to score in memory: tokens, structure features, the folded model."""
    tokens = encode(segmenter, texts)
    structure = np.array([code_share(text).features() for text in texts], np.int32) + np.int32(8000)
    scorer.score(tokens, structure, Classifier().structure)


def timed(function: Callable[[], Any], repeats: int) -> float:
    """Median of CPU seconds, after one run that is not counted."""
    function()
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("warc")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=STEPS, help="one half of the run")
    args = parser.parse_args()
    versions = {name: version(name) for name in ("fastwarc", "resiliparse", "fasttext")}
    print(json.dumps({"versions": versions}))
    for step in [args.only] if args.only else STEPS:
        for name, rate in STEPS[step](args.warc, args.repeats).items():
            print(f"{name:46s} {rate:10.2f} MB per CPU second")


def extraction_rates(warc: str, repeats: int) -> dict[str, float]:
    """WARC to text, in megabytes of HTML."""
    size = sum(len(found.html or b"") for found in read_warc(warc, "a") if isinstance(found, Page)) / 1e6
    functions: dict[str, Callable[[str], object]] = {
        "extraction, bare loop": bare_extraction,
        "extraction, ours": our_extraction,
        "extraction, whole task": our_stage,
    }
    return {name: size / timed(partial(function, warc), repeats) for name, function in functions.items()}


def classification_rates(warc: str, repeats: int) -> dict[str, float]:
    """Text to score, in megabytes of text."""
    results: dict[str, float] = {}
    texts = our_extraction(warc)
    size = sum(len(text.encode()) for text in texts) / 1e6
    segmenter = train_segmenter([text[:8000] for text in texts], 8000)
    results["segmentation (once a page)"] = size / timed(lambda: encode(segmenter, texts), repeats)
    results["code heuristic (once a page)"] = size / timed(lambda: [code_share(t) for t in texts], repeats)
    tokens = encode(segmenter, texts)
    shares = [code_share(text) for text in texts]
    structure = np.array([share.features() for share in shares], np.int32) + np.int32(8000)
    config = Classifier()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.bin"
        pairs = zip(tokens.to_pylist(), structure.tolist(), shares, strict=True)
        examples = [
            classifier.Example(share.blocks > 0.05, np.array(ids, np.int32), (first, second))
            for ids, (first, second), share in pairs
        ]
        model.write_bytes(classifier.train(examples, config))
        scorer = classifier.Scorer.load(str(model), 8000 + FEATURES)
        lines = [" ".join(text.split()) for text in texts]
        plain = Path(folder) / "plain.txt"
        labelled = zip(examples, lines, strict=True)
        plain.write_text("\n".join(f"{classifier.LABELS[e.is_code]} {line}" for e, line in labelled))
        with classifier.zeroed_allocations():
            bare = fasttext.train_supervised(
                str(plain), dim=100, wordNgrams=2, bucket=200_000, epoch=5, minCount=2, thread=1, verbose=0
            )
        results["classification, bare fastText on words"] = size / timed(lambda: bare.predict(lines), repeats)
        reference = fasttext.load_model(str(model))
        whole = Classifier(train_tokens=10**9)
        shown = [example.line(whole).partition(" ")[2] for example in examples]
        results["classification, bare fastText on our tokens"] = size / timed(
            lambda: reference.predict(shown), repeats
        )
        results["classification, ours, later rounds"] = size / timed(
            lambda: scorer.score(tokens, structure, config.structure), repeats
        )
        results["classification, ours, first of a page"] = size / timed(
            lambda: first_classification(segmenter, texts, scorer), repeats
        )
    return results


STEPS = {"extraction": extraction_rates, "classification": classification_rates}


if __name__ == "__main__":
    main()
