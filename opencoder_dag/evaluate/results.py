"""What an evaluation found: scores with their intervals, a row a problem, a row a document.

Belongs here: from judgements and bits to the tables and files of the stage.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from opencoder_dag.evaluate.judge import Judgement
from opencoder_dag.evaluate.local_model import Bits
from opencoder_dag.evaluate.statistics import bootstrap_ratio, pass_at_k, share_interval
from opencoder_dag.evaluate.suites import Suite
from opencoder_dag.lake import write_table

PROBLEMS_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string()),  # the problem's id in its suite
        pa.field("suite", pa.string()),
        pa.field("group", pa.string()),
        pa.field("samples", pa.int32()),
        pa.field("correct", pa.int32()),
        pa.field("verdicts", pa.list_(pa.string())),
        pa.field("details", pa.list_(pa.string())),
        pa.field("solutions", pa.list_(pa.large_string())),
        pa.field(
            "reference_bits", pa.float64()
        ),  # of the reference solution after its prompt, null if unknown
        pa.field("reference_bytes", pa.int64()),
    ]
)
HELD_OUT_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string()),
        pa.field("language", pa.string()),
        pa.field("bits", pa.float64()),
        pa.field("bytes", pa.int64()),
    ]
)
SCORES, PROBLEMS, HELD_OUT = "scores.json", "problems.parquet", "held_out.parquet"


class Results:
    """Scores, intervals and tables, gathered suite by suite."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.scores: dict[str, float] = {}
        self.intervals: dict[str, tuple[float, float]] = {}
        self.verdicts: dict[str, dict[str, int]] = {}
        self.completions: dict[str, str] = {}
        self.problems: list[dict[str, Any]] = []
        self.documents: list[dict[str, Any]] = []

    def add_suite(self, suite: Suite, judged: Sequence[Judgement], bits: Sequence[Bits] | None) -> None:
        """Scores of a suite and of its groups, and a row a problem; `bits` are those of the references."""
        groups: dict[str, list[int]] = {"": list(range(len(judged)))}
        for index, judgement in enumerate(judged):
            if judgement.problem.group:
                groups.setdefault(judgement.problem.group, []).append(index)
        samples = min(len(one.verdicts) for one in judged)
        for k in (k for k in (1, 10, 100) if k <= samples):
            shares = [pass_at_k(len(one.verdicts), one.correct, k) for one in judged]
            metric = "accuracy" if suite.spec.metric == "accuracy" else f"pass@{k}"
            for group, members in groups.items():
                name = ".".join(filter(None, (suite.name, group, metric)))
                values = [shares[index] for index in members]
                self._add(name, sum(values) / len(values), share_interval(values, self.seed))
        if bits is not None:
            for group, members in groups.items():
                name = ".".join(filter(None, (suite.name, group, "bits_per_byte")))
                self._add_bits(name, [bits[index] for index in members])
        counts = self.verdicts.setdefault(suite.name, {})
        costs: Sequence[Bits | None] = bits or [None] * len(judged)
        for judgement, cost in zip(judged, costs, strict=True):
            for verdict in judgement.verdicts:
                counts[verdict] = counts.get(verdict, 0) + 1
            self.problems.append(
                {
                    "doc_id": judgement.problem.task_id,
                    "suite": suite.name,
                    "group": judgement.problem.group,
                    "samples": len(judgement.verdicts),
                    "correct": judgement.correct,
                    "verdicts": list(judgement.verdicts),
                    "details": list(judgement.details),
                    "solutions": list(judgement.solutions),
                    "reference_bits": round(cost.bits, 3) if cost else None,
                    "reference_bytes": cost.bytes if cost else None,
                }
            )

    def add_held_out(self, documents: Sequence[dict[str, Any]], bits: Sequence[Bits]) -> None:
        """Bits a byte of held-out documents, together and by language, and a row a document."""
        languages: dict[str, list[Bits]] = {}
        for document, cost in zip(documents, bits, strict=True):
            languages.setdefault(document["language"], []).append(cost)
            self.documents.append(
                {
                    "doc_id": document["doc_id"],
                    "language": document["language"],
                    "bits": round(cost.bits, 3),
                    "bytes": cost.bytes,
                }
            )
        if documents:
            self._add_bits("held_out.bits_per_byte", bits)
        for language in sorted(languages):
            self._add_bits(f"held_out.bits_per_byte.{language.lower()}", languages[language])

    def _add(self, name: str, value: float, interval: tuple[float, float]) -> None:
        self.scores[name] = round(value, 6)
        self.intervals[name] = (round(interval[0], 6), round(interval[1], 6))

    def _add_bits(self, name: str, costs: Sequence[Bits]) -> None:
        bits, sizes = [cost.bits for cost in costs], [float(cost.bytes) for cost in costs]
        if sum(sizes) > 0:
            self._add(name, sum(bits) / sum(sizes), bootstrap_ratio(bits, sizes, self.seed))

    def counts(self) -> dict[str, int]:
        """Problems, as a manifest counts."""
        return {"in": len(self.problems), "kept": len(self.problems), "removed": 0, "quarantined": 0}

    def write(self, folder: Path) -> None:
        """The three files of the stage."""
        content = {"scores": self.scores, "intervals": self.intervals, "verdicts": self.verdicts}
        (folder / SCORES).write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")
        write_table(str(folder / PROBLEMS), pa.Table.from_pylist(self.problems, schema=PROBLEMS_SCHEMA))
        write_table(str(folder / HELD_OUT), pa.Table.from_pylist(self.documents, schema=HELD_OUT_SCHEMA))
