"""The rules against the decisions and signal values of the released filter on real files.

Needs the tables in `shared/reference` and the files that `benchmarks/fetch_reference.py` fetches, by
default in `reference-files` beside the checkout (or where OPENCODER_REFERENCE_FILES says). A fixed sample
is judged: the files whose SHA-256 starts with 0 or 1; OPENCODER_REFERENCE_ALL=1 judges all. docs/rules.md
explains deviations.
"""

from __future__ import annotations

import csv
import gzip
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from opencoder_dag.rules import SourceFile
from opencoder_dag.rules.judge import judge_file
from opencoder_dag.rules.profiles import OWN_PROFILES
from opencoder_dag.rules.signal import all_signals

BESIDE = Path(__file__).resolve().parents[3]
TABLES = BESIDE / "shared" / "reference"
FILES = Path(os.environ.get("OPENCODER_REFERENCE_FILES", BESIDE / "reference-files")) / "files"
EVERYTHING = os.environ.get("OPENCODER_REFERENCE_ALL") == "1"
# Rules whose default differs from the release on purpose (docs/rules.md, "Where we differ").
DEVIATIONS = {
    "qsc_code_cate_autogen",
    "qsc_code_frac_chars_comments",
    "qsc_codepython_frac_lines_pass",
    "qsc_codepython_frac_lines_import",
    "qsc_codepython_frac_lines_print",
    "qsc_codepython_score_lines_no_logic",
    "qsc_codecsharp_cate_var_zero",
    "qsc_codego_cate_var_zero",
    "qsc_codejavascript_cate_ast",
}
# Signals of the text without comments, or of the comments.
NEED_COMMENTS = re.compile(
    r"comments|dupe_lines|long_string|string_length|long_word|string_concat|qsc_code_frac_chars_hex|assert"
    r"|_func|_logic|_print|_pass|_import|simplefunc|preprocessor|goto|main|bitsstdc|_legal_|no_modifier"
    r"|var_zero|num_statement"
)


def rows(name: str) -> list[dict[str, str]]:
    path = TABLES / name
    if not path.exists():
        pytest.skip(f"no reference tables: {path.name} is not in shared/reference beside the checkout")
    if not FILES.is_dir():
        pytest.skip("no reference files: run benchmarks/fetch_reference.py first")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as handle:
        return [row for row in csv.DictReader(handle) if EVERYTHING or row["sha256"][0] in "01"]


def read(row: dict[str, str], released: bool) -> SourceFile | None:
    path = FILES / row["sha256"]
    if not path.exists():
        return None
    data = path.read_bytes()
    return SourceFile(
        data.decode(), row["path"], row["language"], row["doc_type"], size=len(data), released=released
    )


@pytest.mark.parametrize("released", [True, False])
def test_decisions_agree(released: bool):
    judged = agreed = 0
    causes: Counter[str] = Counter()
    for row in rows("refinecode_decisions_visible.csv.gz"):
        if row["language"] not in OWN_PROFILES and row["doc_type"] not in ("text", "data"):
            continue
        file = read(row, released)
        if file is None:
            continue
        verdict = judge_file(file, 0, row["sha256"])
        assert not verdict.errors
        hits = {*verdict.hits, *verdict.spared}
        expected = set(re.split(r"[\s;,|]+", row["rules_hit"].strip())) - {""}
        if not released and (hits ^ expected) & DEVIATIONS:
            continue
        judged += 1
        if (not hits) == (row["keep_if_random_fires"] == "1"):
            agreed += 1
        else:
            causes.update(hits ^ expected)
    assert judged > 900
    print(f"{agreed} of {judged} decisions agree ({agreed / judged:.4f}); differing rules: {dict(causes)}")
    assert agreed / judged >= 0.985, causes


def test_signal_values_agree():
    decisions = {row["sha256"]: row for row in rows("refinecode_decisions_visible.csv.gz")}
    files: dict[str, SourceFile | None] = {}
    close: Counter[bool] = Counter()
    total: Counter[bool] = Counter()
    off: Counter[str] = Counter()
    for row in rows("refinecode_signals_visible.csv.gz"):
        digest = row["sha256"]
        if digest not in files:
            files[digest] = read(decisions[digest], True)
        file = files[digest]
        if file is None:
            continue
        value = all_signals()[row["signal"]].compute(file)
        needs = NEED_COMMENTS.search(row["signal"]) is not None
        tolerance = 0.01 if needs else 1e-6
        expected = float(row["value"]) if row["value"] else None
        total[needs] += 1
        if (value is None) == (expected is None) and (value is None or abs(value - expected) <= tolerance):
            close[needs] += 1
        else:
            off[row["signal"]] += 1
    print({needs: close[needs] / total[needs] for needs in total}, off.most_common(12))
    assert close[False] / total[False] >= 0.99, off
    assert close[True] / total[True] >= 0.95, off
