"""Which language a file is written in, and which type of document that language is.

Belongs here: the lookup of OpenCoder's published map (facts page, section 3.4), held as `languages.csv`.
Extensions that the map gives to the wrong language are settled by content in `families.py`.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

from opencoder_dag.sources import families


@dataclass(frozen=True)
class Language:
    """A language of the map. `doc_type` is code, data, text or excluded."""

    name: str
    doc_type: str


@dataclass(frozen=True)
class LanguageMap:
    """The map as three tables. Keys are case-sensitive; extensions carry no leading dot."""

    by_name: dict[str, Language]
    by_extension: dict[str, Language]
    by_file_name: dict[str, Language]


@cache
def language_map() -> LanguageMap:
    """The shipped map: 731 languages, 1,347 extensions, 369 file names."""
    tables = LanguageMap({}, {}, {})
    text = (resources.files("opencoder_dag.sources") / "languages.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        language = Language(row["language"], row["doc_type"])
        tables.by_name[language.name] = language
        tables.by_extension.update(dict.fromkeys(row["extensions"].split(), language))
        tables.by_file_name.update(dict.fromkeys(row["file_names"].split(), language))
    return tables


def extension_of(path: str) -> str:
    """Extension without its dot, as written: the longest that the map knows (`html.hl`), or the last."""
    name = path.rsplit("/", 1)[-1]
    stem, dot, last = name.rpartition(".")
    if not dot or not stem.strip("."):
        return ""
    _, dot, before = stem.rpartition(".")
    double = f"{before}.{last}"
    return double if dot and double in language_map().by_extension else last


def language_of(path: str, content: str | None = None) -> Language | None:
    """Language of a file by its exact name, then its extension; None when neither is known.

    Without `content` the answer is that of the published map. With it, the extensions of `families.yaml`
    (m, sol, gd, v, q, t, cls, s, h, inc, cfg, conf, R) are settled by what the file says; where it says
    nothing, the map's answer stands.
    """
    tables = language_map()
    named = tables.by_file_name.get(path.rsplit("/", 1)[-1])
    if named is not None:
        return named
    extension = extension_of(path)
    if content is not None and (found := families.decide(extension, content)) is not None:
        return tables.by_name[found]
    return tables.by_extension.get(extension)


def may_be_known(path: str) -> bool:
    """Whether the name alone leaves open that the language is known: False needs no look at the content."""
    return language_of(path) is not None or extension_of(path) in families.families()
