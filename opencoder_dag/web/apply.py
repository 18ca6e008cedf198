"""Stage `web_applied`: a classifier that a recall trained, applied to other pages."""

from __future__ import annotations

import time
from collections.abc import Callable

import fsspec
import numpy as np

from opencoder_dag.engine import Engine
from opencoder_dag.errors import InputError
from opencoder_dag.lake import Dataset, Lake, Stage, exists, finish, open_dataset, write_bytes
from opencoder_dag.web.config import RecallConfig
from opencoder_dag.web.extraction import extract_pages, iterate_pages
from opencoder_dag.web.index import PageIndex, find_repeats
from opencoder_dag.web.pages import PageSource
from opencoder_dag.web.verdicts import verdict_rows
from opencoder_dag.web.workspace import SEGMENTER, Progress, Workspace, model_file

VERSION = "1"


def apply_recall(
    lake: Lake,
    model_dir: str,
    pages: PageSource,
    config: RecallConfig,
    shard_bytes: int,
    engine: Engine,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Dataset:
    """Recall pages with the last classifier and the threshold of the recall in `model_dir`.

    The output has the form of `recall`'s and holds the classifier too, so that it can be applied again. Of
    the configuration only the extraction counts. Raises `InputError` when `model_dir` is not the folder of a
    finished recall.
    """
    model = open_dataset(model_dir)
    rounds = model.manifest.facts.get("rounds")
    if not rounds or not exists(model.file(model_file(rounds[-1]["round"]))):
        raise InputError(f"{model_dir}: not the folder of a web recall (no classifier in it)")
    number, threshold = rounds[-1]["round"], rounds[-1]["threshold"]
    inputs = {"pages": pages.digest, "model": model.digest}
    stage = Stage("web_applied", VERSION, config.extraction.config(), inputs)
    if (ready := lake.find(stage)) is not None:
        return ready
    started = time.monotonic()
    progress = Progress(on_progress, len(pages.files), 1)
    extracted = extract_pages(lake, pages, config.extraction, shard_bytes, engine, progress.advance)
    progress.know_shards(len(extracted.manifest.shards))
    work = Workspace(lake.folder(stage), extracted, config, engine, progress)
    for name in (SEGMENTER, model_file(number)):
        with fsspec.open(model.file(name), "rb") as handle:
            write_bytes(f"{work.folder}/{name}", handle.read())
    index = PageIndex.of(iterate_pages(extracted))
    work.cut_into_tokens()
    scores = work.score(index, number)
    recalled_in = np.where(scores >= threshold, number, 0).astype(np.int32)
    reports = work.write_output(index, verdict_rows(find_repeats(index), scores, threshold, recalled_in))
    facts = {
        "rounds": [rounds[-1]],
        "model": {"digest": model.digest, "fingerprint": model.manifest.fingerprint},
        "extraction": dict(extracted.manifest.facts),
    }
    dataset = finish(lake, stage, reports, time.monotonic() - started, facts)
    work.clean_up()
    return dataset
