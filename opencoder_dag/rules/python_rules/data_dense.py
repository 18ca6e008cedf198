"""Data-dense literals: files that are data in the form of Python.

Such files were found from loss spikes; the example is a DNA string broken by continuations (methods page,
section 1.2). Patterns for encoded data alone miss most of them (section 4.1), so that literals are measured
after joining what is continued, added or wrapped.
"""

from __future__ import annotations

from typing import Any

from opencoder_dag.rules.python_rules.scan import Scan

# An unbroken run of this many bytes, as in encoded data, that is also this share of the code.
RUN_BYTES = 1024  # The Stack v2, section 4.1
RUN_SHARE = 0.25
# Runs of 64 bytes or more, as share of the code of a file that is not tiny.
DENSE_SHARE = 0.5
# Numeric literals in a row, in a file mostly of literals.
NUMBER_RUN = 500
NUMBER_SHARE = 0.6
# Literals as share of the code, where they are no prose: few blanks in the strings.
LITERAL_SHARE = 0.9
PROSE_BLANKS = 0.05
MIN_CODE = 1000  # bytes; smaller files are not judged by a share


def data_dense(scan: Scan) -> dict[str, Any] | None:
    """Evidence that a text is data, with the measure that says so, or None."""
    if not scan.code:
        return None
    literal, dense = scan.literal / scan.code, scan.dense / scan.code
    if scan.longest_dense > RUN_BYTES and dense > RUN_SHARE:
        return {"measure": "unbroken_run", "value": scan.longest_dense, "threshold": RUN_BYTES}
    if scan.code < MIN_CODE:
        return None
    if dense > DENSE_SHARE:
        return {"measure": "unbroken_share", "value": round(dense, 4), "threshold": DENSE_SHARE}
    if scan.number_run > NUMBER_RUN and literal > NUMBER_SHARE:
        return {"measure": "number_run", "value": scan.number_run, "threshold": NUMBER_RUN}
    if literal > LITERAL_SHARE and scan.blanks < PROSE_BLANKS * scan.literal:
        return {"measure": "literal_share", "value": round(literal, 4), "threshold": LITERAL_SHARE}
    return None
