import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from opencoder_dag.train import packing

lengths = st.lists(st.integers(1, 300), max_size=80)


def documents(sizes: list[int]) -> np.ndarray:
    starts = np.cumsum([0, *sizes])[:-1]
    return np.array(list(zip(starts, sizes, strict=True)), np.int64).reshape(-1, 2)


def rows_of(pieces: np.ndarray, rows: np.ndarray) -> list[list[tuple[int, int]]]:
    return [[tuple(piece) for piece in pieces[rows[i] : rows[i + 1]].tolist()] for i in range(len(rows) - 1)]


def covered(pieces: np.ndarray) -> list[int]:
    return sorted(token for start, length in pieces.tolist() for token in range(start, start + length))


@given(lengths, st.integers(1, 128))
def test_best_fit_keeps_every_token_once_and_no_row_is_too_long(sizes: list[int], capacity: int) -> None:
    pieces, rows = packing.best_fit(documents(sizes), capacity)
    assert covered(pieces) == list(range(sum(sizes)))
    assert all(0 < sum(length for _, length in row) <= capacity for row in rows_of(pieces, rows))


@given(lengths, st.integers(1, 128))
def test_best_fit_cuts_only_what_is_longer_than_a_row(sizes: list[int], capacity: int) -> None:
    pieces, _ = packing.best_fit(documents(sizes), capacity)
    whole = {tuple(span) for span in documents([size for size in sizes]).tolist() if span[1] <= capacity}
    assert whole <= {tuple(piece) for piece in pieces.tolist()}
    assert len(pieces) == sum(-(-size // capacity) for size in sizes)


def test_best_fit_takes_the_fullest_row_that_has_room() -> None:
    # 6 and 5 open two rows of 10; 4 fits best beside 6, then 3 beside 5, then 2 fits what 5 + 3 left.
    pieces, rows = packing.best_fit(documents([6, 5, 4, 3, 2]), 10)
    assert [[length for _, length in row] for row in rows_of(pieces, rows)] == [[6, 4], [5, 3, 2]]


def test_best_fit_wastes_next_to_nothing_on_many_documents() -> None:
    sizes = np.random.default_rng(0).integers(10, 600, 5_000).tolist()
    _, rows = packing.best_fit(documents(sizes), 512)
    full = -(-sum(sizes) // 512)
    assert len(rows) - 1 <= full * 1.01


@given(lengths, st.integers(1, 128))
def test_causal_fills_every_row_but_the_last_and_keeps_the_order(sizes: list[int], capacity: int) -> None:
    pieces, rows = packing.causal(documents(sizes), capacity)
    in_order = [token for start, length in pieces.tolist() for token in range(start, start + length)]
    assert in_order == list(range(sum(sizes)))
    assert all(sum(length for _, length in row) == capacity for row in rows_of(pieces, rows)[:-1])


@given(lengths, lengths)
def test_join_and_reorder_keep_rows(first: list[int], second: list[int]) -> None:
    parts = [packing.best_fit(documents(sizes), 64) for sizes in (first, second)]
    joined = packing.join(parts)
    expected = [row for part in parts for row in rows_of(*part)]
    assert rows_of(*joined) == expected
    backwards = list(range(len(expected)))[::-1]
    assert rows_of(*packing.reorder(*joined, backwards)) == expected[::-1]
