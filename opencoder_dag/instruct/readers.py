"""Public instruction sets, from files or by hub id, row by row.

Belongs here: finding the files of a set and reading them as they come: Parquet, JSON Lines, JSON, each also
packed. Does not belong here: what the columns mean (`formats.py`).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from opencoder_dag.document import one_line
from opencoder_dag.errors import InputError
from opencoder_dag.instruct.formats import FORMATS, Pair, Refused, format_of
from opencoder_dag.recipe import near_miss

SUFFIXES = (".parquet", ".jsonl", ".jsonl.gz", ".json", ".json.gz", ".ndjson")
_HUB_ID = re.compile(r"^[\w.-]+/[\w.-]+(:[\w./-]+)?$")


def location_of(source: str) -> str:
    """An fsspec address: a path as it is, `owner/name` (and `:folder` in it) as a data set of the hub.

    The hub's files are read through `huggingface_hub`, with its own settings for address and access.
    """
    if "://" in source or fsspec.filesystem("file").exists(source):
        return source
    if _HUB_ID.match(source):
        name, _, folder = source.partition(":")
        return f"hf://datasets/{name}{f'/{folder}' if folder else ''}"
    raise InputError(f"{source}: no such file or folder, and not a hub id of the form owner/name")


def files_of(source: str) -> list[str]:
    """The data files of a set, sorted; raises `InputError` when there are none."""
    address = location_of(source)
    try:
        fs, path = fsspec.core.url_to_fs(address)
        names = [path] if fs.isfile(path) else sorted(fs.find(path))
    except (OSError, ValueError, ImportError) as error:
        raise InputError(f"{source}: cannot be listed ({one_line(error)})") from None
    found = [name for name in names if name.endswith(SUFFIXES) and "/." not in name.removeprefix(path)]
    if not found:
        raise InputError(f"{source}: no instruction files (looked for {', '.join(SUFFIXES)})")
    return [str(fs.unstrip_protocol(name)) for name in found]


def digest_of(source: str) -> str:
    """Digest over the bytes of all files of a set, for fingerprints."""
    digest = hashlib.sha256()
    for file in files_of(source):
        with fsspec.open(file, "rb") as handle:
            while block := handle.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def read_rows(file: str) -> Iterator[dict[str, Any] | Refused]:
    """The rows of one file; a line that is not an object comes as the reason why.

    Raises `InputError` naming the file when it cannot be read at all.
    """
    try:
        with fsspec.open(file, "rb") as handle:
            if file.endswith(".parquet"):
                for batch in pq.ParquetFile(handle).iter_batches(1024):
                    yield from batch.to_pylist()
                return
            stream: Any = gzip.GzipFile(fileobj=handle) if file.endswith(".gz") else handle
            if file.removesuffix(".gz").endswith(".json"):
                yield from _array(stream.read())
            else:
                yield from _lines(stream)
    except (OSError, EOFError, pa.ArrowInvalid, ValueError) as error:
        raise InputError(f"{file}: cannot be read ({one_line(error)})") from None


def _lines(stream: io.BufferedIOBase) -> Iterator[dict[str, Any] | Refused]:
    for line in stream:
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                yield Refused(f"not JSON ({error})")
                continue
            yield row if isinstance(row, dict) else Refused("not an object")


def _array(content: bytes) -> Iterator[dict[str, Any] | Refused]:
    """A JSON array of objects; files that are JSON Lines under the name .json are read as such."""
    try:
        rows = json.loads(content)
    except ValueError:
        if b"\n" not in content.strip():
            raise
        yield from _lines(io.BytesIO(content))
        return
    if not isinstance(rows, list):
        rows = [rows]
    for row in rows:
        yield row if isinstance(row, dict) else Refused("not an object")


def read_pairs(source: str, format: str = "auto") -> Iterator[tuple[str, Pair | Refused]]:
    """Every row of a set with its place (`file:row`), as a pair or as the reason why it is none.

    Raises `InputError` for an unknown format and for a file whose columns fit none.
    """
    if format != "auto" and format not in FORMATS:
        raise InputError(f"instruction set {source}: no format '{format}'{near_miss(format, list(FORMATS))}")
    for file in files_of(source):
        name = file.rpartition("/")[2]
        for number, row in enumerate(read_rows(file)):
            place = f"{name}:{number}"
            if isinstance(row, Refused):
                yield place, row
                continue
            found = format_of(list(row)) if format == "auto" else format
            if found is None:
                raise InputError(
                    f"{file}: row {number}: columns {', '.join(sorted(row))} fit no format"
                    f" (known: {', '.join(FORMATS)})"
                )
            try:
                yield place, FORMATS[found](row)
            except Refused as reason:
                yield place, reason
