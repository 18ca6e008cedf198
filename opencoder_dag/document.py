"""The one row that every corpus shares, and the verdict of a stage on it.

Belongs here: the Arrow schemas of documents, removals and quarantine, and the small functions that build
rows of them. Does not belong here: anything that decides.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from opencoder_dag.errors import InputError

DOCUMENT_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("content", pa.large_string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),  # hex, of the UTF-8 bytes of content
        pa.field("path", pa.string(), nullable=False),  # inside the repository, or the path of a URL
        pa.field("repo", pa.string(), nullable=False),  # or the registered domain of a page
        pa.field("stars", pa.int64()),
        pa.field("commit_time", pa.timestamp("us", tz="UTC")),
        pa.field("language", pa.string(), nullable=False),
        pa.field("doc_type", pa.string(), nullable=False),  # code, data, text
        pa.field("license", pa.string()),
        pa.field("size", pa.int64(), nullable=False),  # bytes of content as UTF-8
        pa.field("source", pa.string(), nullable=False),
    ]
)

REMOVED_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("repo", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),  # the rule, in snake_case
        pa.field("evidence", pa.string(), nullable=False),  # JSON: value and threshold, or the duplicate kept
    ]
)

QUARANTINED_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("repo", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("error", pa.string(), nullable=False),  # one line
    ]
)


def document_id(source: str, repo: str, path: str, sha256: str) -> str:
    """Stable 32-digit hex id of a document, from its origin and its content's hex digest."""
    return hashlib.sha256(
        "\0".join((source, repo, path, sha256)).encode("utf-8", "surrogatepass")
    ).hexdigest()[:32]


def document_row(
    content: str,
    *,
    source: str,
    repo: str,
    path: str,
    language: str,
    doc_type: str,
    stars: int | None = None,
    commit_time: datetime | None = None,
    license: str | None = None,
    **extra: Any,
) -> dict[str, Any]:
    """One document as a dictionary in the columns of `DOCUMENT_SCHEMA` (and `extra` ones, if given)."""
    encoded = content.encode("utf-8")
    digest = hashlib.sha256(encoded).hexdigest()
    return {
        "doc_id": document_id(source, repo, path, digest),
        "content": content,
        "sha256": digest,
        "path": path,
        "repo": repo,
        "stars": stars,
        "commit_time": commit_time,
        "language": language,
        "doc_type": doc_type,
        "license": license,
        "size": len(encoded),
        "source": source,
        **extra,
    }


@dataclass(frozen=True)
class Judged:
    """A stage's verdict on one shard: every document of the input is in exactly one of the three tables.

    `kept` has `DOCUMENT_SCHEMA` (a stage may add columns after it), `removed` has `REMOVED_SCHEMA` and
    `quarantined` has `QUARANTINED_SCHEMA`. `facts` are counts that the stage wants summed over shards
    (nested mappings of numbers).
    """

    kept: pa.Table
    removed: pa.Table
    quarantined: pa.Table
    facts: Mapping[str, Any]

    @property
    def rows(self) -> int:
        """Documents judged."""
        return self.kept.num_rows + self.removed.num_rows + self.quarantined.num_rows


def judge_rows(
    table: pa.Table,
    verdicts: Sequence[tuple[str, Mapping[str, Any]] | Exception | None],
    facts: Mapping[str, Any] | None = None,
) -> Judged:
    """Split `table` by one verdict a row: None keeps it, (reason, evidence) removes it, an exception
    quarantines it."""
    if len(verdicts) != table.num_rows:
        raise ValueError(f"{len(verdicts)} verdicts for {table.num_rows} documents")
    kept, removed, quarantined = [], [], []
    reasons: list[str] = []
    evidence: list[str] = []
    errors: list[str] = []
    for row, verdict in enumerate(verdicts):
        if verdict is None:
            kept.append(row)
        elif isinstance(verdict, Exception):
            quarantined.append(row)
            errors.append(one_line(verdict))
        else:
            removed.append(row)
            reasons.append(verdict[0])
            evidence.append(json.dumps(verdict[1], ensure_ascii=False, sort_keys=True))
    origin = table.select(["doc_id", "repo", "path", "size"])
    return Judged(
        kept=table.take(pa.array(kept, pa.int64())) if len(kept) < table.num_rows else table,
        removed=_with_columns(origin, removed, REMOVED_SCHEMA, reasons, evidence),
        quarantined=_with_columns(origin, quarantined, QUARANTINED_SCHEMA, errors),
        facts=facts or {},
    )


