"""How near duplicates are looked for: permutations, bands and rows, and what that choice can find.

Belongs here: the presets and their detection curves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opencoder_dag import recipe

CURVE = tuple(round(0.02 * step, 2) for step in range(51))  # similarities at which a curve is reported


@dataclass(frozen=True)
class Preset:
    """MinHash permutations cut into `bands` bands of `rows` rows; two texts meet when one band agrees.

    A text goes when its exact Jaccard similarity to a kept text that it meets is at least `similarity`.
    """

    permutations: int
    bands: int
    rows: int
    similarity: float = 0.7


PRESETS = {
    # OpenCoder, section 2.2: finds near-identical files only (even odds at 0.975).
    "opencoder": Preset(permutations=2048, bands=16, rows=128),
    # The Stack v2: threshold 0.7 with 256 permutations; datasketch's optimiser cuts them into 25 x 10.
    "stack": Preset(permutations=256, bands=25, rows=10),
    # So many bands that exact verification alone decides: 0.9999 of the pairs at 0.7 meet. Copies that are
    # each 0.7 like their origin are less like each other, and the one with most stars may be such a copy; so
    # this preset draws the line where two texts share three quarters of their shingles.
    "verified": Preset(permutations=256, bands=51, rows=5, similarity=0.61),
}


def preset_of(config: recipe.Dedup) -> Preset:
    """The preset of a recipe, or the numbers it gives itself."""
    if config.preset == "custom":
        preset = Preset(config.permutations or 0, config.bands or 0, config.rows or 0)
    else:
        preset = PRESETS[config.preset]
    return preset if config.similarity is None else replace(preset, similarity=config.similarity)


def detection_curve(bands: int, rows: int, similarities: Sequence[float]) -> NDArray[np.float64]:
    """Probability that two texts of each Jaccard similarity become candidates: 1 - (1 - s**rows)**bands."""
    s = np.asarray(similarities, np.float64)
    # log1p and expm1 keep the small probabilities of long bands, which plain powers round to zero.
    with np.errstate(divide="ignore"):
        return -np.expm1(bands * np.log1p(-(s**rows)))


def curve_facts(preset: Preset) -> dict[str, Any]:
    """The preset and points of its detection curve, for the manifest and the plot."""
    return {
        "permutations": preset.permutations,
        "bands": preset.bands,
        "rows": preset.rows,
        "threshold": preset.similarity,
        "similarity": list(CURVE),
        "probability": [round(float(p), 6) for p in detection_curve(preset.bands, preset.rows, CURVE)],
    }
