"""Words and repeated sequences against plain Python that does the same slowly."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opencoder_dag.rules.characters import codes_of, text_of
from opencoder_dag.rules.ngrams import REPEATED, TOP
from opencoder_dag.rules.survey import survey_text
from opencoder_dag.rules.words import CONTROLS, TYPOGRAPHIC, prepared, raw_tables, scan_words


def slow_words(text: str) -> list[str]:
    table = {ord(mark): " " for mark in string.punctuation + TYPOGRAPHIC} | dict.fromkeys(CONTROLS)
    words = []
    for line in text.split("\n"):
        plain = unicodedata.normalize("NFKC", line.translate(table).lower())
        words += re.findall(r"\w+|[^\w\s]+", plain)
    return words


def slow_top(words: list[str], n: int) -> float:
    grams = Counter(zip(*(words[start:] for start in range(n)), strict=False))
    if not grams:
        return 0.0
    gram, count = max(grams.items(), key=lambda item: item[1])
    return sum(map(len, gram)) * count / sum(map(len, words)) if count > 1 else 0.0


def slow_repeated(words: list[str], n: int) -> float:
    grams = list(zip(*(words[start:] for start in range(n)), strict=False))
    counts = Counter(grams)
    covered = {at + step for at, gram in enumerate(grams) if counts[gram] > 1 for step in range(n)}
    return sum(len(words[at]) for at in covered) / max(sum(map(len, words)), 1)


texts = st.text(
    alphabet=st.sampled_from("aAbB z_.,\n\t\x00\x0c1é’…「Σİß́①🙂ＡK각\u0bbe\U00020000"), max_size=120
)


@settings(max_examples=300, deadline=None)
@given(texts)
def test_words_are_those_of_the_plain_definition(text: str):
    expected = slow_words(text)
    ids, lengths, counts, characters = scan_words(*prepared(codes_of(text)))
    assert characters == sum(map(len, expected))
    assert lengths.tolist() == list(map(len, expected))
    numbering: dict[str, int] = {}
    assert ids.tolist() == [numbering.setdefault(word, len(numbering)) for word in expected]
    assert counts.tolist() == list(Counter(expected).values())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["a", "bb", "ccc", "d"]), max_size=60))
def test_repetition_is_that_of_the_plain_definition(words: list[str]):
    shares = survey_text(codes_of(" ".join(words))).covered
    for n in TOP:
        assert shares[n - 2] == pytest.approx(slow_top(words, n))
    for n in REPEATED:
        assert shares[n - 2] == pytest.approx(slow_repeated(words, n))


def test_ties_go_to_the_first_sequence():
    words = ["aa", "b", "cccc", "d", "aa", "b", "cccc", "d"]
    assert survey_text(codes_of(" ".join(words))).covered[0] == pytest.approx(3 * 2 / 16)


def test_raw_words_keep_punctuation_and_case():
    assert scan_words(codes_of("Foo_bar(x) += -1"), *raw_tables(True))[1].tolist() == [7, 1, 1, 1, 2, 1, 1]
    assert scan_words(codes_of("Ab ab"), *raw_tables(True))[0].tolist() == [0, 1]


@given(st.text(max_size=50))
def test_codes_and_text_are_inverse(text: str):
    codes = codes_of(text)
    assert len(codes) == len(text)
    assert codes.dtype == (np.uint8 if text.isascii() else np.uint32)
    assert text_of(codes) == text


def test_every_character_is_normalised_as_in_a_text_of_any_other():
    """One by one between letters: the tables of simple characters against the plain definition."""
    for start in range(0, 0x20000, 0x1000):
        text = " ".join(f"A{chr(code)}b" for code in range(start, start + 0x1000))
        expected = slow_words(text)
        assert scan_words(*prepared(codes_of(text)))[1].tolist() == list(map(len, expected))
        simple = " ".join(word for word in text.split(" ") if _is_simple(word))
        ids, lengths, _, _ = scan_words(*prepared(codes_of(simple + " é")))
        words = slow_words(simple + " é")
        numbering: dict[str, int] = {}
        assert lengths.tolist() == list(map(len, words))
        assert ids.tolist() == [numbering.setdefault(word, len(numbering)) for word in words]


def _is_simple(word: str) -> bool:
    codes = codes_of(word + "é")
    return prepared(codes)[0] is codes
