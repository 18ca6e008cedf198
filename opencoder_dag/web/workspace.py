"""The driver's side of a recall: the stage's folder while it is worked on.

Every method takes over what an interrupted run finished.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from opencoder_dag.engine import Engine
from opencoder_dag.lake import (
    Dataset,
    canonical_json,
    exists,
    read_table,
    sha256_text,
    write_bytes,
    write_table,
)
from opencoder_dag.shards import ShardReport, run_shards
from opencoder_dag.web import classifier, segment
from opencoder_dag.web.config import RecallConfig
from opencoder_dag.web.index import Bools, Ints, PageIndex
from opencoder_dag.web.rounds import Floats, Round
from opencoder_dag.web.seed import SeedLabels, file_labels, heuristic_labels
from opencoder_dag.web.steps import run_step
from opencoder_dag.web.tasks import (
    VERDICT_SCHEMA,
    OutputTask,
    ScoreTask,
    SegmentTask,
    load_tokenizer,
    output_shard,
    score_shard,
    segment_shard,
)

SEGMENTER = "segmenter/tokenizer.json"
SAMPLE_CHARACTERS = 8000  # of a page, for the BPE vocabulary
CURVE_COLUMNS = ["threshold", "precision", "recall"]
SITE_SCHEMA = pa.schema(
    {
        "domain": pa.string(),
        "host": pa.string(),
        "pages": pa.int64(),
        "recalled": pa.int64(),
        "share": pa.float64(),
        "code_related": pa.bool_(),
    }
)
PATTERN_SCHEMA = pa.schema(
    {
        "pattern": pa.string(),
        "domain": pa.string(),
        "pages": pa.int64(),
        "recalled": pa.int64(),
        "share": pa.float64(),
        "accepted": pa.bool_(),
    }
)


def model_file(number: int) -> str:
    """The fastText model of a round, inside the stage's folder."""
    return f"round-{number}/model.bin"


class Progress:
    """Counts tasks over all steps; until the files are read their shards are taken to be one a file."""

    def __init__(self, on_progress: Callable[[int, int], None], files: int, rounds: int) -> None:
        self.on_progress = on_progress
        self.done = 0
        self.files = files
        self.rounds = rounds
        self.total = files * (rounds + 3)

    def know_shards(self, shards: int) -> None:
        """Extraction is over and left so many shards."""
        self.done = self.files
        self.total = self.files + shards * (self.rounds + 2)
        self.on_progress(self.done, self.total)

    def advance(self) -> None:
        """One more task is done."""
        self.done += 1
        self.on_progress(self.done, self.total)


