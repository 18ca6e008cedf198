"""The folded scorer against fastText itself, and training that is the same every time."""

from __future__ import annotations

import hashlib

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opencoder_dag.errors import OpencoderError
from opencoder_dag.web import classifier
from opencoder_dag.web.config import Classifier

VOCABULARY = 500
SHARE = 0.08


def examples(count: int = 120) -> list[classifier.Example]:
    rng = np.random.default_rng(0)
    found = []
    for number in range(count):
        is_code = number % 3 != 0
        tokens = rng.integers(0, 300, rng.integers(5, 200)) + (150 if is_code else 0)
        found.append(classifier.Example(is_code, tokens.astype(np.int32), (470 + is_code, 480)))
    return found


@pytest.fixture(scope="module", params=[1, 2, 3])
def model(request, tmp_path_factory):
    config = Classifier(dimension=8, buckets=1000, ngrams=request.param)
    path = tmp_path_factory.mktemp("model") / "model.bin"
    path.write_bytes(classifier.train(examples(), config))
    return path


def pages(tokens: list[list[int]]) -> pa.ListArray:
    return pa.array(tokens, pa.list_(pa.int32()))


@settings(max_examples=30, deadline=None)
@given(tokens=st.lists(st.lists(st.integers(0, VOCABULARY - 1), max_size=60), min_size=1, max_size=8))
def test_scorer_gives_what_fasttext_gives(model, tokens):
    reference = fasttext.load_model(str(model))
    structure = np.array([(470, 480)] * len(tokens), np.int32)
    scores = classifier.Scorer.load(str(model), VOCABULARY).score(pages(tokens), structure, SHARE)
    settings_of = Classifier(structure=SHARE)
    lines = [
        classifier.Example(True, np.array(page, np.int32), (470, 480)).line(settings_of) for page in tokens
    ]
    labels, probabilities = reference.predict([line.partition(" ")[2] for line in lines], k=2)
    for score, names, values in zip(scores, labels, probabilities, strict=True):
        assert score == pytest.approx(dict(zip(names, values, strict=True))["__label__code"], abs=2e-4)


def test_scorer_takes_slices_of_arrow_arrays(model):
    scorer = classifier.Scorer.load(str(model), VOCABULARY)
    tokens = [[1, 2, 3], [], [400, 401], [7] * 50]
    structure = np.array([(470, 480)] * len(tokens), np.int32)
    whole = scorer.score(pages(tokens), structure, SHARE)
    np.testing.assert_array_equal(scorer.score(pages(tokens)[2:], structure[2:], SHARE), whole[2:])


def test_training_is_the_same_whatever_memory_held_before():
    digests = set()
    for _ in range(4):
        junk = [np.full(size, np.nan) for size in (3_000, 40_000, 900_000)]
        del junk
        digests.add(hashlib.sha256(classifier.train(examples(), Classifier(buckets=50_000))).hexdigest())
    assert len(digests) == 1


def test_training_on_next_to_nothing():
    few = [classifier.Example(is_code, np.arange(4, dtype=np.int32), (5, 6)) for is_code in (True, False)]
    assert len(classifier.train(few, Classifier(min_count=1, learning_rate=5.0))) > 500


def test_words_are_hashed_as_fasttext_does():
    assert classifier.word_hash("") == 2_166_136_261 - (1 << 32)
    assert classifier.word_hash("a") == 0xE40C292C - (1 << 32)  # FNV-1a test vector


def test_other_models_are_refused(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("__label__x a b c\n__label__y c d e\n" * 20)
    with classifier.zeroed_allocations():
        model = fasttext.train_supervised(str(text), dim=4, epoch=1, lr=0.1, verbose=0, thread=1, minCount=1)
    model.save_model(str(tmp_path / "model.bin"))
    with pytest.raises(OpencoderError, match="__label__x"):
        classifier.Scorer.load(str(tmp_path / "model.bin"), 10)
    (tmp_path / "junk.bin").write_bytes(b"junk" * 100)
    with pytest.raises(OpencoderError, match="not a fastText model"):
        classifier.Scorer.load(str(tmp_path / "junk.bin"), 10)
