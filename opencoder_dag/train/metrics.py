"""The metrics of a training: JSON lines that the child appends and anyone may follow.

A training line has step, steps, phase, tokens, loss (nats a token), learning_rate, grad_norm,
tokens_per_second, gigaflops (of the model, a second, by all processes), model_flop_utilisation where the peak
of the device is known, and elapsed (seconds); an evaluation line has step, tokens and held_out_loss.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CURVE_POINTS = 200


class MetricsFile:
    """Appends lines to `metrics.jsonl`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def start_over(self, checkpoint_copy: Path | None) -> None:
        """Put a new file in its place: what was written up to a checkpoint, or nothing."""
        beside = self.path.with_name(f".{self.path.name}.tmp")
        beside.write_bytes(b"" if checkpoint_copy is None else checkpoint_copy.read_bytes())
        beside.replace(self.path)

    def append(self, **values: Any) -> None:
        """Write one line; it is there whole or not at all for a reader of whole lines."""
        with self.path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(values) + "\n")


class Tail:
    """Follows a metrics file while it grows.

    What was there at first is left out. A file that is put in its place, by a training that goes on from a
    checkpoint, is told from its start, so that no line of it is missed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        found = path.stat() if path.exists() else None
        self.file = found.st_ino if found else None
        self.position = found.st_size if found else 0

    def new_lines(self) -> Iterator[dict[str, Any]]:
        """Whole lines that were added since the last call."""
        try:
            handle = self.path.open("rb")
        except FileNotFoundError:
            return
        with handle:
            file = os.fstat(handle.fileno()).st_ino
            if file != self.file:
                self.file, self.position = file, 0
            handle.seek(self.position)
            data = handle.read()
        whole = data.rfind(b"\n") + 1
        self.position += whole
        for line in data[:whole].splitlines():
            yield json.loads(line)


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """All whole lines of a metrics file."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def loss_curve(lines: list[dict[str, Any]], points: int = CURVE_POINTS) -> list[dict[str, Any]]:
    """The training loss in at most `points` points: means over equal stretches of steps of one phase."""
    training = [line for line in lines if "loss" in line]
    stretch = -(-len(training) // points) or 1
    curve = []
    for at in range(0, len(training), stretch):
        part = training[at : at + stretch]
        curve.append(
            {
                "step": part[-1]["step"],
                "tokens": part[-1]["tokens"],
                "phase": part[-1]["phase"],
                "loss": round(sum(line["loss"] for line in part) / len(part), 6),
                "learning_rate": part[-1]["learning_rate"],
            }
        )
    return curve
