"""GitHub stars of well-known projects: a shipped table of facts, each with the day it was read.

Belongs here: finding a project in `stars.csv` by the addresses that its metadata gives. Unknown stays
unknown.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from functools import cache
from importlib import resources

_GITHUB = re.compile(r"github\.com[/:]([\w.-]+)/([\w.-]+)", re.IGNORECASE)


@cache
def stars_table() -> dict[str, int]:
    """Lower-case `owner/name` to stars."""
    text = (resources.files("opencoder_dag.sources") / "stars.csv").read_text(encoding="utf-8")
    return {row["repository"].lower(): int(row["stars"]) for row in csv.DictReader(text.splitlines())}


def github_project(url: str | None) -> str | None:
    """`owner/name` of a GitHub address, in any of its spellings; None for other addresses."""
    found = _GITHUB.search(url or "")
    return None if found is None else f"{found[1]}/{found[2].removesuffix('.git')}"


def stars_of(urls: Iterable[str | None]) -> int | None:
    """Stars of the first address that names a project of the table."""
    projects = (github_project(url) for url in urls)
    return next(
        (stars_table()[key] for each in projects if each and (key := each.lower()) in stars_table()), None
    )
