"""The columns of public code data sets, and what each row of one says of itself.

Belongs here: names only. The Stack v1 and v2 and the metadata of RefineCode (facts page, section 11) call the
same things by different names; this project's own document columns are understood too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# What is looked for, and the columns that may hold it, best first.
NAMES: Mapping[str, Sequence[str]] = {
    "content": ("content", "text", "code"),
    "path": ("path", "max_stars_repo_path", "file_path"),
    "folder": ("sub_path",),
    "file_name": ("file_name",),
    "repo": ("repo", "max_stars_repo_name", "repo_name", "repository_name"),
    "stars": ("stars", "max_stars_count", "star_events_count", "gha_stargazers_count"),
    "commit_time": ("commit_time", "committer_date", "revision_date"),
    "license": ("license", "max_stars_repo_licenses", "detected_licenses", "gha_license_id"),
    "language": ("language", "program_lang", "lang"),
    "source": ("source",),
}

SPELLINGS = {"c++": "cpp", "c#": "csharp", "vue.js": "vue"}  # where a data set's name is not the map's


@dataclass(frozen=True)
class Described:
    """What one row says of its file besides the content; None or empty where it says nothing."""

    path: str
    repo: str
    source: str
    stars: int | None
    commit_time: datetime | None
    license: str | None
    language: str | None


def columns_of(names: Sequence[str]) -> dict[str, str]:
    """What is looked for to the column that holds it, for those that are there."""
    found = {}
    for wanted, candidates in NAMES.items():
        column = next((name for name in candidates if name in names), None)
        if column is not None:
            found[wanted] = column
    return found


def described(row: Mapping[str, Any], columns: Mapping[str, str]) -> Described:
    """Read a row; values of a wrong type count as not given."""

    def value(wanted: str) -> Any:
        return row[columns[wanted]] if wanted in columns else None

    language = _text(value("language")).lower()
    stars = value("stars")
    return Described(
        path=_path(_text(value("path")), _text(value("folder")), _text(value("file_name"))),
        repo=_text(value("repo")),
        source=_text(value("source")),
        stars=int(stars)
        if isinstance(stars, int | float) and stars == stars and abs(stars) < 1 << 53
        else None,
        commit_time=_time(value("commit_time")),
        license=_license(value("license")),
        language=SPELLINGS.get(language, language) or None,
    )


def _path(path: str, folder: str, name: str) -> str:
    """RefineCode gives the folder and the name of a file apart, other sets one path."""
    if not path:
        path = folder if folder.endswith(name) or not name else f"{folder}/{name}"
    return path.strip("/")


def _time(value: Any) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _license(value: Any) -> str | None:
    if isinstance(value, list):
        value = " AND ".join(sorted({name for name in value if isinstance(name, str) and name}))
    return value if isinstance(value, str) and value else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
