"""Stage `web_applied`: a classifier that a recall trained, applied to other pages."""

from __future__ import annotations

import time
from collections.abc import Callable

import fsspec
import numpy as np
from pydantic import ValidationError

from opencoder_dag.engine import Engine
from opencoder_dag.errors import InputError
from opencoder_dag.lake import Dataset, Lake, Stage, exists, open_dataset, write_bytes
from opencoder_dag.shards import finish
from opencoder_dag.web.config import RecallConfig
from opencoder_dag.web.extraction import extract_pages, iterate_pages
from opencoder_dag.web.index import PageIndex, find_repeats
from opencoder_dag.web.pages import PageSource
from opencoder_dag.web.rounds import find_sites, recall_on_sites
from opencoder_dag.web.verdicts import verdict_rows
from opencoder_dag.web.workspace import SEGMENTER, Progress, Workspace, model_file

VERSION = "2"


def apply_recall(
    lake: Lake,
    model_dir: str,
    pages: PageSource,
    config: RecallConfig,
    shard_bytes: int,
    engine: Engine,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    extracted_lake: Lake | None = None,
) -> Dataset:
    """Recall pages with the last classifier and the threshold of the recall in `model_dir`.

    The output has the form of `recall`'s and holds the classifier too, so that it can be applied again. Of
    the configuration only the extraction counts. `extracted_lake` is as in `recall`. Raises `InputError` when
    `model_dir` is not the folder of a finished recall.
    """
    model = open_dataset(model_dir)
    rounds = model.manifest.facts.get("rounds")
    if not rounds or not exists(model.file(model_file(rounds[-1]["round"]))):
        raise InputError(f"{model_dir}: not the folder of a web recall (no classifier in it)")
    number, threshold = rounds[-1]["round"], rounds[-1]["threshold"]
    used = _config_of(model).model_copy(update={"extraction": config.extraction})
    inputs = {"pages": pages.digest, "model": model.digest}
    stage = Stage("web_applied", VERSION, used.config(), inputs)
    if (ready := lake.find(stage)) is not None:
        return ready
    started = time.monotonic()
    progress = Progress(on_progress, len(pages.files), 1)
    extracted = extract_pages(
        extracted_lake or lake, pages, config.extraction, shard_bytes, engine, progress.advance
    )
    progress.know_shards(len(extracted.manifest.shards))
    work = Workspace(lake.folder(stage), extracted, used, engine, progress)
    for name in (SEGMENTER, model_file(number)):
        with fsspec.open(model.file(name), "rb") as handle:
            write_bytes(f"{work.folder}/{name}", handle.read())
    index = PageIndex.of(iterate_pages(extracted))
    work.cut_into_tokens()
    scores = work.score(index, number)
    repeats = find_repeats(index)
    usable = np.ones(len(index), bool)
    usable[list(repeats)] = False
    recalled = recall_on_sites(index, usable, scores, threshold, used.domains)
    sites, patterns = find_sites(index, usable, scores >= threshold, used.domains)
    first_round = np.where(recalled, number, 0).astype(np.int32)
    verdicts = verdict_rows(repeats, scores, threshold, recalled, first_round, number)
    reports = work.write_output(index, verdicts)
    facts = {
        "rounds": [rounds[-1]],
        "code_domains": sum(site.code_related for site in sites if not site.host),
        "patterns": sum(pattern.accepted for pattern in patterns),
        "model": {"digest": model.digest, "fingerprint": model.manifest.fingerprint},
        "extraction": dict(extracted.manifest.facts),
    }
    dataset = finish(lake, stage, reports, time.monotonic() - started, facts)
    work.clean_up()
    return dataset


def _config_of(model: Dataset) -> RecallConfig:
    """What the recall of a classifier was told; raises `InputError` for one of another version."""
    told = {key: value for key, value in model.manifest.config.items() if key != "files"}
    try:
        return RecallConfig.model_validate(told)
    except ValidationError as error:
        key = ".".join(map(str, error.errors()[0]["loc"]))
        raise InputError(f"{model.path}: of another version (setting {key}); recall again") from None
