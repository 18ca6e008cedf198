"""Content rules for the extensions that one language cannot own.

The published map gives each extension to one language, which mislabels whole families (OpenCoder facts page,
section 3.4: `m` is limbo, `sol` gerber image, `v` coq ...). Belongs here: asking a file its member of
the family. The families and their marks are `families.yaml`. Only the first 64 KiB are looked at, by
patterns that do not backtrack over lines, so that a hostile file costs no more than an ordinary one.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import NamedTuple

import yaml

HEAD = 1 << 16  # characters looked at
WITH_C_COMMENTS = ("h", "inc")


class Member(NamedTuple):
    """One language of a family and the marks of which one is enough."""

    language: str
    marks: tuple[re.Pattern[str], ...]


@cache
def families() -> dict[str, tuple[Member, ...]]:
    """Extension to the languages that use it, in the order in which they are asked."""
    text = (resources.files("opencoder_dag.sources") / "families.yaml").read_text(encoding="utf-8")
    return {
        extension: tuple(
            Member(rule["language"], tuple(re.compile(mark, re.MULTILINE) for mark in rule["marks"]))
            for rule in rules
        )
        for extension, rules in yaml.safe_load(text).items()
    }


def decide(extension: str, content: str) -> str | None:
    """Name of the first language of the family that finds one of its marks in the text; None outside the
    families and where no mark is found."""
    members = families().get(extension)
    if members is None:
        return None
    head = content[:HEAD]
    if extension in WITH_C_COMMENTS:
        head = without_c_comments(head)
    return next((each.language for each in members if any(mark.search(head) for mark in each.marks)), None)


def without_c_comments(text: str) -> str:
    """Text without `/* */` and `//` comments, so that prose in them does not speak for a language.

    Written as a scan, not as a pattern: thousands of openings that are never closed cost one pass.
    """
    kept: list[str] = []
    position = 0
    for opening in re.finditer(r"/[*/]", text):
        if opening.start() < position:
            continue
        kept.append(text[position : opening.start()])
        block = opening.group() == "/*"
        end = text.find("*/" if block else "\n", opening.end())
        if end < 0:
            return "".join(kept)
        position = end + 2 if block else end
    kept.append(text[position:])
    return "".join(kept)
