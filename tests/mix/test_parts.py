"""The algorithmic corpus is found by its keywords, and only in code."""

from __future__ import annotations

import pyarrow as pa
import pytest

from opencoder_dag.document import DOCUMENT_SCHEMA, document_row
from opencoder_dag.mix.parts import algorithmic, is_algorithmic


@pytest.mark.parametrize(
    "text",
    [
        "# LeetCode 1: two sum",
        "class Solution:\n    def twoSum(self): ...",
        "def solution(n):\n    return n",
        "Uses dynamic programming with memoization.",
        "Dijkstra's shortest path",
        "merge sort runs in O(n log n) time complexity",
    ],
)
def test_algorithmic_texts(text: str) -> None:
    assert is_algorithmic(text)


@pytest.mark.parametrize(
    "text",
    [
        "def resolution(n): return n",
        "class SolutionSet: pass",
        "the pip resolver uses backtracking",
        "binary search here and binary search there",
        "",
    ],
)
def test_other_texts(text: str) -> None:
    assert not is_algorithmic(text)


def test_rows_agree_with_the_text_rule_and_only_code_counts() -> None:
    rows = [
        document_row(text, source="t", repo="r", path=str(index), language="Python", doc_type=kind)
        for index, (text, kind) in enumerate(
            [
                ("# leetcode", "code"),
                ("# leetcode", "text"),
                ("x = 1", "code"),
                ("n-queens by Backtracking", "code"),
            ]
        )
    ]
    assert algorithmic(pa.Table.from_pylist(rows, DOCUMENT_SCHEMA)) == [True, False, False, True]
