"""Plots that people look at instead of reading: PNG bytes from plain numbers.

Belongs here: how things are drawn. What is drawn is gathered by the caller.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

PALETTE = ("#3b6fb6", "#d1662f", "#4a9b5f", "#8a5fb0", "#b23a48", "#7a7a7a", "#c79a2b", "#2f8f9d")
Curve = Sequence[tuple[float, float]]
Band = Sequence[tuple[float, float, float]]  # x, low, high


def bars(values: Mapping[str, float], title: str, unit: str, most: int = 15) -> bytes:
    """Horizontal bars, longest first; what is beyond `most` is summed up as one bar."""
    ranked = sorted(values.items(), key=lambda item: (-item[1], item[0]))
    shown = ranked[:most]
    if len(ranked) > most:
        shown.append((f"{len(ranked) - most} others", sum(value for _, value in ranked[most:])))
    shown.reverse()
    figure, axes = _figure(title, height=1.4 + 0.28 * max(len(shown), 3))
    axes.barh([name for name, _ in shown], [value for _, value in shown], color=PALETTE[0])
    axes.set_xlabel(unit)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
    axes.grid(axis="x", alpha=0.3)
    return _png(figure)


def grouped_bars(values: Mapping[str, Mapping[str, float]], title: str, unit: str) -> bytes:
    """Groups of vertical bars: outer keys are the groups, inner keys the colours."""
    groups = list(values)
    names = sorted({name for inner in values.values() for name in inner})
    figure, axes = _figure(title, width=max(7.0, 1.3 * len(groups) + 3))
    width = 0.8 / max(len(names), 1)
    for index, name in enumerate(names):
        places = [group + (index - (len(names) - 1) / 2) * width for group in range(len(groups))]
        heights = [values[group].get(name, 0.0) for group in groups]
        axes.bar(places, heights, width, label=name, color=PALETTE[index % len(PALETTE)])
    axes.set_xticks(range(len(groups)), groups)
    axes.set_ylabel(unit)
    axes.grid(axis="y", alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
    return _png(figure)


def curves(
    lines: Mapping[str, Curve],
    title: str,
    x: str,
    y: str,
    *,
    log_y: bool = False,
    log_x: bool = False,
    bands: Mapping[str, Band] | None = None,
) -> bytes:
    """Lines over a common pair of axes; `bands` are shaded in the colour of the line of their name."""
    figure, axes = _figure(title)
    for index, (name, points) in enumerate(lines.items()):
        if points:
            xs, ys = zip(*points, strict=True)
            style = "." if len(points) == 1 else "-"
            colour = PALETTE[index % len(PALETTE)]
            axes.plot(xs, ys, style, label=name, color=colour, linewidth=1.6)
            if bands and name in bands:
                places, lows, highs = zip(*bands[name], strict=True)
                axes.fill_between(places, lows, highs, color=colour, alpha=0.15, linewidth=0)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if log_y:
        axes.set_yscale("log")
    if log_x:
        axes.set_xscale("log")
    else:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
    axes.grid(alpha=0.3)
    if len(lines) > 1:
        axes.legend(frameon=False, fontsize=8)
    return _png(figure)


def scatter(clouds: Mapping[str, NDArray[Any]], title: str, x: str, y: str) -> bytes:
    """Clouds of points, each of shape (points, 2), over one pair of axes."""
    figure, axes = _figure(title, width=6.0, height=5.0)
    for index, (name, points) in enumerate(clouds.items()):
        axes.scatter(
            points[:, 0], points[:, 1], s=9, alpha=0.45, label=name, color=PALETTE[index], linewidths=0
        )
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.legend(frameon=False, fontsize=8)
    return _png(figure)


def markdown_image(image: bytes, alt: str) -> str:
    """A PNG as Markdown that carries its own data, for pages that load nothing else."""
    return f"![{alt}](data:image/png;base64,{base64.b64encode(image).decode()})"


def short_number(value: float) -> str:
    """1234567 as 1.2M."""
    for limit, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{suffix}"
    return f"{value:.3g}"


def _figure(title: str, width: float = 7.0, height: float = 3.8) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained", dpi=110)
    axes = figure.subplots()
    axes.set_title(title, fontsize=11, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    return figure, axes


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
