"""Parquet files of code as a source: The Stack v1 and v2, RefineCode, or this project's own documents.

Belongs here: listing a file by slices of its row groups, so that a part of a large file can be chosen without
reading it, and turning rows into files. What the columns mean is `columns.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from opencoder_dag.errors import InputError
from opencoder_dag.sources.columns import NAMES, columns_of, described
from opencoder_dag.sources.decide import UnreadableError
from opencoder_dag.sources.source import Entry, Origin, RawFile, Repository

SLICES = 2000  # a file is listed as about so many slices, unless they would get smaller than this:
SLICE_BYTES = 1 << 16


@dataclass(frozen=True)
class ParquetRows:
    """The rows of one Parquet file. An entry `GROUP:FIRST-LAST` is a bundle of rows of one row group."""

    url: str
    name: str

    def entries(self) -> Iterable[Entry]:
        """Slices of about equal size; sizes come from the footer and assume rows of equal length."""
        with fsspec.open(self.url, "rb") as handle:
            metadata = pq.ParquetFile(handle).metadata
        content = _leaf(metadata, columns_of(metadata.schema.to_arrow_schema().names)["content"])
        sizes = [
            metadata.row_group(group).column(content).total_uncompressed_size
            for group in range(metadata.num_row_groups)
        ]
        wanted = max(SLICE_BYTES, sum(sizes) // SLICES)
        for group, size in enumerate(sizes):
            rows = metadata.row_group(group).num_rows
            step = max(1, rows * wanted // max(size, 1))
            for first in range(0, rows, step):
                last = min(first + step, rows)
                yield Entry(f"{group}:{first}-{last}", max(1, size * (last - first) // rows), bundle=True)

    def seal(self, entries: Sequence[Entry]) -> tuple[Entry, ...]:
        """The entries with a digest of the row group that they are in, over the columns that are used."""
        digests: dict[int, str] = {}
        with fsspec.open(self.url, "rb") as handle:
            metadata = pq.ParquetFile(handle).metadata
            for group in sorted({_rows(entry)[0] for entry in entries}):
                digests[group] = _digest(handle, metadata, group)
        return tuple(replace(entry, digest=f"rows:{digests[_rows(entry)[0]]}") for entry in entries)

    def read(self, entries: Sequence[Entry]) -> Iterator[RawFile]:
        """The rows of the entries as files; a row group that cannot be read is one file with the error."""
        held: tuple[int, pa.Table | Exception] | None = None
        with fsspec.open(self.url, "rb") as handle:
            file = pq.ParquetFile(handle)
            columns = columns_of(file.schema_arrow.names)
            for entry in entries:
                group, first, last = _rows(entry)
                if held is None or held[0] != group:
                    held = (group, _read_group(file, group, list(columns.values())))
                table = held[1]
                if isinstance(table, Exception):
                    yield RawFile(entry, table)
                    continue
                for number, row in enumerate(table.slice(first, last - first).to_pylist(), first):
                    yield self._file(row, columns, f"{group}-{number}")

    def _file(self, row: dict[str, Any], columns: dict[str, str], place: str) -> RawFile:
        about = described(row, columns)
        origin = Origin(
            about.source or "parquet", about.repo or self.name, about.stars, about.commit_time, about.license
        )
        content = _bytes(row[columns["content"]])
        size = len(content) if isinstance(content, bytes) else 1
        path = about.path or f"{self.name}/{place}"
        return RawFile(Entry(path, size), content, origin, about.language)


@dataclass(frozen=True)
class Parquet:
    """One Parquet file, a folder of them or a pattern, on any file system that fsspec knows.

    Each file is listed as a repository; its documents carry the repository of their row.
    """

    path: str

    def repositories(self) -> list[Repository]:
        """The files by name; raises `InputError` when there is none, or one has no column of content."""
        fs, root = fsspec.core.url_to_fs(self.path)
        if "*" in root:
            found = fs.glob(root)
        elif fs.isdir(root):
            found = [path for path in fs.find(root) if path.endswith(".parquet")]
        else:
            found = [root] if fs.exists(root) else []
        if not found:
            raise InputError(f"source parquet:{self.path}: no such Parquet file")
        base = root.split("*", 1)[0].rpartition("/")[0] if not fs.isdir(root) else root.rstrip("/")
        files = [(path.removeprefix(base).lstrip("/"), fs.unstrip_protocol(path)) for path in sorted(found)]
        for _, url in files:
            _check(url)
        return [Repository(name, "parquet", "", ParquetRows(url, name), url=url) for name, url in files]


def _check(url: str) -> None:
    try:
        with fsspec.open(url, "rb") as handle:
            names = pq.ParquetFile(handle).schema_arrow.names
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{url}: cannot be read as Parquet ({' '.join(str(error).split())})") from None
    if "content" not in columns_of(names):
        wanted = " or ".join(f"'{name}'" for name in NAMES["content"])
        raise InputError(f"{url}: no column {wanted} (found: {', '.join(names) or 'none'})")


def _rows(entry: Entry) -> tuple[int, int, int]:
    group, _, rows = entry.path.partition(":")
    first, _, last = rows.partition("-")
    return int(group), int(first), int(last)


def _leaf(metadata: pq.FileMetaData, column: str) -> int:
    """Position of a column among the leaves of the schema."""
    paths = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
    return next(index for index, path in enumerate(paths) if path == column or path.startswith(f"{column}."))


def _digest(handle: Any, metadata: pq.FileMetaData, group: int) -> str:
    """Digest of the stored bytes of a row group's used columns; the same wherever the file lies."""
    used = set(columns_of(metadata.schema.to_arrow_schema().names).values())
    digest = hashlib.sha256()
    for index in range(metadata.num_columns):
        chunk = metadata.row_group(group).column(index)
        if chunk.path_in_schema.partition(".")[0] not in used:
            continue
        start = chunk.dictionary_page_offset or chunk.data_page_offset
        handle.seek(min(start, chunk.data_page_offset))
        digest.update(f"{chunk.path_in_schema}\0".encode())
        digest.update(handle.read(chunk.total_compressed_size))
    return digest.hexdigest()


def _read_group(file: pq.ParquetFile, group: int, columns: list[str]) -> pa.Table | Exception:
    try:
        return file.read_row_group(group, columns=columns)
    except (OSError, pa.ArrowException) as error:
        return UnreadableError(f"row group {group}: {error}")


def _bytes(value: Any) -> bytes | Exception:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, bytes):
        return value
    return UnreadableError(f"content holds {type(value).__name__}, not text")
