"""Readers: WARC, WET and Parquet to pages.

A reader yields a `Page`, a `Damaged` or a `Skipped` for every record and never raises for what is in the
file: what cannot be read is reported and the rest goes on.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import IO
from urllib.parse import urlsplit

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType

from opencoder_dag.document import one_line
from opencoder_dag.web.pages import Damaged, Format, Page, Skipped

MAX_RECORD_BYTES = 64_000_000
HTML_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/xhtml", ""})
TEXT_COLUMNS = ("text", "content", "raw_content")
HTML_COLUMNS = ("html", "content_html")
URL_COLUMNS = ("url", "source_url", "URL")
DATE_COLUMNS = ("date", "warc_date", "timestamp")
BATCH_ROWS = 512
GZIP_MAGIC, RECORD_START = b"\x1f\x8b\x08", b"WARC/"
SCAN_BYTES, SNIFF_BYTES = 1 << 20, 4096
# Text files of a repository that are worth asking the classifier about (OpenCoder, section 2.2).
TEXT_FILE_NAMES = re.compile(r"(?:readme|notes?|todo|description|requirements?|cmakelists)\b", re.IGNORECASE)

Found = Page | Damaged | Skipped


def read(path: str, format: Format, label: str) -> Iterator[Found]:
    """Pages of one file; `label` names it in reports of damage."""
    if format == "parquet":
        return read_parquet(path, label)
    return read_warc(path, label)


def read_warc(path: str, label: str) -> Iterator[Found]:
    """Responses with HTML (WARC) and conversions (WET), in order; what is damaged is passed over.

    Crawlers compress each record by itself, so after damage reading goes on at the next gzip member that is
    a record; of other files the rest is lost.
    """
    try:
        with fsspec.open(path, "rb") as stream:
            yield from _read_records(stream, label)
    except Exception as error:
        yield Damaged(f"{label}@0", 0, f"archive cannot be read: {one_line(error)}")


def _read_records(stream: IO[bytes], label: str) -> Iterator[Found]:
    """All records, from damage to damage."""
    found = 0
    start: int | None = 0
    while start is not None:
        position, is_reported = start, start > 0  # no record since the damage: it only goes on
        stream.seek(start)
        try:
            # A lenient parse keeps records that wrote their target URI in angle brackets and the like.
            for record in ArchiveIterator(stream, parse_http=False, quirks_mode=True):
                position, is_reported = record.stream_pos, False
                found += 1
                yield _judge_record(record, label)
        except Exception as error:
            if not is_reported:
                what = f"archive is damaged after this record: {one_line(error)}"
                yield Damaged(f"{label}@{position}", 0, what)
            start = _next_member(stream, position + 1)
        else:
            if found == 0:
                yield Damaged(f"{label}@0", 0, "no WARC record in this file")
            return


def _next_member(stream: IO[bytes], start: int) -> int | None:
    """Where the next gzip member that holds a record begins, from `start` on."""
    stream.seek(start)
    window = b""
    while True:
        more = stream.read(SCAN_BYTES)
        window += more
        last = len(window) if not more else len(window) - SNIFF_BYTES
        at = window.find(GZIP_MAGIC)
        while 0 <= at < last:
            if _is_record(window[at : at + SNIFF_BYTES]):
                return start + at
            at = window.find(GZIP_MAGIC, at + 1)
        if not more:
            return None
        passed = max(last, 0)
        window, start = window[passed:], start + passed


def _is_record(member: bytes) -> bool:
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(member, len(RECORD_START)) == RECORD_START
    except zlib.error:
        return False


def _judge_record(record: WarcRecord, label: str) -> Found:
    kind = record.record_type
    if kind not in (WarcRecordType.response, WarcRecordType.conversion, WarcRecordType.resource):
        return Skipped(str(kind))
    try:
        url = (record.headers.get("WARC-Target-URI") or "").strip().strip("<>").strip()
        where = f"{label}@{record.stream_pos}"
        if record.content_length > MAX_RECORD_BYTES:
            return Damaged(
                where, record.content_length, f"record of {record.content_length} bytes is too long"
            )
        if kind == WarcRecordType.conversion:
            return _conversion(record, url, where)
        return _response(record, url, where)
    except Exception as error:
        return Damaged(f"{label}@{record.stream_pos}", 0, one_line(error))


def _conversion(record: WarcRecord, url: str, where: str) -> Found:
    raw = record.reader.read()
    if len(raw) < record.content_length:
        return Damaged(where, len(raw), f"record ends after {len(raw)} of {record.content_length} bytes")
    return Page(url, text=raw.decode("utf-8", "replace"), date=_date(record))


def _response(record: WarcRecord, url: str, where: str) -> Found:
    if not url.startswith(("http://", "https://")):
        return Skipped("not_http")
    if record.record_type == WarcRecordType.response:
        before = record.stream_pos
        record.parse_http(auto_decode="all")
        if record.http_headers is None or record.stream_pos != before:
            return Damaged(where, record.content_length, "no HTTP headers in the response")
        if (status := record.http_headers.status_code) not in (200, None):
            return Skipped(f"status_{status}")
        media_type = (record.http_content_type or "").strip().lower()
        declared = record.http_headers.get("Content-Length")
        coded = record.http_headers.get("Content-Encoding") or record.http_headers.get("Transfer-Encoding")
        charset = record.http_charset
    else:
        media_type = (record.headers.get("Content-Type") or "").split(";")[0].strip().lower()
        declared = coded = charset = None
    if media_type not in HTML_TYPES:
        return Skipped("not_html")
    raw = record.reader.read()
    if declared and not coded and declared.strip().isdigit() and len(raw) < int(declared):
        return Damaged(where, len(raw), f"page ends after {len(raw)} of {int(declared)} bytes")
    return Page(url, html=raw, charset=charset, date=_date(record))


def _date(record: WarcRecord) -> str:
    return record.headers.get("WARC-Date") or ""


def read_parquet(path: str, label: str) -> Iterator[Found]:
    """Rows with a URL and either text (FineWeb, SkyPile, AutoMathText columns) or HTML.

    Files of repositories (columns repo, path and content, as in this project's corpora) count as pages of
    their repository when their name says that they describe it. Rows without any address (SkyPile has
    none) get a URL of file and row, so that they belong to a domain of their own.
    """
    try:
        with fsspec.open(path, "rb") as handle:
            file = pq.ParquetFile(handle)
            names = file.schema_arrow.names
            columns = {
                "url": _first(URL_COLUMNS, names),
                "html": _first(HTML_COLUMNS, names),
                "text": _first(TEXT_COLUMNS, names),
                "date": _first(DATE_COLUMNS, names),
                "meta": _first(("meta", "metadata"), names),
                "repo": _first(("repo",), names),
                "path": _first(("path",), names),
            }
            if columns["html"] is None and columns["text"] is None:
                yield Damaged(label, 0, f"no column text or html (found: {', '.join(names) or 'none'})")
                return
            row = 0
            used = [name for name in columns.values() if name is not None]
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=used):
                for values in batch.to_pylist():
                    yield _row(values, columns, label, row)
                    row += 1
    except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        yield Damaged(label, 0, f"cannot be read as Parquet: {one_line(error)}")


def _first(wanted: tuple[str, ...], names: list[str]) -> str | None:
    return next((name for name in wanted if name in names), None)


def _row(values: dict[str, object], columns: dict[str, str | None], label: str, row: int) -> Found:
    found = {role: values.get(name) if name else None for role, name in columns.items()}
    url = found["url"]
    if url is None and isinstance(found["meta"], dict):  # AutoMathText keeps the URL inside its metadata
        url = found["meta"].get("url")
    if url is None and found["repo"] and found["path"]:
        path = str(found["path"])
        if not TEXT_FILE_NAMES.match(path.rsplit("/", 1)[-1]):
            return Skipped("file_name")
        url = f"https://{found['repo']}/{path}"
    if not isinstance(url, str) or not urlsplit(url).hostname:
        url = f"http://{label.lower()}/{row}"
    date = str(found["date"] or "")
    html = found["html"]
    if isinstance(html, str):
        return Page(url, html=html.encode("utf-8", "replace"), charset="utf-8", date=date)
    if isinstance(html, bytes):
        return Page(url, html=html, date=date)
    if isinstance(found["text"], str):
        return Page(url, text=found["text"], date=date)
    return Damaged(f"{label}#{row}", 0, "row holds neither text nor HTML")
