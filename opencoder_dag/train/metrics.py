"""The metrics of a training: JSON lines that the child appends and anyone may follow.

A training line has step, steps, phase, tokens, loss (nats a token), learning_rate, grad_norm,
tokens_per_second and elapsed (seconds); an evaluation line has step, tokens and held_out_loss.
"""

from __future__ import annotations

import json
import shutil
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
        """Cut the file back to what it was at a checkpoint, or to nothing."""
        if checkpoint_copy is None:
            self.path.write_bytes(b"")
        else:
            shutil.copyfile(checkpoint_copy, self.path)

    def append(self, **values: Any) -> None:
        """Write one line; it is there whole or not at all for a reader of whole lines."""
        with self.path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(values) + "\n")


class Tail:
    """Follows a metrics file while it grows, and when it is cut back starts again where it was cut."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.position = path.stat().st_size if path.exists() else 0

    def new_lines(self) -> Iterator[dict[str, Any]]:
        """Whole lines that were added since the last call."""
        if not self.path.exists():
            return
        with self.path.open("rb") as handle:
            size = self.path.stat().st_size
            self.position = min(self.position, size)
            handle.seek(self.position)
            data = handle.read(size - self.position)
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
