"""The verdict on one raw file: a document, a removal with its reason, or quarantine with the error.

OpenCoder's preprocessing (section 2.2): files above 8 MB go, only known languages stay. Belongs here: what
can be said of one file, by its name and then by its bytes. Which files are looked at is `choose.py`.
"""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from opencoder_dag.document import (
    DOCUMENT_SCHEMA,
    QUARANTINED_SCHEMA,
    REMOVED_SCHEMA,
    Judged,
    document_id,
    document_row,
    one_line,
)
from opencoder_dag.sources.languages import Language, extension_of, language_map, language_of, may_be_known
from opencoder_dag.sources.notebooks import NOTEBOOK, is_notebook, notebook_text
from opencoder_dag.sources.source import Entry, Origin, RawFile, digest_of, printable

MAX_FILE_BYTES = 8_000_000
MAX_STATED_BYTES = (1 << 63) - 1  # an archive may state any size; the column holds this much
UNKNOWN = "unknown_language"
LFS_POINTER = "version https://git-lfs.github.com/spec/"  # stands for a file that is stored elsewhere

# Longest first: the mark of UTF-32 little-endian begins with that of UTF-16.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class UnreadableError(Exception):
    """The bytes of a file cannot be taken as text, or could not be had."""


@dataclass(frozen=True)
class Removed:
    """Why a file is not in the corpus, and the value that says so."""

    reason: str
    evidence: dict[str, Any]


def removal_before_reading(entry: Entry) -> Removed | None:
    """The removal that name and size alone decide, if they do; such files are never read."""
    if entry.removed:
        return Removed(entry.removed, {"path": printable(entry.path)})
    if entry.size > MAX_FILE_BYTES:
        return Removed("file_too_large", {"size": entry.size, "limit": MAX_FILE_BYTES})
    if entry.size == 0:
        return Removed("empty_file", {"size": 0})
    if not may_be_known(entry.path):
        return _unknown(entry.path)
    language = language_of(entry.path)
    if language is not None and language.doc_type == "excluded" and not is_notebook(entry.path):
        return Removed("excluded_type", {"language": language.name})
    return None


def cost(entry: Entry) -> int:
    """Bytes that are read for an entry: none when it is judged without reading."""
    if entry.bundle:
        return entry.size
    return 0 if entry.error or removal_before_reading(entry) is not None else entry.size


def decode(content: bytes) -> str:
    """Text of a file: UTF-8, or UTF-16 or UTF-32 with a byte order mark, which goes; `\\r\\n` becomes `\\n`.

    Raises `UnreadableError` with the byte offset for anything else, NUL bytes included.
    """
    mark, encoding = next((each for each in BYTE_ORDER_MARKS if content.startswith(each[0])), (b"", "utf-8"))
    try:
        if encoding == "utf-8":
            text = content[len(mark) :].decode("utf-8")
        else:
            text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8" and (nul := content.find(b"\0")) >= 0:
            raise UnreadableError(f"binary: NUL byte at offset {nul}") from None
        offset = error.start + (len(mark) if encoding == "utf-8" else 0)
        raise UnreadableError(f"not {encoding.upper()}: {error.reason} at byte {offset}") from None
    if (nul := text.find("\0")) >= 0:
        offset = len(mark) + len(text[:nul].encode("utf-8")) if encoding == "utf-8" else nul
        raise UnreadableError(f"binary: NUL byte at offset {offset}")
    return text.replace("\r\n", "\n")


def judge(file: RawFile, origin: Origin) -> dict[str, Any] | Removed | Exception:
    """The document row of a file, or what speaks against it."""
    entry = file.entry
    if entry.error:
        return UnreadableError(entry.error)
    if isinstance(file.content, Exception):
        return file.content
    told = language_map().by_name.get(file.language or "")
    removal = removal_before_reading(entry)
    if removal is not None and not (removal.reason == UNKNOWN and told):
        return removal
    if entry.digest and digest_of(file.content, entry.digest) not in (entry.digest, None):
        return UnreadableError(
            "changed since it was listed, or does not match the record of its distribution"
        )
    try:
        text = decode(file.content)
    except UnreadableError as error:
        return error
    if text.startswith(LFS_POINTER):
        return Removed("git_lfs_pointer", {"size": len(file.content)})
    language: Language | None = NOTEBOOK
    if is_notebook(entry.path):
        try:
            text = notebook_text(text)
        except ValueError as error:
            return UnreadableError(f"not a notebook: {error}")
    else:
        language = language_of(entry.path, text) or told
    if not text:
        return Removed("empty_file", {"size": len(file.content)})
    if language is None:
        return _unknown(entry.path)
    if language.doc_type == "excluded":
        return Removed("excluded_type", {"language": language.name})
    return document_row(
        text,
        source=origin.source,
        repo=origin.repo,
        path=printable(entry.path),
        language=language.name,
        doc_type=language.doc_type,
        stars=origin.stars,
        commit_time=origin.commit_time,
        license=origin.license,
    )


def judge_all(files: Iterable[tuple[RawFile, Origin]]) -> Judged:
    """Verdicts on many files, in their order; the facts count the bytes that were read for them."""
    kept: list[dict[str, Any]] = []
    removed: list[dict[str, Any]] = []
    quarantined: list[dict[str, Any]] = []
    bytes_in = 0
    for file, origin in files:
        verdict = judge(file, origin)
        bytes_in += cost(file.entry)
        if isinstance(verdict, Removed):
            evidence = json.dumps(verdict.evidence, ensure_ascii=False, sort_keys=True)
            removed.append(_refusal(file, origin) | {"reason": verdict.reason, "evidence": evidence})
        elif isinstance(verdict, Exception):
            quarantined.append(_refusal(file, origin) | {"error": printable(one_line(verdict))})
        else:
            kept.append(verdict)
    return Judged(
        kept=pa.Table.from_pylist(kept, schema=DOCUMENT_SCHEMA),
        removed=pa.Table.from_pylist(removed, schema=REMOVED_SCHEMA),
        quarantined=pa.Table.from_pylist(quarantined, schema=QUARANTINED_SCHEMA),
        facts={"bytes_in": bytes_in},
    )


def _refusal(file: RawFile, origin: Origin) -> dict[str, Any]:
    path = printable(file.entry.path)
    content = file.content if isinstance(file.content, bytes) else b""
    digest = hashlib.sha256(content).hexdigest() if content else file.entry.digest
    return {
        "doc_id": document_id(origin.source, origin.repo, path, digest),
        "repo": origin.repo,
        "path": path,
        "size": min(file.entry.size, MAX_STATED_BYTES),
    }


def _unknown(path: str) -> Removed:
    extension = extension_of(path)
    return Removed(UNKNOWN, {"extension": printable(extension)} if extension else {"name": _name(path)})


def _name(path: str) -> str:
    return printable(path.rsplit("/", 1)[-1])
