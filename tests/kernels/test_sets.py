import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from opencoder_dag.kernels.sets import choose_kept, jaccard
from opencoder_dag.kernels.unionfind import flatten, unite

SETS = st.sets(st.integers(0, 40), max_size=30)


def ordered(values: set[int]) -> np.ndarray:
    return np.array(sorted(values), np.uint64)


@settings(max_examples=300, deadline=None)
@given(SETS, SETS, st.sampled_from([0.1, 0.5, 0.7, 0.85, 1.0]))
def test_jaccard_is_exact_or_refused(left: set[int], right: set[int], least: float) -> None:
    exact = len(left & right) / len(left | right) if left | right else -1.0
    found = jaccard(ordered(left), ordered(right), least)
    assert found == (exact if exact >= least else -1.0)


def test_jaccard_at_the_threshold_itself() -> None:
    left, right = ordered(set(range(85))), ordered(set(range(15, 100)))  # 70 of 100
    assert jaccard(left, right, 0.7) == 0.7
    assert jaccard(left[1:], right[:-1], 0.7) == 70 / 98
    assert jaccard(left, right[1:], 0.701) == -1.0


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30), st.randoms())
def test_union_find_names_the_smallest_member(pairs: list[tuple[int, int]], random) -> None:
    def roots(edges: list[tuple[int, int]]) -> list[int]:
        parent = np.arange(20)
        left = np.array([edge[0] for edge in edges], np.int64)
        unite(parent, left, np.array([edge[1] for edge in edges], np.int64))
        flatten(parent)
        return parent.tolist()

    expected = list(range(20))
    for _ in range(20):  # relax until nothing changes
        for a, b in pairs:
            expected[a] = expected[b] = min(expected[a], expected[b])
    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert roots(pairs) == expected == roots(shuffled)


def test_a_text_goes_for_a_kept_text_not_for_a_chain() -> None:
    # 0 is like 1, 1 is like 2, but 0 is not like 2: 1 goes for 0, and 2 stays.
    sets = [ordered(set(range(0, 100))), ordered(set(range(10, 110))), ordered(set(range(20, 120)))]
    bounds = np.array([0, 100, 200, 300])
    keys = np.zeros((1, 3), np.uint64)
    keeper, similarity, pairs = choose_kept(keys, bounds, np.concatenate(sets), 0.8, 32)
    assert keeper.tolist() == [-1, 0, -1]
    assert similarity[1] == 90 / 110 and pairs == 2


def test_texts_without_a_common_bucket_are_not_compared() -> None:
    values = np.concatenate([ordered({1, 2}), ordered({1, 2})])
    keeper, _, pairs = choose_kept(
        np.array([[1, 2], [3, 4]], np.uint64), np.array([0, 2, 4]), values, 0.5, 32
    )
    assert keeper.tolist() == [-1, -1] and pairs == 0


def test_the_cost_of_a_full_bucket_is_bounded() -> None:
    texts = 500
    values = np.arange(texts * 4, dtype=np.uint64)  # nothing in common
    bounds = np.arange(texts + 1) * 4
    keeper, _, pairs = choose_kept(np.zeros((3, texts), np.uint64), bounds, values, 0.7, 8)
    assert (keeper == -1).all()
    assert pairs <= texts * 8
