from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from opencoder_dag.document import DOCUMENT_SCHEMA, as_documents, document_row
from opencoder_dag.errors import InputError


def test_absent_and_empty_columns_get_neutral_values() -> None:
    table = pa.table(
        {
            "content": ["x = 1", "é"],
            "path": ["", "b.py"],
            "stars": pa.array([None, 7], pa.int32()),
            "commit_time": [None, datetime(2020, 1, 2, tzinfo=UTC)],
            "doc_id": ["own", None],
            "unrelated": [1, 2],
        }
    )
    neutral = {"source": "parquet", "repo": "", "language": "unknown", "doc_type": "code"}
    second = document_row("é", path="b.py", stars=7, commit_time=datetime(2020, 1, 2, tzinfo=UTC), **neutral)
    expected = [{**document_row("x = 1", path="row-0", **neutral), "doc_id": "own"}, second]
    found = as_documents(table, "here")
    assert found.schema == DOCUMENT_SCHEMA and found.to_pylist() == expected


def test_no_rows() -> None:
    assert as_documents(pa.table({"content": pa.array([], pa.string())}), "here").num_rows == 0


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": ["a"]}, "here: no column 'content' (found: text)"),
        ({"content": [1]}, "here: column 'content' holds int64, not text"),
        ({"content": ["a", None]}, "here: row 1: column 'content' is empty (null), not text"),
        ({"content": ["a"], "stars": ["many"]}, "Failed to parse string: 'many'"),
        ({"content": ["a"], "repo": [[1]]}, "Unsupported cast"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(columns: dict[str, list[object]], message: str) -> None:
    with pytest.raises(InputError) as caught:
        as_documents(pa.table(columns), "here")
    assert message in str(caught.value) and "\n" not in str(caught.value)
