"""Jupyter notebooks as structured text: markdown, code and results, cell by cell.

OpenCoder keeps notebooks in this form and drops the plain-script one (section 2.2). Belongs here: reading the
two layouts that the notebook format has had, and writing a cell. Images, HTML and colours are left out; what
a cell printed is cut where it gets long.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from opencoder_dag.sources.languages import Language

NOTEBOOK = Language("jupyter notebook", "code")

START, TEXT, CODE, OUTPUT = "<jupyter_start>", "<jupyter_text>", "<jupyter_code>", "<jupyter_output>"
MAX_OUTPUT = 2000  # characters of one cell's results

_COLOURS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_NOT_TEXT = re.compile("[\0\ud800-\udfff]")  # JSON can spell characters that no text file can hold


def is_notebook(path: str) -> bool:
    """Whether a path names a notebook."""
    return path.endswith(".ipynb")


def notebook_text(content: str) -> str:
    """A notebook as text: each cell after a line that says what it is; empty when no cell has content.

    Raises `ValueError` in one line for what is not JSON, not a notebook, or nested too deep.
    """
    try:
        notebook = json.loads(content)
    except RecursionError:
        raise ValueError("JSON nested too deep") from None
    parts = [part for cell in _cells(notebook) for part in _cell_parts(cell)]
    if not parts:
        return ""
    lines = [START, *(line for marker, text in parts for line in (marker, text.rstrip("\n")))]
    return _NOT_TEXT.sub("\N{REPLACEMENT CHARACTER}", "\n".join(lines)) + "\n"


def _cells(notebook: Any) -> list[dict[str, Any]]:
    """Cells of format 4, or of the worksheets of format 3."""
    if not isinstance(notebook, dict):
        raise ValueError(f"holds {type(notebook).__name__}, not an object")
    sheets = [notebook] if "cells" in notebook else notebook.get("worksheets")
    if not isinstance(sheets, list) or not all(isinstance(sheet, dict) for sheet in sheets):
        raise ValueError("has neither cells nor worksheets")
    cells = [cell for sheet in sheets for cell in _list(sheet.get("cells"))]
    if not all(isinstance(cell, dict) for cell in cells):
        raise ValueError("a cell is not an object")
    return cells


def _cell_parts(cell: dict[str, Any]) -> Iterator[tuple[str, str]]:
    kind = cell.get("cell_type")
    source = _text(cell.get("source", cell.get("input")))
    if kind == "heading":
        level = cell.get("level")
        source = "#" * (level if isinstance(level, int) and 0 < level < 7 else 1) + " " + source
    if source.strip():
        yield (CODE if kind == "code" else TEXT), source
    if kind == "code":
        results = "".join(_result(output) for output in _list(cell.get("outputs")))
        if results.strip():
            yield OUTPUT, results if len(results) <= MAX_OUTPUT else results[:MAX_OUTPUT] + "..."


def _result(output: Any) -> str:
    """What one output shows as plain text; nothing for pictures and the like."""
    if not isinstance(output, dict):
        return ""
    if output.get("output_type") in ("error", "pyerr"):
        text = f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}"
    else:
        data = output.get("data")
        plain = data.get("text/plain") if isinstance(data, dict) else None
        text = _text(output.get("text") or plain)
    text = _COLOURS.sub("", text)
    return text if not text or text.endswith("\n") else text + "\n"


def _text(value: Any) -> str:
    """A string, or the lines that the format may split it into."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
