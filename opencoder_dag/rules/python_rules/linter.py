"""Ruff as a batch linter: syntax by a pinned grammar, undefined names, repair of white space.

Belongs here: the call of the linter (one process for all texts of a call, none a file) and the reading of its
report. The grammar does not depend on the interpreter that runs: ruff is pinned in `pyproject.toml`, and the
target version is 3.13, the last whose grammar refuses the comma of Python 2's `except E, e` (methods page,
section 1.3).
"""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from opencoder_dag.errors import OpencoderError

TARGET_VERSION = "py313"
SECONDS = 30.0  # for a batch, and
SECONDS_PER_MEGABYTE = 3.0
STACK_BYTES = 64 << 20  # of each thread of the linter, whose parser is recursive

COMPILE_ERRORS = ("F701", "F702", "F704", "F706", "F707")  # what parses and yet does not compile
OUTDATED = ("F633",)  # print >>file, value
UNDEFINED = ("F821", "F405")  # F405: not defined here, but the file imports *
# White space alone; ruff calls the fixes inside of strings unsafe and leaves them out.
REPAIRS = ("W291", "W292", "W293", "W391", "E301", "E302", "E303", "E304", "E305", "E306")

# Names that are there without being defined: gettext, notebooks, type checkers, SCons.
INJECTED = (
    "_", "ngettext", "display", "get_ipython", "reveal_type", "reveal_locals", "__path__", "WindowsError",
    "Import", "Export", "Return", "SConscript", "Environment", "ARGUMENTS", "Glob", "Default", "Help",
)  # fmt: skip

_DIAGNOSTIC = re.compile(r"(?:.*[/\\])?(\d+)\.py:(\d+):(\d+): ([\w-]+):?(?: \[\*\])? (.*)")
_QUOTED = re.compile(r"`([^`]*)`")


class LinterError(OpencoderError):
    """The linter crashed or did not end in time on a text."""


@dataclass(frozen=True)
class Diagnostic:
    """One finding; row and column count from 1, the column in characters."""

    code: str
    row: int
    column: int
    message: str

    @property
    def name(self) -> str:
        """The name that the finding is about."""
        quoted = _QUOTED.search(self.message)
        return quoted[1] if quoted else ""

    def evidence(self) -> dict[str, Any]:
        """The finding as the evidence of a removal."""
        return {"problem": self.message[:200], "row": self.row, "column": self.column}


@dataclass
class Report:
    """What the linter says of one text, in the order of the text; `error` when it could not."""

    syntax: list[Diagnostic] = field(default_factory=list)
    outdated: list[Diagnostic] = field(default_factory=list)
    undefined: list[Diagnostic] = field(default_factory=list)
    error: LinterError | None = None


MAX_FINDINGS = 1000  # kept of each list of a report

_CHECK = (
    "--ignore-noqa",
    "--config",
    "builtins=[" + ",".join(f'"{name}"' for name in INJECTED) + "]",
    "--select",
    ",".join((*COMPILE_ERRORS, *OUTDATED, *UNDEFINED)),
)
_REPAIR = ("--preview", "--fix", "--select", ",".join(REPAIRS))


def lint(texts: Mapping[int, str]) -> dict[int, Report]:
    """Report on each text under its key. One process for all texts.

    If the process crashes or does not end in time, the batch is halved until the text that causes it is
    alone; that one gets an error, the others their report.
    """
    reports: dict[int, Report] = {key: Report() for key in texts}

    def read(folder: Path, lines: Sequence[str]) -> None:
        for line in lines:
            match = _DIAGNOSTIC.match(line)
            if match:
                finding = Diagnostic(match[4], int(match[2]), int(match[3]), match[5].strip())
                _file(finding, reports[int(match[1])])

    for key, error in _run_batch(texts, _CHECK, read).items():
        reports[key] = Report(error=error)
    return reports


def repair_white_space(texts: Mapping[int, str]) -> dict[int, str]:
    """Each text with surplus blanks and blank lines repaired; unchanged where the linter fails."""
    repaired = dict(texts)

    def read(folder: Path, lines: Sequence[str]) -> None:
        for path in folder.glob("*.py"):
            repaired[int(path.stem)] = path.read_bytes().decode()

    _run_batch(texts, _REPAIR, read)
    return repaired


def _file(finding: Diagnostic, report: Report) -> None:
    if finding.code == "invalid-syntax" or finding.code in COMPILE_ERRORS:
        findings = report.syntax
    elif finding.code in OUTDATED:
        findings = report.outdated
    else:
        findings = report.undefined
    if len(findings) < MAX_FINDINGS:
        findings.append(finding)


Reader = Callable[[Path, Sequence[str]], None]


def _run_batch(texts: Mapping[int, str], options: Sequence[str], read: Reader) -> dict[int, LinterError]:
    """Run the linter over the texts and hand folder and output to `read`; the texts it fails on."""
    if not texts:
        return {}
    try:
        with tempfile.TemporaryDirectory(prefix="opencoder-python-") as name:
            folder = Path(name)
            for key, text in texts.items():
                (folder / f"{key}.py").write_bytes(text.encode())
            lines = _run(folder, options, sum(map(len, texts.values())))
            read(folder, lines)
        return {}
    except LinterError as error:
        keys = list(texts)
        if len(keys) == 1:
            return {keys[0]: error}
        middle = len(keys) // 2
        return {
            **_run_batch({key: texts[key] for key in keys[:middle]}, options, read),
            **_run_batch({key: texts[key] for key in keys[middle:]}, options, read),
        }


def _run(folder: Path, options: Sequence[str], size: int) -> list[str]:
    command = [
        _ruff(), "check", "--isolated", "--no-cache", "--quiet", "--output-format", "concise",
        "--target-version", TARGET_VERSION, *options, ".",
    ]  # fmt: skip
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                timeout=SECONDS + SECONDS_PER_MEGABYTE * size / 1e6,
            )
        except subprocess.TimeoutExpired as expired:
            raise LinterError(f"ruff did not end within {expired.timeout:.0f} s") from None
        if done.returncode not in (0, 1):
            problem = " ".join(done.stderr.decode(errors="replace").split())
            raise LinterError(f"ruff ended with status {done.returncode}: {problem[:200]}")
        output.seek(0)
        lines = output.readlines()
        if done.returncode == 1 and not any(map(_DIAGNOSTIC.match, lines)):
            raise LinterError(
                f"ruff reports in a form that cannot be read: {''.join(lines[:1]).strip()[:200]}"
            )
        return lines


def _environment() -> dict[str, str]:
    """Environment of the linter: with room for deep files, without what could change its report."""
    unwanted = ("RUFF_", "FORCE_COLOR", "CLICOLOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return {**kept, "NO_COLOR": "1", "RUST_MIN_STACK": str(STACK_BYTES)}


@cache
def _ruff() -> str:
    """The ruff of this environment."""
    found = Path(sysconfig.get_path("scripts")) / ("ruff.exe" if os.name == "nt" else "ruff")
    return str(found) if found.exists() else "ruff"
