"""What workers do in a recall: each task reads the files it names and writes one file or shard."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Tokenizer

from opencoder_dag.document import DOCUMENT_SCHEMA, Judged, judge_rows
from opencoder_dag.lake import read_table, write_table
from opencoder_dag.shards import ShardReport, write_shard
from opencoder_dag.web import classifier, segment
from opencoder_dag.web.heuristic import FEATURES, code_share
from opencoder_dag.web.index import Verdict
from opencoder_dag.web.steps import Report

RECALL_COLUMNS = [
    pa.field("url", pa.string(), nullable=False),
    pa.field("domain", pa.string(), nullable=False),
    pa.field("natural_language", pa.string(), nullable=False),
    pa.field("score", pa.float64(), nullable=False),  # probability of "code" by the last round's classifier
    pa.field("round", pa.int32(), nullable=False),  # the first round that recalled the page
]
RECALL_SCHEMA = pa.schema([*DOCUMENT_SCHEMA, *RECALL_COLUMNS])


VERDICT_SCHEMA = pa.schema(
    {"score": pa.float64(), "round": pa.int32(), "reason": pa.string(), "evidence": pa.string()}
)


@dataclass(frozen=True)
class SegmentTask:
    """One shard of pages to be cut into tokens."""

    name: str
    source: str
    edition: str
    segmenter: str
    folder: str


@dataclass(frozen=True)
class ScoreTask:
    """One shard of tokens to be scored by the model of a round."""

    name: str
    tokens: str
    model: str
    edition: str
    vocabulary: int
    structure: float
    folder: str


@dataclass(frozen=True)
class OutputTask:
    """One shard of pages to be split by its verdicts."""

    name: str
    source: str
    edition: str
    folder: str


def segment_shard(task: SegmentTask) -> Report:
    """Write the tokens of a shard's pages and what the code heuristic says of each page."""
    texts = read_table(task.source, ["content"])["content"].to_pylist()
    tokens = segment.encode(load_tokenizer(task.segmenter), texts)
    shares = [code_share(text) for text in texts]
    features = np.array([share.features() for share in shares], np.int32).reshape(-1, 2)
    table = pa.table(
        {
            "tokens": tokens,
            "block_feature": pa.array(features[:, 0]),
            "line_feature": pa.array(features[:, 1]),
            "block_share": pa.array([share.blocks for share in shares], pa.float64()),
            "line_share": pa.array([share.lines for share in shares], pa.float64()),
        }
    )
    write_table(f"{task.folder}/{task.name}", table)
    return {"tokens": len(tokens.values)}


def score_shard(task: ScoreTask) -> Report:
    """Write the score of every page of a shard."""
    table = read_table(task.tokens, ["tokens", "block_feature", "line_feature"]).combine_chunks()
    features = np.stack([table["block_feature"].to_numpy(), table["line_feature"].to_numpy()], axis=1)
    scorer = load_scorer(task.model, task.vocabulary + FEATURES)
    tokens = table["tokens"].combine_chunks()
    scores = scorer.score(tokens, features + np.int32(task.vocabulary), task.structure)
    write_table(f"{task.folder}/{task.name}", pa.table({"score": scores}))
    return {"pages": len(scores)}


def output_shard(task: OutputTask) -> ShardReport:
    """Split a shard of pages; what extraction removed or quarantined is carried along."""
    pages = read_table(task.source)
    removed = read_table(task.source.replace("/kept/", "/removed/"))
    quarantined = read_table(task.source.replace("/kept/", "/quarantined/"))
    verdicts = read_table(f"{task.folder}/verdicts/{task.name}").to_pylist()
    found = {
        "url": pages["url"],
        "domain": pages["repo"],
        "natural_language": pages["natural_language"],
        "score": pa.array([verdict["score"] for verdict in verdicts], pa.float64()),
        "round": pa.array([verdict["round"] for verdict in verdicts], pa.int32()),
    }
    columns = {name: pages[name] for name in DOCUMENT_SCHEMA.names} | found
    table = pa.table(columns).cast(RECALL_SCHEMA)
    judged = judge_rows(table, [_verdict(verdict) for verdict in verdicts])
    whole = Judged(
        kept=judged.kept,
        removed=pa.concat_tables([judged.removed, removed]),
        quarantined=pa.concat_tables([judged.quarantined, quarantined]),
        facts={},
    )
    rows = pages.num_rows + removed.num_rows + quarantined.num_rows
    sizes = [pc.sum(part["size"]).as_py() or 0 for part in (pages, removed, quarantined)]
    return write_shard(task.folder, task, whole, rows, sum(sizes))


def _verdict(row: dict[str, Any]) -> Verdict | None:
    return None if row["reason"] is None else (row["reason"], json.loads(row["evidence"]))


def load_tokenizer(path: str) -> Tokenizer:
    """The segmenter of a recall from an fsspec address."""
    with fsspec.open(path, "rt", encoding="utf-8") as handle:
        return Tokenizer.from_str(handle.read())


def load_scorer(path: str, vocabulary: int) -> classifier.Scorer:
    """The classifier of a round from an fsspec address (fastText itself reads local files only)."""
    with tempfile.NamedTemporaryFile(suffix=".bin") as local:
        with fsspec.open(path, "rb") as handle:
            local.write(handle.read())
        local.flush()
        return classifier.Scorer.load(local.name, vocabulary)
