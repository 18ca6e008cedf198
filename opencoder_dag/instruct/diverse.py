"""Diverse items: questions that web pages answer, from their headings.

Belongs here: which sections of a page can be asked for and how. Offline a section answers its own heading; a
language model asks better ones of the same text (`synthesis.py`; OpenCoder, section 8.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from opencoder_dag.instruct.items import item_row, subject_of
from opencoder_dag.mix.textbooks import sections

KIND = "diverse"
MIN_WORDS, MAX_CHARACTERS = 20, 2500
MAX_OF_A_PAGE = 5

# Only marked headings: the first line of unmarked text is as likely the middle of a thought.
_TITLE = re.compile(
    r"^(?:#{1,4}[ \t]+(?P<hash>\S.*?)[ \t]*#*(?:\n|$)|(?P<under>\S.{2,80})\n[=~^-]{3,}(?:\n|$))"
)
_IMAGE_OR_TAG = re.compile(r"!\[[^\]]*\]\([^)]*\)|<[^>]*>")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_CODE = re.compile(r"^\s*(```|>>>|\.\. code|\$ |::\s*$)|::\n\n\s{2,}\S", re.MULTILINE)
_BORING = re.compile(
    r"licen[cs]e|copyright|contribut|changelog|change log|release|install|credit|author|acknowledg|badge|"
    r"table of contents|links?$|support|sponsor|version|what'?s new|history|^\W*\d|todo|index|development$",
    re.IGNORECASE,
)


def diverse_items(text: str, repo: str, path: str) -> Iterator[dict[str, Any]]:
    """The sections of a page that explain something with code, as answers to their headings.

    A heading is asked in the context of the page's first one, without which it may say little.
    """
    taken, page = 0, ""
    for section in sections(text):
        match = _TITLE.match(section)
        if match is None:
            continue
        title = _plain(match.group("hash") or match.group("under"))
        page = page or title
        if len(section) > MAX_CHARACTERS or taken >= MAX_OF_A_PAGE:
            continue
        body = section[match.end() :].strip()
        if not 2 <= len(title.split()) <= 12 or _BORING.search(title) or not _CODE.search(body):
            continue
        if len(re.findall(r"[A-Za-z]{3,}", body)) < MIN_WORDS or body.count("```") % 2:
            continue
        taken += 1
        question = title if title.endswith("?") else f"Explain with an example: {title.rstrip(':.')}."
        instruction = question if page == title else f"{question} (about: {page})"
        item = item_row(instruction, body, stage=1, kind=KIND, repo=repo, path=path)
        yield {**item, "subject": subject_of(body), "program": None, "recording": None}


def _plain(heading: str) -> str:
    """A heading without the marks of its markup; underscores, which names have, stay."""
    text = _LINK.sub(r"\1", _IMAGE_OR_TAG.sub("", heading))
    return " ".join(re.sub(r"[`*]+", " ", text).split())