def _with_columns(origin: pa.Table, rows: list[int], schema: pa.Schema, *columns: list[str]) -> pa.Table:
    taken = origin.take(pa.array(rows, pa.int64()))
    arrays = [*taken.columns, *(pa.array(column, pa.string()) for column in columns)]
    return pa.table(
        [array.cast(field.type) for array, field in zip(arrays, schema, strict=True)], schema=schema
    )


def one_line(error: BaseException) -> str:
    """An exception as one line: its type and its message."""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def as_documents(table: pa.Table, where: str) -> pa.Table:
    """Cast a table that a user gave to the document schema.

    Only `content` is needed; other columns get neutral values when absent, and columns outside the schema
    are dropped. Raises `InputError` naming `where` (a file) when `content` is missing or a column has a
    type that cannot be read.
    """
    if "content" not in table.column_names:
        raise InputError(f"{where}: no column 'content' (found: {', '.join(table.column_names) or 'none'})")
    if all(name in table.column_names for name in DOCUMENT_SCHEMA.names):
        try:
            return table.select(DOCUMENT_SCHEMA.names).cast(DOCUMENT_SCHEMA)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
            raise InputError(f"{where}: {one_line(error)}") from None
    content = table["content"]
    if not (pa.types.is_string(content.type) or pa.types.is_large_string(content.type)):
        raise InputError(f"{where}: column 'content' holds {content.type}, not text")
    if content.null_count:
        row = pc.index(content.is_null(), True).as_py()
        raise InputError(f"{where}: row {row}: column 'content' is empty (null), not text")
    encoded = content.cast(pa.large_binary()).to_pylist()
    try:
        return _with_origin(table, encoded)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, ValueError) as error:
        raise InputError(f"{where}: {one_line(error)}") from None


def _with_origin(table: pa.Table, encoded: list[bytes]) -> pa.Table:
    """The document columns of a table with `content`; the others get neutral values where absent or empty."""
    count = table.num_rows

    def given(name: str) -> Any:
        kind = DOCUMENT_SCHEMA.field(name).type
        return (
            table[name].cast(kind)
            if name in table.column_names
            else pa.chunked_array([pa.nulls(count, kind)])
        )

    def text(name: str, neutral: Any) -> list[str]:
        values = given(name)
        missing = pc.fill_null(pc.equal(values, ""), True)
        return list(pc.if_else(missing, neutral, values).to_pylist())

    source, repo = text("source", "parquet"), text("repo", "")
    path = text("path", pa.array([f"row-{row}" for row in range(count)], pa.string()))
    digests = [hashlib.sha256(content).hexdigest() for content in encoded]
    identity = [document_id(*origin) for origin in zip(source, repo, path, digests, strict=True)]
    columns = {
        "doc_id": text("doc_id", pa.array(identity, pa.string())),
        "content": table["content"].cast(pa.large_string()),
        "sha256": digests,
        "path": path,
        "repo": repo,
        "stars": given("stars"),
        "commit_time": given("commit_time"),
        "language": text("language", "unknown"),
        "doc_type": text("doc_type", "code"),
        "license": given("license"),
        "size": [len(content) for content in encoded],
        "source": source,
    }
    return pa.table([columns[field.name] for field in DOCUMENT_SCHEMA], schema=DOCUMENT_SCHEMA)
