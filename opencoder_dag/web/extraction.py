"""Stage `web_pages`: files of records in, pages with text out; one task a file.

A page with text is kept, a page without is removed, a record that cannot be read is quarantined. The stage
depends on the input and the extractor alone, so every recall over the same crawl shares it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import tldextract

from opencoder_dag.document import (
    DOCUMENT_SCHEMA,
    QUARANTINED_SCHEMA,
    REMOVED_SCHEMA,
    Judged,
    document_id,
    document_row,
    one_line,
)
from opencoder_dag.engine import Engine
from opencoder_dag.lake import Dataset, Lake, Stage
from opencoder_dag.shards import ShardReport, finish, write_shard
from opencoder_dag.web.config import Extraction
from opencoder_dag.web.extract import decode, html_to_markdown
from opencoder_dag.web.language import natural_language
from opencoder_dag.web.pages import Damaged, Page, PageFile, PageSource
from opencoder_dag.web.steps import Report, run_step

VERSION = "3"
PAGE_COLUMNS = [
    pa.field("url", pa.string(), nullable=False),
    pa.field("host", pa.string(), nullable=False),
    pa.field("visited", pa.string(), nullable=False),
    pa.field("natural_language", pa.string(), nullable=False),  # zh, en, other
]
PAGE_SCHEMA = pa.schema([*DOCUMENT_SCHEMA, *PAGE_COLUMNS])

# The list of public suffixes that the package brings; private ones, so that a.github.io is a domain.
_suffixes = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)


@lru_cache(maxsize=100_000)
def registered_domain(host: str) -> str:
    """The domain that somebody registered (or got from a hosting service), else the host itself."""
    return _suffixes.extract_str(host).top_domain_under_public_suffix or host


@dataclass(frozen=True)
class ExtractTask:
    """One file to extract: its shards go to `folder`, each with up to `shard_bytes` of text."""

    name: str
    file: PageFile
    folder: str
    shard_bytes: int
    extraction: Extraction


def extract_pages(
    lake: Lake,
    pages: PageSource,
    extraction: Extraction,
    shard_bytes: int,
    engine: Engine,
    on_done: Callable[[], None] = lambda: None,
) -> Dataset:
    """Extract the text of every page; the shards of a file bear its number."""
    stage = Stage("web_pages", VERSION, extraction.config(), {"pages": pages.digest})
    if (ready := lake.find(stage)) is not None:
        return ready
    started = time.monotonic()
    folder = lake.folder(stage)
    files = sorted(pages.files, key=lambda file: (file.label, file.digest))
    tasks = [
        ExtractTask(f"part-{index:05d}", file, folder, shard_bytes, extraction)
        for index, file in enumerate(files)
    ]
    reports = run_step(f"{folder}/files", tasks, extract_file, engine, on_done)
    shards = [ShardReport(**shard) for report in reports for shard in report["shards"]]
    skipped: Counter[str] = Counter()
    for report in reports:
        skipped.update(report["skipped"])
    facts = {"files": len(files), "skipped_records": dict(sorted(skipped.items()))}
    return finish(lake, stage, shards, time.monotonic() - started, facts)


def extract_file(task: ExtractTask) -> Report:
    """Extract one file into shards; the report names them and counts the records that are no pages."""
    skipped: Counter[str] = Counter()
    shards: list[dict[str, Any]] = []
    shard = Shard()
    text_of = extractor(task.extraction)

    def write() -> None:
        name = f"{task.name}-{len(shards):04d}.parquet"
        judged = shard.judged()
        report = write_shard(
            task.folder, ShardName(name, task.file.digest), judged, shard.rows, shard.bytes_in
        )
        shards.append(dict(report.__dict__))

    for found in task.file.pages():
        if isinstance(found, Page):
            shard.add(found, text_of, task.extraction)
        elif isinstance(found, Damaged):
            shard.quarantine(found.where, "", found.where, found.size, found.error)
        else:
            skipped[found.why] += 1
        if shard.bytes_kept >= task.shard_bytes:
            write()
            shard = Shard()
    if shard.rows or not shards:
        write()
    return {"shards": shards, "skipped": dict(skipped)}


@dataclass(frozen=True)
class ShardName:
    """Identity of one shard of a file."""

    name: str
    edition: str


@dataclass
class Shard:
    """Rows of a shard while it fills."""

    kept: list[dict[str, Any]] = field(default_factory=list)
    removed: list[dict[str, Any]] = field(default_factory=list)
    quarantined: list[dict[str, Any]] = field(default_factory=list)
    bytes_in: int = 0
    bytes_kept: int = 0

    @property
    def rows(self) -> int:
        """Records judged so far."""
        return len(self.kept) + len(self.removed) + len(self.quarantined)

    def add(self, page: Page, text_of: Callable[[Page], tuple[str, str]], extraction: Extraction) -> None:
        """Extract a page and file it under its verdict."""
        raw_size = len(page.html) if page.html is not None else len(page.text or "")
        try:
            host, domain, path = place(page.url)
            if raw_size > extraction.max_page_bytes:
                raise ValueError(f"page of {raw_size} bytes, the limit is {extraction.max_page_bytes}")
            text, language = text_of(page)
            if len(text) >= extraction.min_characters:
                row = document_row(
                    text,
                    source="web",
                    repo=domain,
                    path=path,
                    language=language,
                    doc_type="text",
                    url=page.url,
                    host=host,
                    visited=page.date,
                    natural_language=natural_language(text),
                )
        except Exception as error:  # whatever a page does to an extractor, the other pages go on
            self.quarantine(page.url, "", page.url, raw_size, one_line(error))
            return
        self.bytes_in += raw_size
        if len(text) >= extraction.min_characters:
            self.kept.append(row)
            self.bytes_kept += row["size"]
        else:
            evidence = f'{{"characters": {len(text)}, "minimum": {extraction.min_characters}}}'
            self.removed.append(
                {
                    "doc_id": document_id("web", domain, page.url, text),
                    "repo": domain,
                    "path": path,
                    "size": len(text.encode()),
                    "reason": "no_text",
                    "evidence": evidence,
                }
            )

    def quarantine(self, where: str, domain: str, path: str, size: int, error: str) -> None:
        """File a record that could not be judged; `where` is its URL, or its place in the file."""
        self.bytes_in += size
        doc_id = document_id("web", domain, where, error)
        self.quarantined.append(
            {"doc_id": doc_id, "repo": domain, "path": path, "size": size, "error": error}
        )

    def judged(self) -> Judged:
        """The shard's three tables."""
        return Judged(
            kept=pa.Table.from_pylist(self.kept, schema=PAGE_SCHEMA),
            removed=pa.Table.from_pylist(self.removed, schema=REMOVED_SCHEMA),
            quarantined=pa.Table.from_pylist(self.quarantined, schema=QUARANTINED_SCHEMA),
            facts={},
        )


def place(url: str) -> tuple[str, str, str]:
    """Host, registered domain, and path with query of a URL; raises ValueError for what is no web address."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if not host:
        raise ValueError(f"no host in the URL {url[:200]!r}")
    path = parts.path or "/"
    return host, registered_domain(host), f"{path}?{parts.query}" if parts.query else path


def extractor(extraction: Extraction) -> Callable[[Page], tuple[str, str]]:
    """A function from a page to its text and the language label of that text."""
    if extraction.tool == "trafilatura":
        from opencoder_dag.web.contained import ContainedTrafilatura

        to_markdown = ContainedTrafilatura(extraction.seconds, extraction.memory_bytes).extract
    else:
        to_markdown = html_to_markdown

    def text_of(page: Page) -> tuple[str, str]:
        if page.html is None:
            return (page.text or "").replace("\r\n", "\n").strip(), page.language
        return to_markdown(decode(page.html, page.charset)), "markdown"

    return text_of


def iterate_pages(dataset: Dataset) -> Iterator[pa.Table]:
    """The light columns of every shard: all but the text."""
    return dataset.tables("kept", [name for name in PAGE_SCHEMA.names if name != "content"])
