"""What a distribution says of itself: the core metadata of Python packages.

Belongs here: reading METADATA and PKG-INFO, installed or in an archive, whoever wrote them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.parser import HeaderParser

from opencoder_dag.sources.stars import github_project, stars_of

URL_LABELS = ("source", "source code", "repository", "code", "github", "homepage", "home")


@dataclass(frozen=True)
class CoreMetadata:
    """The fields that a repository needs; `name` is normalised, empty when there is none."""

    name: str
    version: str
    license: str | None
    urls: tuple[str, ...]

    @property
    def stars(self) -> int | None:
        """Stars of the first known project among the addresses."""
        return stars_of(self.urls)

    @property
    def url(self) -> str | None:
        """Address of the code, or of the project where no address looks like code."""
        return next((url for url in self.urls if github_project(url)), self.urls[0] if self.urls else None)


def parse_metadata(text: str) -> CoreMetadata:
    """Read core metadata; anything that is not there or not sensible counts as not given."""
    fields = HeaderParser().parsestr(text)

    def field(name: str) -> str | None:
        value = fields.get(name)
        return None if value is None or str(value).strip() in ("", "UNKNOWN") else str(value).strip()

    def every(name: str) -> list[str]:
        return [str(value) for value in fields.get_all(name) or []]

    return CoreMetadata(
        name=normalised(field("Name") or ""),
        version=field("Version") or "",
        license=license_of(field("License-Expression"), every("Classifier"), field("License")),
        urls=tuple(project_urls(every("Project-URL"), field("Home-page"))),
    )


def normalised(name: str) -> str:
    """A project's name in the one spelling that all its spellings stand for."""
    return re.sub(r"[-_.]+", "-", name).lower()


def project_urls(labelled: Sequence[str], home_page: str | None) -> list[str]:
    """Addresses of a project, the likeliest one of its code first. `labelled` are `Label, URL` fields."""
    pairs = [
        (label.strip().lower(), url.strip()) for label, _, url in (field.partition(",") for field in labelled)
    ]
    order = {label: rank for rank, label in enumerate(URL_LABELS)}
    known = sorted((order[label], url) for label, url in pairs if label in order and url)
    other = [url for label, url in pairs if label not in order and url]
    return [*(url for _, url in known), *([home_page] if home_page else []), *other]


def license_of(expression: str | None, classifiers: Sequence[str], text: str | None) -> str | None:
    """Licence as stated: the SPDX expression, else the classifiers, else a short `License` field."""
    if expression:
        return expression
    stated = [line.rsplit("::", 1)[-1].strip() for line in classifiers if line.startswith("License ::")]
    stated = [name for name in stated if name != "OSI Approved"]
    if stated:
        return " AND ".join(sorted(set(stated)))
    return text if text and "\n" not in text and len(text) <= 80 else None
