"""A page, and where pages come from.

Belongs here: the row types that every reader yields, the unit of work (one file, one task) and the choice
of a source by its address. How a format is read is in `readers.py`; what is installed is in `installed.py`.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import fsspec

from opencoder_dag.errors import InputError
from opencoder_dag.lake import canonical_json, sha256_text

Format = Literal["warc", "wet", "parquet"]
SUFFIXES: dict[str, Format] = {
    ".warc": "warc",
    ".warc.gz": "warc",
    ".warc.zst": "warc",
    ".wet": "wet",
    ".wet.gz": "wet",
    ".warc.wet": "wet",
    ".warc.wet.gz": "wet",
    ".parquet": "parquet",
}
READ_BYTES = 1 << 20
# What stores (S3, HTTP, Google, Azure, SFTP, memory) say of an object that changes when its content does.
REMOTE_IDENTITY = ("size", "ETag", "etag", "md5Hash", "content_md5", "mtime", "LastModified", "created")


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it was found: either HTML bytes or text, never both."""

    url: str
    html: bytes | None = None
    text: str | None = None
    charset: str | None = None  # as declared by the server, which may be wrong
    date: str = ""  # ISO, of the visit; later visits win over earlier ones
    language: str = "text"  # of the text, in the words of `document.language`


@dataclass(frozen=True, slots=True)
class Damaged:
    """A record that could not be read: where it is, how long it says it is, and why."""

    where: str
    size: int
    error: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A sound record that is no page (a request, an image, an error page); only counted."""

    why: str


class PageFile(Protocol):
    """One task of the extraction: picklable, and with a digest of what it will read."""

    @property
    def label(self) -> str:
        """Short name for messages; does not depend on where the file lies."""
        ...

    @property
    def digest(self) -> str:
        """Identity of the content."""
        ...

    def pages(self) -> Iterator[Page | Damaged | Skipped]:
        """Read the file."""
        ...


@dataclass(frozen=True)
class PageSource:
    """All the pages of one recall."""

    description: str
    files: Sequence[PageFile]

    @property
    def digest(self) -> str:
        """Identity of the input, whatever the order of its files."""
        return sha256_text(canonical_json(sorted((file.label, file.digest) for file in self.files)))


@dataclass(frozen=True)
class StoredFile:
    """A WARC, WET or Parquet file at an fsspec address."""

    path: str
    format: Format
    digest: str

    @property
    def label(self) -> str:
        """File name without its folder."""
        return self.path.rsplit("/", 1)[-1]

    def pages(self) -> Iterator[Page | Damaged | Skipped]:
        """Read the file with the reader of its format."""
        from opencoder_dag.web import readers

        return readers.read(self.path, self.format, self.label)


def page_source(web_input: str | None, installed_bytes: int = 20_000_000) -> PageSource:
    """The pages behind an address: a path, a glob or an fsspec address, or a list of them (`*.paths.gz`).

    None means the documentation of what is installed (`installed.py`), `installed_bytes` of it. Raises
    `InputError` when nothing is there or the format is not known.
    """
    if web_input is None:
        from opencoder_dag.web.installed import installed_pages

        return installed_pages(installed_bytes)
    paths = _listed(web_input) if web_input.endswith((".paths", ".paths.gz")) else _found(web_input)
    if not paths:
        raise InputError(f"web input {web_input}: nothing there")
    files = [stored_file(path) for path in paths]
    return PageSource(web_input, sorted(files, key=lambda file: (file.label, file.digest)))


def stored_file(path: str) -> StoredFile:
    """A file by address, identified by its content (local) or by what the store says of it (remote)."""
    return StoredFile(path, format_of(path), _content_digest(path))


def format_of(path: str) -> Format:
    """Format by file name; raises `InputError` for one that is not known."""
    name = path.lower()
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if name.endswith(suffix):
            return SUFFIXES[suffix]
    raise InputError(f"web input {path}: not a WARC, WET or Parquet file (by name: {', '.join(SUFFIXES)})")


def _found(address: str) -> list[str]:
    fs, target = fsspec.core.url_to_fs(address)
    try:
        if fs.isdir(target):
            known = tuple(SUFFIXES)
            folder = f"{target}/kept" if fs.exists(f"{target}/manifest.json") else target  # a stage's output
            found = [path for path in fs.find(folder) if path.lower().endswith(known)]
        else:
            found = fs.glob(target) if any(mark in target for mark in "*?[") else [target] * fs.exists(target)
    except OSError as error:
        raise InputError(f"web input {address}: {error}") from None
    return [fs.unstrip_protocol(path) if "://" in address else path for path in sorted(found)]


def _listed(address: str) -> list[str]:
    """A list as Common Crawl publishes it: one path a line, relative to the store that the list is in."""
    try:
        with fsspec.open(address, "rb") as handle:
            raw = handle.read()
        text = (gzip.decompress(raw) if address.endswith(".gz") else raw).decode("utf-8")
    except FileNotFoundError:
        raise InputError(f"web input {address}: nothing there") from None
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"web input {address}: not a list of paths ({error})") from None
    names = [row[0].strip() for row in csv.reader(text.splitlines()) if row and row[0].strip()]
    return [name if "://" in name or name.startswith("/") else _beside(address, name) for name in names]


def _beside(address: str, name: str) -> str:
    """Resolve a listed name: in the bucket when it repeats a folder of the list, else beside the list."""
    folder = address.rsplit("/", 1)[0] if "/" in address else "."
    first = name.split("/", 1)[0]
    parts = folder.split("/")
    if first in parts:
        return "/".join([*parts[: parts.index(first)], name])
    return f"{folder}/{name}"


def _content_digest(path: str) -> str:
    fs, target = fsspec.core.url_to_fs(path)
    try:
        if "file" not in (fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,)):
            info = fs.info(target)
            told = {key: str(info[key]) for key in REMOTE_IDENTITY if info.get(key) is not None}
            return sha256_text(canonical_json(told))
        digest = hashlib.sha256()
        with open(target, "rb") as handle:  # noqa: PTH123 - a name that fsspec gave
            while block := handle.read(READ_BYTES):
                digest.update(block)
        return digest.hexdigest()
    except OSError as error:
        raise InputError(f"web input {path}: {error.strerror or error}") from None
