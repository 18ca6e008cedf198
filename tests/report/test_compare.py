import random
from pathlib import Path

import pytest

from opencoder_dag.errors import InputError
from opencoder_dag.report.compare import compare_corpora, sides_of

WORDS = ("value", "index", "table", "count", "total", "result", "merge", "parse", "token", "stream", "cache")


def program(number: int) -> dict:
    draw = random.Random(number)
    lines = [
        f"def {draw.choice(WORDS)}_{n}({draw.choice(WORDS)}):\n    return {draw.choice(WORDS)}\n"
        for n in range(12)
    ]
    return {"content": "".join(lines), "repo": "r", "path": f"{number}.py"}


def noise(number: int) -> dict:
    draw = random.Random(number)
    return {
        "content": " ".join(f"0x{draw.getrandbits(64):016x}" for _ in range(40)),
        "repo": "h",
        "path": f"{number}.h",
    }


def test_a_corpus_against_itself_and_against_noise(lake, dataset_of):
    code = dataset_of([program(n) for n in range(120)], name="code")
    mixed = dataset_of([program(n) for n in range(60)] + [noise(n) for n in range(60)], name="mixed")
    same, again = sides_of(compare_corpora(lake, code, code, ("a", "b"), 100))
    assert same.spread == again.spread and same.shared == again.shared == 1.0
    first, second = sides_of(compare_corpora(lake, code, mixed, ("code", "mixed"), 100))
    assert second.spread > 1.2 * first.spread
    assert first.outliers == pytest.approx(0.05, abs=0.02)
    assert second.outliers > 0.3  # the half that is noise
    assert (first.shared, second.shared) == (0.5, 0.5)


def test_a_comparison_is_made_once_and_drawn(lake, dataset_of):
    code = dataset_of([program(n) for n in range(30)], name="code")
    made = compare_corpora(lake, code, code, ("a", "b"))
    assert not made.reused and compare_corpora(lake, code, code, ("a", "b")).reused
    assert Path(made.file("comparison.png")).read_bytes().startswith(b"\x89PNG")


def test_corpora_too_small_to_compare(lake, dataset_of):
    few = dataset_of([program(n) for n in range(5)])
    with pytest.raises(InputError, match="fewer than 10 documents"):
        compare_corpora(lake, few, few, ("a", "b"))
