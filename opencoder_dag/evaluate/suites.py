"""Suites as data: a YAML file says what a suite is, a JSON Lines file holds its problems.

Belongs here: reading both, and the one form that every suite of programming problems takes. How completions
are drawn and judged is in `generate.py` and `execute.py`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from opencoder_dag.errors import InputError
from opencoder_dag.lake import canonical_json
from opencoder_dag.recipe import near_miss

SHIPPED = Path(str(resources.files("opencoder_dag.evaluate") / "suites"))

# Where a base model that completes one function has gone on to something else (OpenCoder, section 10.1).
PYTHON_STOPS = (
    "\nif __name__",
    "\ndef ",
    "\nclass ",
    "\nimport ",
    "\nfrom ",
    "\nassert ",
    "\nprint(",
    "\n```",
    "\n@",
)


@dataclass(frozen=True)
class Problem:
    """One programming problem: `prompt + reference` followed by `test` is a program that passes."""

    task_id: str
    prompt: str
    entry_point: str
    reference: str
    test: str
    group: str = ""  # what scores are broken down by, such as a level


@dataclass(frozen=True)
class Suite:
    """A set of problems and how they are put to a model."""

    name: str
    title: str
    problems: tuple[Problem, ...]
    stops: tuple[str, ...] = PYTHON_STOPS
    trusted: bool = False  # may run without namespaces without being asked for
    settings: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """Digest of all that decides on a score, for fingerprints."""
        identity = [self.name, [vars(problem) for problem in self.problems], self.stops, dict(self.settings)]
        return hashlib.sha256(canonical_json(identity).encode("utf-8", "surrogatepass")).hexdigest()

    def first(self, problems: int | None) -> Suite:
        """The suite with only its first so many problems."""
        return Suite(self.name, self.title, self.problems[:problems], self.stops, self.trusted, self.settings)


def known_suites() -> dict[str, Path]:
    """Suite name to its file."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def load_suite(name: str) -> Suite:
    """Read a suite by name.

    Raises `InputError` for an unknown name, and when its file of problems is missing or damaged.
    """
    files = known_suites()
    if name not in files:
        raise InputError(f"evaluate.suites: no suite '{name}'{near_miss(name, files)}")
    spec = yaml.safe_load(files[name].read_text(encoding="utf-8"))
    path = files[name].parent / spec["file"]
    problems = tuple(
        Problem(
            task_id=row["task_id"],
            prompt=row["prompt"],
            entry_point=row["entry_point"],
            reference=row["canonical_solution"],
            test=row["test"],
            group=f"level_{row['level']}",
        )
        for row in read_rows(path)
    )
    return Suite(name, spec["title"], problems, trusted=bool(spec.get("trusted")))


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON Lines file, packed or not; raises `InputError` naming file and line."""
    opener: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8") as handle:
            for number, line in enumerate(handle, 1):
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise InputError(f"{path}: line {number}: not JSON ({error})") from None
                if not isinstance(row, dict):
                    raise InputError(f"{path}: line {number}: not an object")
                yield row
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None


def load_suites(names: Sequence[str], problems: int | None) -> list[Suite]:
    """Several suites, each cut to its first `problems` problems (None: all of them)."""
    return [load_suite(name).first(problems) for name in names]
