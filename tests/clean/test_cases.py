"""Precision and recall on the labelled set `cases.jsonl`, as counts.

A case of personal data marks what has to be replaced as `«kind:value»`; a case of a notice has the text that
is expected. Counts are exact: a change that finds more or less has to be looked at and written down here and
in `docs/clean.md`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from opencoder_dag.clean import clean_text
from opencoder_dag.clean.copyright import remove_notice
from opencoder_dag.clean.personal_data import find_personal_data

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "cases.jsonl").read_text(encoding="utf-8").splitlines()
]
MARK = re.compile(r"«(\w+):(.*?)»", re.DOTALL)

EXPECTED = {  # kind: (found, found wrongly, missed)
    "email": (28, 1, 2),
    "ip": (23, 0, 0),
    "key": (32, 0, 0),
    "password": (33, 0, 5),
    "copyright": (59, 0, 0),
}
MISSED_OR_WRONG = ["p024", "p025", "p110", "p111", "p112", "p113", "p114"]


def read_marks(marked: str) -> tuple[str, set[tuple[int, int, str]]]:
    """The text without its marks, and the spans that were marked."""
    text, spans, done = "", set(), 0
    for match in MARK.finditer(marked):
        text += marked[done : match.start()]
        spans.add((len(text), len(text) + len(match[2]), match[1]))
        text += match[2]
        done = match.end()
    return text + marked[done:], spans


def test_precision_and_recall() -> None:
    found: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    failures = []
    for case in CASES:
        if case["about"] == "personal_data":
            text, expected = read_marks(case["text"])
            spans = set(find_personal_data(text, case["language"]))
            found.update(kind for *_, kind in spans & expected)
            wrong.update(kind for *_, kind in spans - expected)
            missed.update(kind for *_, kind in expected - spans)
            failed = spans != expected
        else:
            cleaned, _ = remove_notice(case["text"], case["language"])
            failed = cleaned != case["expected"]
            has_notice = case["expected"] != case["text"]
            (missed if failed and has_notice else wrong if failed else found)["copyright"] += (
                failed or has_notice
            )
        failures += [case["id"]] * failed
    assert {kind: (found[kind], wrong[kind], missed[kind]) for kind in EXPECTED} == EXPECTED
    assert failures == MISSED_OR_WRONG


def test_the_set_is_what_the_documentation_says() -> None:
    assert len(CASES) == 405
    marked = [case for case in CASES if case["about"] == "personal_data" and MARK.search(case["text"])]
    notices = [case for case in CASES if case["about"] == "copyright" and case["expected"] != case["text"]]
    assert (len(marked), len(notices)) == (116, 59)


@pytest.mark.parametrize("about", ["personal_data", "copyright"])
def test_cleaning_is_idempotent_on_every_case(about: str) -> None:
    for case in CASES:
        if case["about"] == about:
            text, _ = read_marks(case["text"])
            once, _ = clean_text(text, case["language"], copyright=True, personal_data=True)
            again, counts = clean_text(once, case["language"], copyright=True, personal_data=True)
            assert (again, counts) == (once, {}), case["id"]


def test_only_the_notice_is_removed() -> None:
    """What is left is a subsequence of the text's lines, but for the markup of a comment that goes on."""
    for case in CASES:
        if case["about"] == "copyright":
            cleaned, _ = remove_notice(case["text"], case["language"])
            lines = iter(case["text"].splitlines())
            for line in cleaned.splitlines():
                if re.search(r"\w", line):
                    assert line in lines, case["id"]
