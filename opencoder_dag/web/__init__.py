"""Web recall: crawl records in, text about code out, with the domains and patterns that were found.

Start with `recall.py` (the stage) and `rounds.py` (the loop); `pages.py` says where pages come from.
"""

from opencoder_dag.web.apply import apply_recall
from opencoder_dag.web.config import RecallConfig
from opencoder_dag.web.pages import PageSource, page_source
from opencoder_dag.web.recall import recall
from opencoder_dag.web.recall_file import load_recall

__all__ = ["PageSource", "RecallConfig", "apply_recall", "load_recall", "page_source", "recall"]
