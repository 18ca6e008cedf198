"""Rules: which documents are worth training on, and the evidence for each that is not.

The room of the RefineCode signals and thresholds (OpenCoder, section 3), of Zhusuan's Python rules, and of
the stage `filtered_corpus` that applies them after the transformation of `opencoder_dag.clean`.
"""

from __future__ import annotations

from opencoder_dag.rules.corpus import filter_corpus
from opencoder_dag.rules.judge import Explained, explain, judge_file
from opencoder_dag.rules.measure import measure_corpus
from opencoder_dag.rules.source_file import SourceFile

__all__ = ["Explained", "SourceFile", "explain", "filter_corpus", "judge_file", "measure_corpus"]
