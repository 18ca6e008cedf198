"""Segmentation: encoding piece by piece gives the tokens of the whole text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, normalizers

from opencoder_dag.web.segment import encode, train_segmenter

PAGES = [
    "Use a loop:\n\n    for item in items:\n\t\tprint(item[0])\n\nIt prints 10 items, one_by_one.",
    "使用循环打印所有项目，for 循环很简单。\n```\nwhile (x != 12) { x += 1; }\n```\n",
    "Wash the carrots; cut them into 3 pieces.  Café prices rose.\r\n",
]


@pytest.fixture(scope="module")
def segmenter() -> Tokenizer:
    return train_segmenter(PAGES * 3, 400)


def whole(tokenizer: Tokenizer, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False).ids


def test_tokens_are_those_of_the_library(segmenter: Tokenizer) -> None:
    texts = ["", *PAGES, PAGES[0], "".join(PAGES)]
    assert encode(segmenter, texts).to_pylist() == [whole(segmenter, text) for text in texts]


ASCII = st.characters(max_codepoint=0x7E, min_codepoint=9, exclude_categories=["Cc"])
OF_ALL_CLASSES = st.sampled_from("aaébZ中文かпр09٣___ \n\t\r\xa0\u3000==+—…。{};😀𝒳")


@given(st.lists(st.text(ASCII | OF_ALL_CLASSES, max_size=40), max_size=4))
def test_tokens_of_any_text_are_those_of_the_library(segmenter: Tokenizer, texts: list[str]) -> None:
    assert encode(segmenter, texts).to_pylist() == [whole(segmenter, text) for text in texts]


def test_many_distinct_and_long_pieces(segmenter: Tokenizer) -> None:
    """The table of pieces is emptied when it is full, and a hundred thousand letters do not take long."""
    letters = "etaoinshr"
    words = " ".join(letters[n % 9] + letters[n // 9 % 9] * (n // 81 % 7) + f"{n}x" for n in range(20_000))
    names = " ".join("".join(letters[int(d)] for d in f"{n:o}") for n in range(80_000))
    texts = [words, names, "print" * 20_000, "\n" * 3000]
    assert encode(segmenter, texts).to_pylist() == [whole(segmenter, text) for text in texts]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_character_is_lost(segmenter: Tokenizer, text: str) -> None:
    assert segmenter.decode(encode(segmenter, [text]).to_pylist()[0]) == text


def test_a_given_tokenizer_sees_the_whole_text(segmenter: Tokenizer) -> None:
    given_tokenizer = Tokenizer.from_str(segmenter.to_str())
    given_tokenizer.normalizer = normalizers.Replace("a loop", "b")
    found = encode(given_tokenizer, PAGES).to_pylist()
    assert found == [whole(given_tokenizer, text) for text in PAGES]
    assert found[0] != encode(segmenter, PAGES).to_pylist()[0]
