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


@given(
    st.lists(
        st.text(st.characters(max_codepoint=0x7E, min_codepoint=9, exclude_categories=["Cc"])), max_size=4
    )
)
def test_tokens_of_any_ascii_text_are_those_of_the_library(segmenter: Tokenizer, texts: list[str]) -> None:
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
