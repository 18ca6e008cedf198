"""Stage `web_recall`: pages in, text about code out, in several rounds (OpenCoder, section 2.4).

Belongs here: the order of the steps, what each writes into the stage's folder, and the facts for the report.

    segmenter/tokenizer.json    the BPE vocabulary
    round-N/model.bin           the fastText model of a round
    round-N/domains.parquet     domains and hosts: pages, recalled, code-related or not
    round-N/patterns.parquet    URL patterns: pages, recalled, accepted or not
    round-N/curve.json          precision and recall by threshold
    round-N/round.json          the round's row of the rounds table
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from opencoder_dag.engine import Engine
from opencoder_dag.errors import InputError
from opencoder_dag.lake import Dataset, Lake, Stage
from opencoder_dag.shards import finish
from opencoder_dag.web.config import RecallConfig
from opencoder_dag.web.curve import thin
from opencoder_dag.web.extraction import extract_pages, iterate_pages
from opencoder_dag.web.index import Bools, PageIndex, find_repeats
from opencoder_dag.web.pages import PageSource
from opencoder_dag.web.rounds import Loop, Round, recall_on_sites
from opencoder_dag.web.seed import SeedLabels, split_seed
from opencoder_dag.web.verdicts import first_rounds, verdict_rows
from opencoder_dag.web.workspace import CURVE_COLUMNS, Progress, Workspace

VERSION = "4"
EXAMPLES = 8
EXAMPLE_CHARACTERS = 400
TOP_DOMAINS = 30


def recall(
    lake: Lake,
    pages: PageSource,
    config: RecallConfig,
    shard_bytes: int,
    engine: Engine,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    extracted_lake: Lake | None = None,
) -> Dataset:
    """Recall the pages about code.

    Kept are the pages that the last round's classifier puts above its threshold, and pages below it on sites
    that are about code (`site_prior`), with `url`, `domain`, `natural_language`, `score` and `round`; removed
    are repeats and refused pages with their score; quarantined are damaged records. The text of all pages is
    kept, and looked for, in `extracted_lake`, by default the lake itself. Raises `InputError` when the input
    has too few pages to learn from.
    """
    stage = Stage("web_recall", VERSION, config.config() | _files_named(config), {"pages": pages.digest})
    if (ready := lake.find(stage)) is not None:
        return ready
    started = time.monotonic()
    progress = Progress(on_progress, len(pages.files), config.rounds)
    extracted = extract_pages(
        extracted_lake or lake, pages, config.extraction, shard_bytes, engine, progress.advance
    )
    progress.know_shards(len(extracted.manifest.shards))
    work = Workspace(lake.folder(stage), extracted, config, engine, progress)
    index = PageIndex.of(iterate_pages(extracted))
    repeats = find_repeats(index)
    usable = np.ones(len(index), bool)
    usable[list(repeats)] = False
    work.segment(index, usable)
    labels = work.labels(index, usable)
    split = split_seed(index, labels, usable, config.seed, config.held_out)
    loop = Loop(index, usable, labels, split, config)
    rounds = loop.run(partial(work.train, index), partial(work.score, index))
    for done in rounds:
        work.write_round(done)
    last = rounds[-1]
    threshold = last.operating.threshold
    recalled = recall_on_sites(index, usable, last.scores, threshold, config.domains)
    verdicts = verdict_rows(repeats, last.scores, threshold, recalled, first_rounds(rounds), last.number)
    reports = work.write_output(index, verdicts)
    facts = _facts(
        index, usable, recalled, rounds, labels, split.negatives_from_positive_domains, extracted, work
    )
    dataset = finish(lake, stage, reports, time.monotonic() - started, facts)
    work.clean_up()
    return dataset


def _files_named(config: RecallConfig) -> dict[str, Any]:
    """Digests of the files that the configuration names: what they say is part of what is run."""
    digests = {}
    for key, path in config.files().items():
        file = Path(path) / "tokenizer.json" if Path(path).is_dir() else Path(path)
        try:
            digests[key] = hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError as error:
            raise InputError(f"{key}: {file}: {error.strerror}") from None
    return {"files": digests} if digests else {}


def _facts(
    index: PageIndex,
    usable: Bools,
    recalled: Bools,
    rounds: list[Round],
    labels: SeedLabels,
    borrowed: int,
    extracted: Dataset,
    work: Workspace,
) -> dict[str, Any]:
    """What the report shows: rounds table, curves, domains, patterns, examples."""
    last = rounds[-1]
    domains = [site for site in last.sites if not site.host]
    return {
        "seed": {**labels.facts, "negatives_from_positive_domains": borrowed},
        "recalled_by_site": int((recalled & ~last.recalled).sum()),
        "rounds": [done.facts() for done in rounds],
        "curves": [
            {"round": done.number, "columns": CURVE_COLUMNS, "points": thin(done.points)} for done in rounds
        ],
        "domains": len(domains),
        "top_domains": [
            {
                "domain": site.domain,
                "pages": site.pages,
                "recalled": site.recalled,
                "code_related": site.code_related,
            }
            for site in domains[:TOP_DOMAINS]
        ],
        "patterns": [pattern.row() for pattern in last.patterns if pattern.accepted][:TOP_DOMAINS],
        "examples": {
            "accepted": _examples(index, last, recalled, work),
            "refused": _examples(index, last, usable & ~recalled, work),
        },
        "extraction": {
            "fingerprint": extracted.manifest.fingerprint,
            "reused": extracted.reused,
            **{key: extracted.manifest.facts[key] for key in ("files", "skipped_records")},
        },
    }


def _examples(index: PageIndex, last: Round, mask: Bools, work: Workspace) -> list[dict[str, Any]]:
    """Some pages to look at, drawn by hash."""
    pages = index.draw(mask, EXAMPLES)
    return [
        {
            "url": index.url[page],
            "score": round(float(last.scores[page]), 4),
            "text": text[:EXAMPLE_CHARACTERS],
        }
        for page, text in zip(pages.tolist(), work.texts(index, pages), strict=True)
    ]
