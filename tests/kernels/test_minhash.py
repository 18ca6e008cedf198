import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from opencoder_dag.kernels.minhash import EMPTY, band_keys, permutations, sign
from opencoder_dag.kernels.shingles import fold_table, shingle_sets, text_buffers

WORDS = st.lists(
    st.sampled_from(["def", "return", "x", "y1", "for", "in", "range", "größe", "0x1f"]), max_size=60
)


def signatures_of(texts: list[str], count: int, seed: int = 1) -> np.ndarray:
    offsets, data = text_buffers(pa.array(texts, pa.large_string()))
    return sign(offsets, data, np.arange(len(texts)), 5, fold_table(), *permutations(count, seed))[0]


def reference(text: str, count: int, seed: int = 1) -> np.ndarray:
    offsets, data = text_buffers(pa.array([text], pa.large_string()))
    _, values = shingle_sets(offsets, data, np.arange(1), 5, fold_table())
    sketch = MinHash(
        num_perm=count, seed=seed, hashfunc=lambda shingle: int.from_bytes(shingle, "little") >> 32
    )
    sketch.update_batch([int(value).to_bytes(8, "little") for value in values])
    return sketch.hashvalues


@pytest.mark.parametrize(("count", "seed"), [(1, 1), (128, 1), (256, 1), (256, 42), (2048, 1)])
def test_permutations_are_those_of_datasketch(count: int, seed: int) -> None:
    a, b = MinHash(num_perm=count, seed=seed).permutations
    mine = permutations(count, seed)
    assert np.array_equal(mine[0], a) and np.array_equal(mine[1], b)


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS.map(" ".join), min_size=1, max_size=4), st.sampled_from([3, 64, 256]))
def test_signatures_equal_datasketch_bit_for_bit(texts: list[str], count: int) -> None:
    mine = signatures_of(texts, count)
    for row, text in zip(mine, texts, strict=True):
        assert np.array_equal(row, reference(text, count))


def test_signature_of_a_long_text_with_2048_permutations() -> None:
    text = " ".join(f"word{index * 7919 % 1013}" for index in range(3000))
    assert np.array_equal(signatures_of([text], 2048)[0], reference(text, 2048))


def test_signature_of_nothing_is_that_of_the_empty_set() -> None:
    assert (signatures_of(["a b"], 16)[0] == EMPTY).all()
    assert np.array_equal(reference("a b", 16), signatures_of(["a b"], 16)[0])


def test_band_keys_are_equal_where_the_band_is() -> None:
    signatures = np.arange(24, dtype=np.uint32).reshape(2, 12)
    signatures[1, 4:8] = signatures[0, 4:8]
    keys = band_keys(signatures, 3, 4)
    assert keys.shape == (3, 2)
    assert [bool(band[0] == band[1]) for band in keys] == [False, True, False]


def test_a_band_key_depends_on_the_band_and_on_the_order() -> None:
    signature = np.array([[1, 2, 1, 2, 2, 1]], np.uint32)
    keys = band_keys(signature, 3, 2)[:, 0]
    assert len(set(keys.tolist())) == 3
