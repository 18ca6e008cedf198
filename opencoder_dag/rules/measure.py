"""Signals as columns: what every rule would see of every document, nothing removed.

For those who tune thresholds: try them with a query on the columns instead of running the filter again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from opencoder_dag.document import QUARANTINED_SCHEMA, REMOVED_SCHEMA, Judged
from opencoder_dag.engine import Engine
from opencoder_dag.lake import Dataset, Lake, Stage
from opencoder_dag.rules.natural_language import natural_language
from opencoder_dag.rules.signal import all_signals, signal_named
from opencoder_dag.rules.source_file import SourceFile
from opencoder_dag.shards import map_shards

VERSION = "3"


def measure_corpus(
    lake: Lake,
    inputs: Sequence[Dataset],
    engine: Engine,
    signals: Sequence[str] = (),
    released: bool = False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Dataset:
    """Write the stage `rule_signals`: every document, with one nullable float64 column a signal.

    `signals` names those wanted, by default all 118; flags are 0 and 1. A value is null where the signal does
    not apply, is undefined or fails; the facts count the failures by signal. Raises `InputError` for a name
    that is no signal.
    """
    names = tuple(signals) or tuple(all_signals())
    for name in names:
        signal_named(name, "signals")
    stage = Stage(
        name="rule_signals",
        version=VERSION,
        config={"signals": names, "released": released},
        inputs={f"{index}.{given.manifest.stage}": given.digest for index, given in enumerate(inputs)},
    )
    return map_shards(lake, stage, inputs, _Measure(names, released), engine, on_progress)


@dataclass(frozen=True)
class _Measure:
    """Measures one shard; picklable and deterministic."""

    names: tuple[str, ...]
    released: bool

    def __call__(self, table: pa.Table) -> Judged:
        """The shard with the columns added."""
        columns: dict[str, list[float | None]] = {name: [] for name in self.names}
        failures: dict[str, int] = {}
        chosen = [all_signals()[name] for name in self.names]
        for row in table.select(["content", "path", "language", "doc_type", "size"]).to_pylist():
            text = row["content"]
            kind = natural_language(text) if row["doc_type"] == "text" else "en"
            file = SourceFile(
                text,
                row["path"],
                row["language"],
                row["doc_type"],
                size=row["size"],
                natural_language=kind,
                released=self.released,
            )
            for signal in chosen:
                value = None
                try:
                    value = signal.compute(file) if signal.applies_to(file) else None
                except Exception:
                    failures[signal.name] = failures.get(signal.name, 0) + 1
                columns[signal.name].append(None if value is None else float(value))
        for name, values in columns.items():
            table = table.append_column(pa.field(name, pa.float64()), pa.array(values, pa.float64()))
        empty = REMOVED_SCHEMA.empty_table(), QUARANTINED_SCHEMA.empty_table()
        return Judged(table, *empty, facts={"failures": dict(sorted(failures.items()))})
