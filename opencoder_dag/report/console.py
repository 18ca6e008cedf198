"""What the terminal shows: a progress bar while a stage works, one line when it is done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from opencoder_dag.lake import Dataset

# Without a terminal there is no width to fit into; tables then take what they need.
console = Console(stderr=True, highlight=False, soft_wrap=True, width=None if sys.stderr.isatty() else 160)


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a callback (done, total) that moves a progress bar; without a terminal it shows nothing."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def stage_line(asset: str, recipe: str | None, dataset: Dataset, seconds: float) -> str:
    """One line on a finished stage: counts, seconds, reused or not."""
    counts, facts = dataset.manifest.counts, dataset.manifest.facts
    parts = [f"{asset:<16}", f"{recipe or '':<12}"]
    if "steps" in facts:
        trained = f"steps {facts['steps']:>5,}  tokens {facts['tokens']:>9,}  loss {facts['loss']:.4f}"
        parts.append(f"{trained:<63}")
    elif "in" in counts:
        parts.append(f"in {counts['in']:>7,}  kept {counts['kept']:>7,}  removed {counts['removed']:>6,}")
        parts.append(f"quarantined {counts['quarantined']:>3,}" if counts["quarantined"] else " " * 15)
    parts.append("reused" if dataset.reused else f"{seconds:5.1f} s")
    return "  ".join(parts)
