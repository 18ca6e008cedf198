"""Notebooks as structured text, old and new format, hostile ones too."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencoder_dag.document import document_row
from opencoder_dag.sources.decide import Removed, UnreadableError, judge, removal_before_reading
from opencoder_dag.sources.notebooks import MAX_OUTPUT, notebook_text
from opencoder_dag.sources.source import Entry, Origin, RawFile

FORMAT_4 = {
    "nbformat": 4,
    "cells": [
        {"cell_type": "markdown", "source": ["# Title\n", "Some text."]},
        {
            "cell_type": "code",
            "source": "print(1)\n1 / 0",
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": ["1\n"]},
                {"output_type": "display_data", "data": {"image/png": "aGk=", "text/plain": ["<Figure>"]}},
                {"output_type": "error", "ename": "ZeroDivisionError", "evalue": "\x1b[31mby zero\x1b[0m"},
            ],
        },
        {"cell_type": "code", "source": [], "outputs": []},
        {"cell_type": "raw", "source": "raw"},
    ],
}

FORMAT_3 = {
    "nbformat": 3,
    "worksheets": [
        {
            "cells": [
                {"cell_type": "heading", "level": 2, "source": "Old"},
                {"cell_type": "code", "input": "x", "outputs": [{"output_type": "pyout", "text": "3"}]},
            ]
        }
    ],
}


def judged(content: str) -> object:
    data = content.encode()
    return judge(RawFile(Entry("a.ipynb", len(data)), data), Origin("test", "own"))


def test_cells_become_text_code_and_results() -> None:
    assert notebook_text(json.dumps(FORMAT_4)) == (
        "<jupyter_start>\n<jupyter_text>\n# Title\nSome text.\n<jupyter_code>\nprint(1)\n1 / 0\n"
        "<jupyter_output>\n1\n<Figure>\nZeroDivisionError: by zero\n<jupyter_text>\nraw\n"
    )


def test_the_old_format_too() -> None:
    assert notebook_text(json.dumps(FORMAT_3)) == (
        "<jupyter_start>\n<jupyter_text>\n## Old\n<jupyter_code>\nx\n<jupyter_output>\n3\n"
    )


def test_a_notebook_is_read_and_kept_as_code() -> None:
    assert removal_before_reading(Entry("a.ipynb", 10)) is None
    row = judged(json.dumps(FORMAT_4))
    assert isinstance(row, dict)
    assert (row["language"], row["doc_type"]) == ("jupyter notebook", "code")


@pytest.mark.parametrize(
    "content", ["{", "[]", "3", '"text"', "{}", '{"cells": [1]}', '{"worksheets": 3}', '{"worksheets": [[]]}',
    "[" * 200_000,
     '{"cells": ' * 100_000],
)  # fmt: skip
def test_what_is_no_notebook_is_quarantined_in_one_line(content: str) -> None:
    verdict = judged(content)
    assert isinstance(verdict, UnreadableError)
    assert "not a notebook" in str(verdict)
    assert len(str(verdict)) < 300


def test_a_notebook_without_content_is_empty() -> None:
    verdict = judged('{"cells": []}')
    assert isinstance(verdict, Removed)
    assert verdict.reason == "empty_file"


def test_long_results_are_cut_and_characters_that_are_none_are_replaced() -> None:
    cell = {"cell_type": "code", "source": "x", "outputs": [{"text": "y" * 10_000}]}
    assert len(notebook_text(json.dumps({"cells": [cell]}))) < MAX_OUTPUT + 100
    text = notebook_text('{"cells": [{"cell_type": "code", "source": "\\ud800 \\u0000"}]}')
    assert "\ufffd \ufffd" in text
    assert document_row(text, source="", repo="", path="", language="", doc_type="")["size"] > 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["cells", "cell_type", "source", "outputs", "data", "text", "worksheets", "input", "level"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(json_values)
def test_any_json_gives_text_or_a_value_error(value: object) -> None:
    try:
        notebook_text(json.dumps(value)).encode()
    except ValueError:
        return
