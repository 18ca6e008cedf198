"""Diverse items: questions that documentation answers, from its headings.

Belongs here: which sections of a text can be asked for and how. Offline a section answers its own heading; a
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
LANGUAGES = frozenset({"markdown", "restructuredtext", "text", "english"})

_TITLE = re.compile(r"^(?:#{1,4}\s+(?P<hash>\S.*?)\s*#*|(?P<under>\S.{2,80}))\n(?:[=~^-]{3,}\n)?")
_CODE = re.compile(r"^\s*(```|>>>|\.\. code|\$ |::\s*$)|::\n\n\s{2,}\S", re.MULTILINE)
_BORING = re.compile(
    r"licen[cs]e|copyright|contribut|changelog|change log|release|install|credit|author|acknowledg|badge|"
    r"table of contents|links?$|support|sponsor|version|what'?s new|history|^\W*\d|todo|index|development$",
    re.IGNORECASE,
)


def diverse_items(text: str, repo: str, path: str) -> Iterator[dict[str, Any]]:
    """The sections of a text that explain something with code, as answers to their headings."""
    taken = 0
    for section in sections(text):
        match = _TITLE.match(section)
        if match is None or len(section) > MAX_CHARACTERS or taken >= MAX_OF_A_PAGE:
            continue
        title = " ".join(re.sub(r"[`*_]+", " ", match.group("hash") or match.group("under")).split())
        body = section[match.end() :].strip()
        if not 2 <= len(title.split()) <= 12 or _BORING.search(title) or not _CODE.search(body):
            continue
        if len(re.findall(r"[A-Za-z]{3,}", body)) < MIN_WORDS or body.count("```") % 2:
            continue
        taken += 1
        question = title if title.endswith("?") else f"Explain with an example: {title.rstrip(':.')}."
        instruction = f"{question} (about `{repo}`)" if repo else question
        item = item_row(instruction, body, stage=1, kind=KIND, repo=repo, path=path)
        yield {**item, "subject": subject_of(body), "program": None, "recording": None}
