import re
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opencoder_dag.kernels.shingles import fold_table, hash_words, shingle_sets, text_buffers, word_cuts

MASK = (1 << 64) - 1
PRIME = 0x9E3779B97F4A7C15


def mix(value: int) -> int:
    """The finalizer of MurmurHash3, 64 bits, in plain Python."""
    for shift, factor in ((33, 0xFF51AFD7ED558CCD), (33, 0xC4CEB9FE1A85EC53)):
        value ^= value >> shift
        value = value * factor & MASK
    return value ^ (value >> 33)


def word_hash(word: str) -> int:
    """Hash of one word in plain Python."""
    state = 0xCBF29CE484222325
    for character in word:
        state = (state ^ ord(character)) * PRIME & MASK
    return mix(state)


def words_of(text: str) -> list[str]:
    """Words by the definition: runs of what `\\w` matches, each character in lower case."""
    return ["".join(c.lower()[0] for c in word) for word in re.findall(r"\w+", text)]


def reference_shingles(text: str, size: int) -> set[int]:
    """Shingle hashes in plain Python."""
    words = [word_hash(word) for word in words_of(text)]
    found = set()
    for start in range(len(words) - size + 1):
        value = 0
        for word in words[start : start + size]:
            value = (value * PRIME + word) & MASK
        found.add(mix(value))
    return found


def sets_of(texts: list[str], size: int) -> list[set[int]]:
    offsets, data = text_buffers(pa.array(texts, pa.large_string()))
    bounds, values = shingle_sets(offsets, data, np.arange(len(texts)), size, fold_table())
    return [set(values[bounds[i] : bounds[i + 1]].tolist()) for i in range(len(texts))]


# Code points from FOLDED on are letters to the kernel; text below that is judged as `re` does.
texts = st.text(st.characters(max_codepoint=0x1FFFF, exclude_categories=["Cs"]), max_size=80)


@settings(max_examples=200, deadline=None)
@given(st.lists(texts, min_size=1, max_size=4), st.integers(1, 6))
def test_shingles_equal_the_plain_definition(found: list[str], size: int) -> None:
    assert sets_of(found, size) == [reference_shingles(text, size) for text in found]


def test_words_of_code_and_of_other_scripts() -> None:
    text = "def Größe(x_1): # ÇA “va”—中文字 ３４ 😀\n\treturn x_1+=0x1F"
    data = text_buffers(pa.array([text]))[1]
    out = np.zeros(len(data) // 2 + 1, np.uint64)
    count = hash_words(data, 0, len(data), fold_table(), out)
    expected = ["def", "größe", "x_1", "ça", "va", "中文字", "３４", "return", "x_1", "0x1f"]
    assert out[:count].tolist() == [word_hash(word) for word in expected]


def test_buffers_of_sliced_and_chunked_columns() -> None:
    whole = pa.array(["a b c d e f", "", "x y z u v w", "last one"], pa.string())
    sliced = pa.chunked_array([whole.slice(1, 2), whole.slice(3, 1)])
    for column in (sliced, sliced.cast(pa.large_string())):
        offsets, data = text_buffers(column)
        found = [bytes(data[offsets[i] : offsets[i + 1]]).decode() for i in range(3)]
        assert found == ["", "x y z u v w", "last one"]


def test_no_rows_and_nulls() -> None:
    offsets, data = text_buffers(pa.array([], pa.large_string()))
    bounds, values = shingle_sets(offsets, data, np.arange(0), 5, fold_table())
    assert bounds.tolist() == [0] and len(values) == 0
    with pytest.raises(ValueError, match="null"):
        text_buffers(pa.array(["a", None]))


def test_a_text_shorter_than_a_shingle_has_none() -> None:
    assert sets_of(["a b c d", "a b c d e", "", "; ; ; ; ;"], 5) == [
        set(),
        reference_shingles("a b c d e", 5),
        set(),
        set(),
    ]


@settings(max_examples=100, deadline=None)
@given(texts, st.integers(1, 4))
def test_cuts_fall_on_words_and_lose_nothing(text: str, every: int) -> None:
    data = np.frombuffer(text.encode() + b"x", np.uint8)[:-1]
    cuts = word_cuts(data, 0, len(data), every, fold_table()).tolist()
    parts = [bytes(data[low:high]).decode() for low, high in pairwise(cuts)]
    assert "".join(parts) == text
    counts = [len(re.findall(r"\w+", part)) for part in parts]
    assert counts[:-1] == [every] * (len(counts) - 1) and 0 <= counts[-1] <= every
