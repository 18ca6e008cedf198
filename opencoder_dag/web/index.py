"""All pages of a recall without their text: one row a page in an order that does not depend on the files.

Belongs here: where each page lies, which of them repeat another, and the hash that every random choice uses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import pyarrow as pa

LIGHT_COLUMNS = {  # field of the index to column of the pages
    "url": "url",
    "host": "host",
    "domain": "repo",
    "path": "path",
    "visited": "visited",
    "sha256": "sha256",
    "natural_language": "natural_language",
    "size": "size",
}
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
Verdict = tuple[str, dict[str, Any]]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PageIndex:
    """Pages by number, sorted by URL, visit and content; `shard` and `row` say where the text of each is."""

    url: list[str]
    host: list[str]
    domain: list[str]
    path: list[str]
    visited: list[str]
    sha256: list[str]
    natural_language: list[str]
    size: Ints
    shard: Ints
    row: Ints

    @staticmethod
    def of(tables: Iterable[pa.Table]) -> PageIndex:
        """Build from the light columns of every shard."""
        columns: dict[str, list[Any]] = {name: [] for name in (*LIGHT_COLUMNS, "shard", "row")}
        for number, table in enumerate(tables):
            for name, column in LIGHT_COLUMNS.items():
                columns[name] += table[column].to_pylist()
            columns["shard"] += [number] * table.num_rows
            columns["row"] += range(table.num_rows)
        keys = list(zip(columns["url"], columns["visited"], columns["sha256"], strict=True))
        order = sorted(range(len(keys)), key=keys.__getitem__)
        ordered: dict[str, Any] = {
            name: [values[place] for place in order] for name, values in columns.items()
        }
        for name in ("size", "shard", "row"):
            ordered[name] = np.array(ordered[name], np.int64)
        return PageIndex(**ordered)

    def __len__(self) -> int:
        return len(self.url)

    @cached_property
    def rank(self) -> npt.NDArray[np.uint64]:
        """A hash of each page; sorting by it is the fair draw that every sample uses."""
        keys = zip(self.url, self.sha256, strict=True)
        digests = b"".join(
            hashlib.sha256(f"{url}\0{sha}".encode("utf-8", "replace")).digest()[:8] for url, sha in keys
        )
        return np.frombuffer(digests, ">u8").astype(np.uint64)

    def draw(self, mask: Bools, count: int) -> Ints:
        """Up to `count` pages of `mask`, those with the lowest hash."""
        pages = np.flatnonzero(mask)
        return pages[np.argsort(self.rank[pages], kind="stable")[:count]]


def canonical_url(url: str) -> str:
    """What two spellings of one address have in common: no scheme, port, fragment or final slash."""
    parts = urlsplit(url)
    host = parts.netloc.lower().rpartition("@")[2].removesuffix(DEFAULT_PORTS.get(parts.scheme, ":80"))
    query = f"?{parts.query}" if parts.query else ""
    return f"{host}{parts.path.rstrip('/')}{query}"


def find_repeats(index: PageIndex) -> dict[int, Verdict]:
    """Pages that repeat another, with reason and evidence.

    Of the visits to one URL the latest stays; of the pages with one content the one with the shortest URL.
    """
    repeats: dict[int, Verdict] = {}
    newest: dict[str, int] = {}
    addresses = [canonical_url(url) for url in index.url]
    for page in sorted(
        range(len(index)), key=lambda page: (index.visited[page], index.sha256[page]), reverse=True
    ):
        kept = newest.setdefault(addresses[page], page)
        if kept != page:
            evidence = {
                "kept_url": index.url[kept],
                "kept_sha256": index.sha256[kept],
                "kept_visit": index.visited[kept],
            }
            repeats[page] = ("duplicate_url", evidence)
    first: dict[str, int] = {}
    for page in sorted(newest.values(), key=lambda page: (len(index.url[page]), index.url[page])):
        kept = first.setdefault(index.sha256[page], page)
        if kept != page:
            repeats[page] = ("duplicate_content", {"kept_url": index.url[kept]})
    return repeats
