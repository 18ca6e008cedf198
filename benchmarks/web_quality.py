"""How well the recall finds pages about code on domains that it has never seen.

    python benchmarks/web_quality.py --data ../shared/data/web --splits 16

For each split the domains are dealt by hash, apart for manuals, blogs and the rest: 30 % are held out for
measuring and are not in the crawl, 10 % give the seed labels, the others are crawl without labels (as are all
pages without a hint). The hints say `code`, `noncode`, `math` or `mixed`; the latter two are not scored.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import json
import math
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from opencoder_dag.engine import SerialEngine
from opencoder_dag.lake import Lake
from opencoder_dag.web import RecallConfig, page_source, recall
from opencoder_dag.web.config import Seed
from opencoder_dag.web.extract import decode, html_to_markdown
from opencoder_dag.web.extraction import place
from opencoder_dag.web.heuristic import FEATURES, code_share
from opencoder_dag.web.index import PageIndex
from opencoder_dag.web.language import natural_language
from opencoder_dag.web.pages import Page
from opencoder_dag.web.readers import read_warc
from opencoder_dag.web.rounds import recall_on_sites
from opencoder_dag.web.segment import encode
from opencoder_dag.web.tasks import load_scorer, load_tokenizer

HELD_OUT, SEED = 0.3, 0.1
SAME_PRECISION = 0.95


@dataclass(frozen=True)
class Hinted:
    url: str
    html: bytes
    text: str
    domain: str
    kind: str  # manual, blog, other
    hint: str  # code, noncode, math, mixed or "" (no hint)
    language: str


def read_pages(folder: Path) -> list[Hinted]:
    with gzip.open(folder / "pages.tsv.gz", "rt", encoding="utf-8") as handle:
        rows = {row["url"]: row for row in csv.DictReader(handle, delimiter="\t")}
    pages = []
    for path in sorted(folder.glob("*.warc.gz")):
        for found in read_warc(str(path), path.name):
            if not isinstance(found, Page) or found.html is None:
                continue
            row = rows.get(found.url, {})
            text = html_to_markdown(decode(found.html, found.charset))
            pages.append(
                Hinted(found.url, found.html, text, place(found.url)[1], kind_of(row.get("source", "")),
                       row.get("topic_hint", ""), natural_language(text))
            )  # fmt: skip
    return pages


def kind_of(source: str) -> str:
    if not source:
        return ""
    if "blog" in source and "travel" not in source:
        return "blog"
    manuals = ("manual", "Crafting Interpreters", "Go by Example", "Rust books", "cppreference", "howdoi")
    return "manual" if any(name in source for name in manuals) else "other"


def deal(pages: list[Hinted], split: int) -> tuple[set[str], set[str]]:
    """Domains held out and domains of the seed, dealt apart for each kind of source."""
    held, seed = set(), set()
    kinds: dict[str, set[str]] = defaultdict(set)
    for page in pages:
        if page.kind:
            kinds[page.kind].add(page.domain)
    taken: set[str] = set()
    for kind in sorted(kinds):
        names = sorted(
            kinds[kind] - taken, key=lambda name: hashlib.sha256(f"{split} {name}".encode()).digest()
        )
        taken |= set(names)
        first, second = math.ceil(HELD_OUT * len(names)), math.ceil(SEED * len(names))
        held |= set(names[:first])
        seed |= set(names[first : first + second])
    return held, seed


def index_of(pages: list[Hinted]) -> PageIndex:
    places = [place(page.url) for page in pages]
    zeros = np.zeros(len(pages), np.int64)
    return PageIndex(
        url=[page.url for page in pages],
        host=[host for host, _, _ in places],
        domain=[domain for _, domain, _ in places],
        path=[path for _, _, path in places],
        visited=[""] * len(pages),
        sha256=[""] * len(pages),
        natural_language=[page.language for page in pages],
        size=zeros,
        shard=zeros,
        row=zeros,
    )


def f1(found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    hits = int((found & truth).sum())
    precision, recalled = hits / max(int(found.sum()), 1), hits / max(int(truth.sum()), 1)
    f = 2 * precision * recalled / max(precision + recalled, 1e-9)
    return {
        "pages": len(truth),
        "code": int(truth.sum()),
        "precision": precision,
        "recall": recalled,
        "f1": f,
    }


def recall_at(scores: np.ndarray, truth: np.ndarray, precision: float) -> float:
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truth[order])
    fit = np.flatnonzero(hits / np.arange(1, len(order) + 1) >= precision)
    return float(hits[fit[-1]] / max(truth.sum(), 1)) if len(fit) else 0.0


def measure(pages: list[Hinted], split: int, config: RecallConfig, work: Path) -> dict:
    held, seed = deal(pages, split)
    crawl = [page for page in pages if page.domain not in held]
    pq.write_table(
        pa.table({"url": [p.url for p in crawl], "html": [p.html for p in crawl]}), work / "crawl.parquet"
    )
    labelled = [p for p in crawl if p.domain in seed and p.hint in ("code", "noncode")]
    labels = work / "labels.csv"
    with labels.open("w", newline="") as handle:
        csv.writer(handle).writerows([("url", "label"), *((p.url, p.hint) for p in labelled)])
    config = config.model_copy(update={"seed": Seed(by="labels", labels=str(labels))})
    done = recall(
        Lake(str(work / "lake")), page_source(str(work / "crawl.parquet")), config, 8_000_000, SerialEngine()
    )
    test = [p for p in pages if p.domain in held and p.hint in ("code", "noncode") and len(p.text) >= 100]
    test.sort(key=lambda page: page.url)
    truth = np.array([p.hint == "code" for p in test])
    index = index_of(test)
    tokenizer = load_tokenizer(done.file("segmenter/tokenizer.json"))
    tokens = encode(tokenizer, [p.text for p in test])
    size = tokenizer.get_vocab_size()
    structure = np.array([code_share(p.text).features() for p in test], np.int32) + np.int32(size)
    kinds = np.array([p.kind for p in test])
    languages = np.array([p.language for p in test])
    result = {"split": split, "seed_pages": len(labelled), "held_out_domains": len(held), "rounds": []}
    for row in done.manifest.facts["rounds"]:
        scorer = load_scorer(done.file(f"round-{row['round']}/model.bin"), size + FEATURES)
        scores = scorer.score(tokens, structure, config.classifier.structure)
        everything = np.ones(len(test), bool)
        found = recall_on_sites(index, everything, scores, row["threshold"], config.domains)
        entry = {
            "by score alone": f1(scores >= row["threshold"], truth),
            "round": row["round"],
            "threshold": row["threshold"],
            "crawl_recalled": row["recalled_pages"],
        }
        groups = {"one kind": kinds != "blog", "blogs": kinds == "blog"}
        for language in ("en", "zh"):
            groups |= {
                f"{name}, {language}": mask & (languages == language)
                for name, mask in list(groups.items())[:2]
            }
        for name, mask in groups.items():
            entry[name] = f1(found[mask], truth[mask])
        entry["true_at_same_precision"] = recall_at(scores, truth, SAME_PRECISION)
        result["rounds"].append(entry)
    result["disagreements"] = [
        {"url": p.url, "hint": p.hint, "score": round(float(s), 3), "text": " ".join(p.text.split())[:160]}
        for p, s, t, f in zip(test, scores, truth, found, strict=True)
        if t != f
    ]
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data/web"))
    parser.add_argument("--splits", type=int, default=16)
    parser.add_argument("--config", default="{}", help="RecallConfig as JSON")
    parser.add_argument("--out", type=Path, help="write all results as JSON")
    args = parser.parse_args()
    pages = read_pages(args.data)
    config = RecallConfig.model_validate_json(args.config)
    results = []
    for split in range(args.splits):
        with tempfile.TemporaryDirectory() as folder:
            results.append(measure(pages, split, config, Path(folder)))
        for entry in results[-1]["rounds"]:
            shown = {name: round(value["f1"], 3) for name, value in entry.items() if isinstance(value, dict)}
            print(split, entry["round"], shown, round(entry["true_at_same_precision"], 3), flush=True)
    last = [result["rounds"][-1] for result in results]
    for name in [name for name, value in last[0].items() if isinstance(value, dict)]:
        values = [entry[name]["f1"] for entry in last if entry[name]["code"]]
        pages_seen = sum(entry[name]["pages"] for entry in last)
        if values:
            print(f"{name:14s} F1 mean {np.mean(values):.3f}  min {min(values):.3f}  pages {pages_seen}")
    for number in range(len(last) and len(results[0]["rounds"])):
        print(f"round {number + 1}: recall at precision {SAME_PRECISION}: "
              f"{np.mean([r['rounds'][number]['true_at_same_precision'] for r in results]):.3f}")  # fmt: skip
    if args.out:
        args.out.write_text(json.dumps(results, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
