"""The registry of signals: what can be measured of a file, by name, group and language.

A signal is a function of a `SourceFile` that returns a number, a flag, or None where the quantity is
undefined for this file. The module that computes it registers it; `all_signals` imports them all.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Literal

from opencoder_dag.errors import InputError
from opencoder_dag.rules.source_file import SourceFile

Value = float | bool | None
Group = Literal["general_document", "general_code", "language"]
Compute = Callable[[SourceFile], Value]

# Modules that register signals, in the order in which a file's signals are listed.
MODULES = (
    "common",
    "document",
    "general",
    "python",
    "c_family",
    "csharp",
    "go",
    "html",
    "java",
    "javascript",
)


@dataclass(frozen=True)
class Signal:
    """One quantity of a file: `language` is set for signals of a single language only."""

    name: str
    group: Group
    language: str | None
    what: str  # first line of the function's docstring
    compute: Compute

    def applies_to(self, file: SourceFile) -> bool:
        """Whether the signal belongs to this kind of file."""
        if self.group == "general_document":
            return file.doc_type == "text"
        return file.doc_type != "text" and self.language in (None, file.language)


_REGISTRY: dict[str, Signal] = {}


def signal(name: str, group: Group, language: str | None = None) -> Callable[[Compute], Compute]:
    """Register a function as the signal `name`."""

    def register(compute: Compute) -> Compute:
        what = (compute.__doc__ or "").strip().splitlines()[0]
        _REGISTRY[name] = Signal(name, group, language, what, compute)
        return compute

    return register


def share(part: float, whole: float, empty: float = 0.0) -> float:
    """A part of a whole, or what it is taken for where there is none."""
    return part / whole if whole else empty


@cache
def all_signals() -> dict[str, Signal]:
    """Every signal by name, in a fixed order: of text and code alike, of text, of code, then of languages."""
    for module in MODULES:
        import_module(f"opencoder_dag.rules.{module}")
    return dict(_REGISTRY)


def signal_named(name: str, where: str) -> Signal:
    """The signal of a name; raises `InputError` naming `where` and the closest known name."""
    known = all_signals()
    if name not in known:
        close = difflib.get_close_matches(name, list(known), n=1)
        raise InputError(f"{where}: no signal '{name}'" + (f"; did you mean '{close[0]}'?" if close else ""))
    return known[name]
