"""A recall in a process that a test can kill: `python -m tests.web.recall_process LAKE WARCS`."""

from __future__ import annotations

import sys

from opencoder_dag.engine import SerialEngine
from opencoder_dag.lake import Lake
from opencoder_dag.web import RecallConfig, page_source, recall
from opencoder_dag.web.config import Classifier

CONFIG = RecallConfig(classifier=Classifier(vocabulary=600, buckets=2000, dimension=8, epochs=10))
SMALL_SHARDS = 20_000  # bytes: many shards, so that there is much to be interrupted

if __name__ == "__main__":
    lake, pages = sys.argv[1:]
    recall(Lake(lake), page_source(pages), CONFIG, SMALL_SHARDS, SerialEngine())
