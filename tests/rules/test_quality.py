"""Technical documents, and the quality scorer from a rated sample to a verdict."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opencoder_dag.errors import InputError
from opencoder_dag.rules.quality import (
    QualityScorer,
    Sample,
    is_technical_document,
    read_sample,
    train_scorer,
)

ENGLISH = "This is how you use the library with a list of names. It is made for this and for that.\n\n"
CHINESE = "这是一个关于如何使用该库的说明文档，请先安装依赖，然后运行下面的示例代码。\n\n"
GERMAN = (
    "Dies ist die Anleitung, wie man die Bibliothek mit einer Liste von Namen benutzt und was sie tut.\n\n"
)
RUSSIAN = "Это руководство по использованию библиотеки с примерами кода.\n\n"
FENCE = "```python\nprint('x')\n```\n"

DOCUMENTS = [
    ("README.md", ENGLISH + FENCE, True),
    ("docs/use.markdown", ENGLISH + "~~~ {.py}\nprint('x')\n~~~\n", True),
    ("docs/zh.md", CHINESE + FENCE, True),
    ("docs/de.md", GERMAN + FENCE, False),
    ("docs/ru.md", RUSSIAN + FENCE, False),
    ("README.md", ENGLISH + "```js\nlet x\n```\n", False),
    ("README.md", ENGLISH + "python is not fenced here\n", False),
    ("use.rst", ENGLISH + ".. code-block:: python\n\n    print('x')\n", True),
    ("use.rst", ENGLISH + ">>> print('x')\nx\n", True),
    ("use.rst", ENGLISH + ".. code-block:: c\n\n    int x;\n", False),
    ("use.rst", ENGLISH + ".. code-block::\n\n    int x;\n", False),
    ("use.rst", ENGLISH + ".. testcode::\n\n    print('x')\n", True),
    ("use.txt", ENGLISH + FENCE, False),
]


@pytest.mark.parametrize(("path", "text", "expected"), DOCUMENTS)
def test_technical_documents(path: str, text: str, expected: bool) -> None:
    assert is_technical_document(path, text) is expected


GOOD_WORDS = [
    "because",
    "answer",
    "explains",
    "example",
    "code",
    "returns",
    "list",
    "sort",
    "complexity",
    "note",
    "solution",
    "function",
    "step",
    "reason",
]
BAD_WORDS = [
    "thanks",
    "please",
    "help",
    "urgent",
    "asap",
    "lol",
    "bump",
    "anyone",
    "hello",
    "plz",
    "broken",
    "duplicate",
    "closed",
    "spam",
]
BOTH_WORDS = [
    "the",
    "a",
    "of",
    "and",
    "to",
    "how",
    "python",
    "java",
    "error",
    "question",
    "string",
    "file",
    "loop",
    "array",
    "value",
    "with",
    "is",
    "it",
]


def sample(size: int = 600) -> Sample:
    """Texts whose rating goes with the share of telling words in them, the same every time."""
    draw = random.Random(7)
    texts, scores = [], []
    for _ in range(size):
        share = draw.random()
        words = [
            draw.choice(BOTH_WORDS)
            if draw.random() < 0.6
            else draw.choice(GOOD_WORDS if draw.random() < share else BAD_WORDS)
            for _ in range(80)
        ]
        texts.append(" ".join(words))
        scores.append(10 * share + draw.gauss(0, 0.3))
    return Sample(texts, scores)


def test_scorer_tells_good_from_bad_on_what_it_has_not_seen() -> None:
    scorer = train_scorer(sample(), good=5.0)
    assert scorer.facts["trained_on"] + scorer.facts["held_out"] == 600
    assert scorer.facts["accuracy"] >= 0.9
    assert scorer.facts["recall"] >= 0.9
    good, bad, empty = scorer.score([" ".join(GOOD_WORDS), " ".join(BAD_WORDS), ""])
    assert good > empty > bad
    kept, dropped = scorer.judge([" ".join(GOOD_WORDS), " ".join(BAD_WORDS)])
    assert kept is None
    assert dropped is not None and dropped[0] == "low_quality"
    assert dropped[1]["score"] < dropped[1]["threshold"] == -0.3
    assert scorer.judge([" ".join(BAD_WORDS)], threshold=-1e9) == [None]
    assert scorer.judge([]) == []


def test_training_does_not_depend_on_the_order_of_the_sample() -> None:
    rated = sample(200)
    order = random.Random(1).sample(range(200), 200)
    shuffled = Sample([rated.texts[i] for i in order], [rated.scores[i] for i in order])
    first, second = train_scorer(rated, 5.0), train_scorer(shuffled, 5.0)
    assert np.array_equal(first.weights, second.weights)
    assert first.facts == second.facts


def test_saved_and_loaded_scorers_agree(tmp_path: Path) -> None:
    scorer = train_scorer(sample(200), 5.0)
    path = str(tmp_path / "scorer.json")
    scorer.save(path)
    loaded = QualityScorer.load(path)
    assert np.array_equal(scorer.score(sample(20).texts), loaded.score(sample(20).texts))
    assert loaded.facts == scorer.facts


def test_samples_from_both_file_formats(tmp_path: Path) -> None:
    rated = sample(10)
    lines, table = tmp_path / "sample.jsonl", tmp_path / "sample.parquet"
    lines.write_text(
        "".join(
            json.dumps({"text": t, "score": s}) + "\n" for t, s in zip(rated.texts, rated.scores, strict=True)
        )
    )
    pq.write_table(pa.table({"text": rated.texts, "score": rated.scores}), table)
    assert read_sample(str(lines)) == read_sample(str(table)) == rated


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("{", "not a readable sample"),
        ('["a"]', "line 1: must be an object"),
        ('{"text": "a"}', "row 1: 'score' must be a finite number"),
        ('{"text": "a", "score": NaN}', "row 1: 'score' must be a finite number"),
        ('{"text": "a", "score": true}', "row 1: 'score' must be a finite number"),
        ('{"text": "a", "score": 1}\n{"score": 1}', "row 2: 'text' must be a string"),
    ],
)
def test_wrong_samples(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "sample.jsonl"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_sample(str(path))


def test_wrong_files_and_limits(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a readable sample"):
        read_sample(str(tmp_path / "absent.jsonl"))
    with pytest.raises(InputError, match="rated on one side of 100"):
        train_scorer(sample(50), good=100.0)
    (tmp_path / "other.json").write_text('{"features": 5}')
    with pytest.raises(InputError, match="train it again"):
        QualityScorer.load(str(tmp_path / "other.json"))
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(InputError, match="not a quality scorer"):
        QualityScorer.load(str(tmp_path / "broken.json"))
