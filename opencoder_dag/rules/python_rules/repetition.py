"""Repetition: files whose statements repeat one another.

Such files were found from an abnormally low loss, for example hundreds of `if` branches (methods page,
section 1.2). A statement's shape is its tokens without literals; a file repeats where shapes come round with
a period of a few statements. In chains of branches the names may differ as well.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from opencoder_dag.rules.python_rules.scan import Scan

MAX_PERIOD = 12  # statements
MIN_REPEATS = 50  # how often a period has to come round
MIN_BRANCHES = 100  # branches in repeating stretches from which names are not looked at
MIN_SHARE = 0.5  # of the statements of the file, in such stretches


@nb.njit(cache=True, nogil=True)
def repeating(shapes: NDArray[np.uint64], max_period: int, min_repeats: int) -> NDArray[np.bool_]:
    """Which statements lie in a stretch where a period of up to `max_period` comes round so often."""
    size = shapes.size
    inside = np.zeros(size, dtype=np.bool_)
    for period in range(1, max_period + 1):
        start = 0
        for index in range(period, size + 1):
            if index < size and shapes[index] == shapes[index - period]:
                continue
            if index - start >= min_repeats * period:
                inside[start:index] = True
            start = index - period + 1
    return inside


def repetition(scan: Scan) -> dict[str, Any] | None:
    """Evidence that a text repeats, or None."""
    statements = scan.shapes.size
    if statements < MIN_REPEATS:
        return None
    same = repeating(scan.shapes, MAX_PERIOD, MIN_REPEATS)
    share = float(same.mean())
    if share > MIN_SHARE:
        return {"measure": "statements", "value": round(share, 4), "threshold": MIN_SHARE}
    alike = repeating(scan.outlines, MAX_PERIOD, MIN_REPEATS)
    branches = int((scan.outlines[alike] & np.uint64(1)).sum())
    if float(alike.mean()) > MIN_SHARE and branches >= MIN_BRANCHES:
        return {"measure": "branches", "value": branches, "threshold": MIN_BRANCHES}
    return None
