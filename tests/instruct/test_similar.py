"""SemDeDup drops what means the same, keeps what is far from the centre, and does not depend on order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from opencoder_dag.errors import InputError
from opencoder_dag.instruct.similar import duplicates, embed, encode

DIFFERENT = [
    "Write a function that reverses a linked list in place and returns its new head.",
    "Explain how hash tables resolve collisions by chaining and by open addressing.",
    "Parse a date such as 2024-05-01 into year, month and day without any library.",
    "Draw a histogram of word lengths found in a text file given by its path.",
]
NEAR = "Write a function that reverses a linked list in place and returns its new head node."


def test_near_copies_are_dropped_and_different_texts_stay() -> None:
    texts = [*DIFFERENT, NEAR]
    dropped = duplicates(texts, [f"id-{n}" for n in range(len(texts))], 0.9, seed=0)
    assert len(dropped) == 1
    ((position, (other, cosine)),) = dropped.items()
    assert {position, other} == {0, 4}
    assert 0.9 < cosine < 1


def test_nothing_is_dropped_above_the_threshold() -> None:
    texts = [*DIFFERENT, NEAR]
    assert duplicates(texts, [f"id-{n}" for n in range(len(texts))], 0.999, seed=0) == {}


def test_of_two_the_one_nearer_to_the_centre_goes() -> None:
    vectors = np.array([[1.0, 0.0], [0.999, 0.0447], [0.0, 1.0], [0.2, 0.98]])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    dropped = duplicates(["a", "b", "c", "d"], ["0", "1", "2", "3"], 0.97, seed=0, vectors=vectors)
    assert set(dropped) == {1, 3}
    assert dropped[1][0] == 0


def test_a_dropped_item_still_counts_for_those_after_it() -> None:
    angles = np.deg2rad([0.0, 10.0, 20.0, 170.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    dropped = duplicates(list("abcd"), list("0123"), float(np.cos(np.deg2rad(12))), seed=0, vectors=vectors)
    assert set(dropped) == {1, 2} or set(dropped) == {0, 1}


def test_the_order_of_the_items_does_not_matter() -> None:
    texts = [f"{text} Variant {n}." for n in range(12) for text in DIFFERENT]
    ids = [f"id-{n:03d}" for n in range(len(texts))]
    straight = {ids[at] for at in duplicates(texts, ids, 0.93, seed=3)}
    mixed = {ids[::-1][at] for at in duplicates(texts[::-1], ids[::-1], 0.93, seed=3)}
    assert straight == mixed and straight


def test_many_clusters_find_copies_that_fall_together() -> None:
    texts = [f"Task {n}: {DIFFERENT[n % 4]} Use the number {n} {n * 7} {n * 13}." for n in range(600)]
    texts += texts[:30]
    dropped = duplicates(texts, [f"id-{n:04d}" for n in range(len(texts))], 0.9999, seed=0)
    assert len(dropped) == 30


@pytest.mark.parametrize("texts", [[], ["one"]])
def test_too_few_items_are_no_problem(texts: list[str]) -> None:
    assert duplicates(texts, texts, 0.9, seed=0) == {}


def test_embeddings_have_unit_length() -> None:
    lengths = np.sqrt(embed(DIFFERENT).power(2).sum(axis=1))
    assert np.allclose(lengths, 1)


def test_a_sentence_encoder_by_path_gives_the_vectors(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = sorted({word for text in [*DIFFERENT, NEAR] for word in text.split()})
    tokenizer = Tokenizer(
        models.WordLevel({word: n for n, word in enumerate(["[PAD]", "[UNK]", *words])}, "[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(
        tmp_path
    )
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words) + 2,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        pad_token_id=0,
    )
    BertModel(config).save_pretrained(tmp_path)
    texts = [*DIFFERENT, NEAR, DIFFERENT[2]]
    vectors = encode(texts, str(tmp_path), batch=4)
    assert vectors.shape == (6, 32) and np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert vectors[0] @ vectors[4] > 0.97 and np.allclose(vectors[2], vectors[5], atol=1e-5)
    dropped = duplicates(texts, [f"id-{n}" for n in range(6)], 0.9999, seed=0, vectors=vectors)
    assert len(dropped) == 1 and set(dropped) <= {2, 5}


def test_a_path_without_an_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no encoder there"):
        encode(["text"], str(tmp_path))
