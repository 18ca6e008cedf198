"""What a recipe asks of natural-language documents, through the stage; not asking changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opencoder_dag.errors import InputError
from opencoder_dag.recipe import Filter, PythonRules, QualitySample
from opencoder_dag.recipe_files import load_recipe
from opencoder_dag.rules import filter_corpus

OFF = PythonRules(syntax=False, data_dense=False, repetition=False, undefined_names=False)
PLAIN = Filter(copyright=False, personal_data=False, rules=False, python=OFF)
PROSE = "This is how you use the library with a list of names. It is made for this and for that.\n"
FENCE = "```python\nprint('x')\n```\n"
GOOD = "How to reverse the list: call the method, then explain the result and its cost in number {}."
BAD = "plz help urgent thx question {} does nothing asap !!! ???"


def text(path: str, content: str, doc_type: str = "text") -> dict[str, str]:
    return {"path": path, "content": content, "repo": "r", "doc_type": doc_type, "language": "markdown"}


def test_only_technical_documents_stay_among_prose(lake, dataset_of, engine):
    given = dataset_of(
        [
            text("with.md", PROSE + FENCE),
            text("without.md", PROSE),
            text("notes.txt", PROSE),
            text("code.md", PROSE + "x", "code"),
        ]
    )
    config = PLAIN.model_copy(update={"technical_documents": True})
    out = filter_corpus(lake, [given], config, 0, engine)
    assert {row["path"] for row in out.read().to_pylist()} == {"with.md", "notes.txt", "code.md"}
    (gone,) = out.read("removed").to_pylist()
    assert gone["reason"] == "not_technical_document" and json.loads(gone["evidence"]) == {"suffix": "md"}


def sample_file(path: Path, turned: bool = False) -> Path:
    rated = [(GOOD.format(n), 5) for n in range(60)] + [(BAD.format(n), 1) for n in range(60)]
    lines = (json.dumps({"text": words, "score": 6 - score if turned else score}) for words, score in rated)
    path.write_text("\n".join(lines))
    return path


def test_a_sample_that_was_rated_decides(lake, dataset_of, engine, tmp_path):
    given = dataset_of(
        [text("a.txt", GOOD.format(999)), text("b.txt", BAD.format(999)), text("c.py", BAD.format(9), "code")]
    )
    sample = sample_file(tmp_path / "rated.jsonl")
    config = PLAIN.model_copy(update={"quality": QualitySample(sample=str(sample), good=3)})
    out = filter_corpus(lake, [given], config, 0, engine)
    assert {row["path"] for row in out.read().to_pylist()} == {"a.txt", "c.py"}
    (gone,) = out.read("removed").to_pylist()
    evidence = json.loads(gone["evidence"])
    assert gone["reason"] == "low_quality" and evidence["score"] < evidence["threshold"] == -0.3
    sample_file(sample, turned=True)  # the same name, other ratings: not the same stage
    turned = filter_corpus(lake, [given], config, 0, engine)
    assert {row["path"] for row in turned.read().to_pylist()} == {"b.txt", "c.py"}


def test_a_sample_that_is_not_there_is_named(lake, dataset_of, engine, tmp_path):
    config = PLAIN.model_copy(update={"quality": QualitySample(sample=str(tmp_path / "no.jsonl"), good=3)})
    with pytest.raises(InputError, match=r"no\.jsonl: not a readable sample"):
        filter_corpus(lake, [dataset_of([text("a.md", PROSE)])], config, 0, engine)


def test_keys_that_are_off_are_in_no_digest_and_keys_that_are_on_are():
    assert not {"technical_documents", "quality"} & set(Filter().config())
    assert Filter(technical_documents=True).config()["technical_documents"] is True
    baseline = load_recipe("baseline")
    changed = baseline.with_changes({"filter": {"quality": {"sample": "s", "good": 3.0}}})
    assert changed.digest != baseline.digest
    assert changed.filter.quality == QualitySample(sample="s", good=3.0)
