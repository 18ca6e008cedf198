"""Which part of the mix a document belongs to.

Belongs here: the names of the parts and the keywords of the algorithmic corpus (OpenCoder, section 5: files
of the pre-training data that contain words such as "leetcode", "def solution" or "class solution"; the full
list was not published, so the wider one below is this project's). Does not belong here: how much of a part
is used.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

CORPUS, WEB, ALGORITHMIC, SNIPPETS, TEXTBOOKS = "corpus", "web", "algorithmic", "snippets", "textbooks"
CODE_INSTRUCTIONS, LANGUAGE_INSTRUCTIONS = "code_instructions", "language_instructions"
PARTS = (CORPUS, WEB, ALGORITHMIC, SNIPPETS, TEXTBOOKS, CODE_INSTRUCTIONS, LANGUAGE_INSTRUCTIONS)
INSTRUCTIONS = (CODE_INSTRUCTIONS, LANGUAGE_INSTRUCTIONS)  # only where a recipe gives them a share

# One of these is enough: sites of programming problems and the names that their answers carry.
PROBLEM_KEYWORDS = (
    "leetcode",
    r"def solution\b",
    r"class solution\b",
    "codeforces",
    "hackerrank",
    "project euler",
    "rosetta code",
    "topcoder",
    "geeksforgeeks",
)

# Two different ones are needed: a single word such as "backtracking" is often said in passing.
ALGORITHM_KEYWORDS = (
    "dynamic programming",
    "binary search",
    "breadth[- ]first",
    "depth[- ]first",
    "topological(?:ly)? sort",
    "dijkstra",
    "bellman[- ]ford",
    "floyd[- ]warshall",
    "shortest path",
    "spanning tree",
    "strongly connected component",
    "maximum flow",
    "bipartite matching",
    "union[- ]find",
    "disjoint[- ]set",
    "quick ?sort",
    "merge ?sort",
    "heap ?sort",
    "insertion sort",
    "radix sort",
    "priority queue",
    "segment tree",
    "red[- ]black tree",
    "binary (?:search )?tree",
    "knapsack",
    "edit distance",
    "levenshtein",
    "longest common (?:subsequence|substring|prefix)",
    "travell?ing salesman",
    "greatest common divisor",
    "euclidean algorithm",
    "sieve of eratosthenes",
    "prime factor",
    "fibonacci",
    "towers? of hanoi",
    "n[- ]queens",
    "convex hull",
    "memoi[sz]ation",
    "backtracking",
    r"worst[- ]case (?:time|complexity)",
    r"time complexity",
    r"o\(n ?log ?\(?n\)?\)",
    r"o\(n ?(?:\^|\*\*) ?2\)",
)

_ANY = "|".join(PROBLEM_KEYWORDS + ALGORITHM_KEYWORDS)
_PROBLEM = re.compile("|".join(PROBLEM_KEYWORDS), re.IGNORECASE)
_ALGORITHM = re.compile("|".join(f"({keyword})" for keyword in ALGORITHM_KEYWORDS), re.IGNORECASE)


def is_algorithmic(text: str) -> bool:
    """Whether a source file is about algorithms: one problem keyword, or two different algorithm keywords."""
    if _PROBLEM.search(text):
        return True
    first: int | None = None
    for match in _ALGORITHM.finditer(text):
        if first is None:
            first = match.lastindex
        elif match.lastindex != first:
            return True
    return False


def algorithmic(table: pa.Table) -> list[bool]:
    """`is_algorithmic` for every row of documents; only code can be, text about code is web or corpus."""
    # The compiled scan of Arrow leaves few rows for the exact count.
    hits = pc.match_substring_regex(table["content"], _ANY, ignore_case=True).to_pylist()
    types = table["doc_type"].to_pylist()
    contents = table["content"]
    return [
        bool(hit) and kind == "code" and is_algorithmic(contents[row].as_py())
        for row, (hit, kind) in enumerate(zip(hits, types, strict=True))
    ]