class Workspace:
    """The stage's folder while it is worked on: every method takes over what an interrupted run finished."""

    def __init__(
        self, folder: str, pages: Dataset, config: RecallConfig, engine: Engine, progress: Progress
    ) -> None:
        self.folder = folder
        self.pages = pages
        self.config = config
        self.engine = engine
        self.progress = progress
        self.names = [name.rsplit("/", 1)[-1] for name in pages.manifest.shards]
        self.vocabulary = 0

    def segment(self, index: PageIndex, usable: Bools) -> None:
        """Learn the BPE vocabulary, if there is none yet, and cut all pages into tokens."""
        path = f"{self.folder}/{SEGMENTER}"
        if not exists(path):
            given = self.config.classifier.tokenizer
            tokenizer = segment.load_segmenter(given) if given else self._train_segmenter(index, usable)
            write_bytes(path, tokenizer.to_str().encode())
        self.cut_into_tokens()

    def cut_into_tokens(self) -> None:
        """Cut all pages into tokens with the vocabulary of this folder."""
        path = f"{self.folder}/{SEGMENTER}"
        self.vocabulary = load_tokenizer(path).get_vocab_size()
        tasks = [
            SegmentTask(name, source, self.pages.digest, path, f"{self.folder}/tokens")
            for name, source in zip(self.names, self.pages.shards(), strict=True)
        ]
        run_step(f"{self.folder}/tokens/reports", tasks, segment_shard, self.engine, self.progress.advance)

    def _train_segmenter(self, index: PageIndex, usable: Bools) -> Tokenizer:
        budget = self.config.classifier.sample_bytes
        order = index.draw(usable, len(index))
        taken = np.cumsum(np.minimum(index.size[order], SAMPLE_CHARACTERS))
        sample = order[: int(np.searchsorted(taken, budget)) + 1]
        texts = [text[:SAMPLE_CHARACTERS] for text in self.texts(index, sample)]
        return segment.train_segmenter(texts, self.config.classifier.vocabulary)

    def labels(self, index: PageIndex, usable: Bools) -> SeedLabels:
        """Labels of the seed, by the way that the configuration names."""
        seed = self.config.seed
        if seed.by == "labels" and seed.labels is not None:
            return file_labels(index, seed.labels)
        if seed.by == "judge":
            from opencoder_dag.web.judge import judged_labels

            return judged_labels(
                index, usable, seed.judge, partial(self.texts, index), f"{self.folder}/judge"
            )
        blocks = self._gather(index, "tokens", "block_share")
        lines = self._gather(index, "tokens", "line_share")
        scores = np.minimum(1.0, np.maximum(blocks / seed.block_share, lines / seed.code_line_share))
        return heuristic_labels(scores, seed)

    def texts(self, index: PageIndex, pages: Ints) -> list[str]:
        """Text of some pages, in their order."""
        return self._rows(index, pages, self.pages.shards(), "content")

    def _examples(self, index: PageIndex, pages: Ints, is_code: Bools) -> Iterator[classifier.Example]:
        paths = [f"{self.folder}/tokens/{name}" for name in self.names]
        columns = [
            self._rows(index, pages, paths, name) for name in ("tokens", "block_feature", "line_feature")
        ]
        for code, tokens, block, line in zip(is_code.tolist(), *columns, strict=True):
            structure = (self.vocabulary + block, self.vocabulary + line)
            yield classifier.Example(code, np.asarray(tokens, np.int32), structure)

    def _rows(self, index: PageIndex, pages: Ints, paths: list[str], column: str) -> list[Any]:
        found: dict[int, Any] = {}
        for shard in np.unique(index.shard[pages]).tolist():
            here = pages[index.shard[pages] == shard]
            values = read_table(paths[shard], [column])[column].take(pa.array(index.row[here]))
            found.update(zip(here.tolist(), values.to_pylist(), strict=True))
        return [found[page] for page in pages.tolist()]

    def _gather(self, index: PageIndex, folder: str, column: str) -> Floats:
        """A column of all shards, in the order of the index."""
        values = np.zeros(len(index), np.float64)
        for shard, name in enumerate(self.names):
            here = np.flatnonzero(index.shard == shard)
            column_values = read_table(f"{self.folder}/{folder}/{name}", [column])[column].to_numpy()
            values[here] = column_values[index.row[here]]
        return values

    def train(self, index: PageIndex, number: int, positives: Ints, negatives: Ints) -> None:
        """Train the classifier of a round, unless it is there."""
        path = self._model(number)
        if exists(path):
            return
        pages = np.concatenate([positives, negatives])
        is_code = np.arange(len(pages)) < len(positives)
        order = np.argsort(index.rank[pages], kind="stable")
        examples = self._examples(index, pages[order], is_code[order])
        write_bytes(path, classifier.train(examples, self.config.classifier))

    def _model(self, number: int) -> str:
        return f"{self.folder}/{model_file(number)}"

    def score(self, index: PageIndex, number: int) -> Floats:
        """Scores of all pages by the classifier of a round."""
        with fsspec.open(self._model(number), "rb") as handle:
            edition = hashlib.sha256(handle.read()).hexdigest()
        folder = f"{self.folder}/scores/round-{number}"
        task = partial(
            ScoreTask,
            model=self._model(number),
            edition=edition,
            vocabulary=self.vocabulary,
            structure=self.config.classifier.structure,
            folder=folder,
        )
        tasks = [task(name=name, tokens=f"{self.folder}/tokens/{name}") for name in self.names]
        run_step(f"{folder}/reports", tasks, score_shard, self.engine, self.progress.advance)
        return self._gather(index, f"scores/round-{number}", "score")

    def write_round(self, done: Round) -> None:
        """The tables of a round, for people and for programs."""
        folder = f"{self.folder}/round-{done.number}"
        sites = [
            {"domain": site.domain, "host": site.host, "pages": site.pages, "recalled": site.recalled,
             "share": site.share, "code_related": site.code_related}
            for site in done.sites
        ]  # fmt: skip
        patterns = [pattern.row() for pattern in done.patterns]
        write_table(f"{folder}/domains.parquet", pa.Table.from_pylist(sites, schema=SITE_SCHEMA))
        write_table(f"{folder}/patterns.parquet", pa.Table.from_pylist(patterns, schema=PATTERN_SCHEMA))
        write_bytes(
            f"{folder}/curve.json", canonical_json({"columns": CURVE_COLUMNS, "points": done.points}).encode()
        )
        write_bytes(f"{folder}/round.json", canonical_json(done.facts()).encode())

    def write_output(self, index: PageIndex, verdicts: list[dict[str, Any]]) -> list[ShardReport]:
        """Split every shard by the verdicts (`verdicts.py`)."""
        edition = sha256_text(canonical_json(verdicts))
        by_shard: dict[int, list[tuple[int, dict[str, Any]]]] = {}
        for page, verdict in enumerate(verdicts):
            by_shard.setdefault(int(index.shard[page]), []).append((int(index.row[page]), verdict))
        tasks = []
        for shard, (name, source) in enumerate(zip(self.names, self.pages.shards(), strict=True)):
            rows = [verdict for _, verdict in sorted(by_shard.get(shard, []), key=lambda item: item[0])]
            write_table(f"{self.folder}/verdicts/{name}", pa.Table.from_pylist(rows, schema=VERDICT_SCHEMA))
            tasks.append(OutputTask(name, source, edition, self.folder))
        reports: list[ShardReport] = []
        seen = 0

        def on_progress(done: int, total: int) -> None:
            nonlocal seen
            for _ in range(done - seen):
                self.progress.advance()
            seen = done

        reports += run_shards(self.folder, tasks, output_shard, self.engine, on_progress)
        return reports

    def clean_up(self) -> None:
        """Remove what only an interrupted run would need."""
        fs, root = fsspec.core.url_to_fs(self.folder)
        for name in ("tokens", "scores", "verdicts"):
            if fs.exists(f"{root}/{name}"):
                fs.rm(f"{root}/{name}", recursive=True)
