"""BPE segmentation of pages into token ids, for the classifier.

A BPE vocabulary is small and needs no word splitter for Chinese (OpenCoder, section 2.4). Byte-level tokens
keep line breaks and indentation, which tell code from prose.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from opencoder_dag.errors import InputError
from opencoder_dag.web.bpe import Merges
from opencoder_dag.web.pieces import PIECES


def train_segmenter(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """Learn a byte-level BPE vocabulary; the order of the texts does not matter."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = _pre_tokenizer()
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=2,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def load_segmenter(path: str) -> Tokenizer:
    """A tokenizer by path (`tokenizer.json` or a folder with one); raises `InputError` if unreadable."""
    file = Path(path) / "tokenizer.json" if Path(path).is_dir() else Path(path)
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises plain Exception
        raise InputError(f"classifier.tokenizer: {file}: {error}") from None


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> pa.ListArray:
    """Token ids of each text as an Arrow list<int32>."""
    merges = Merges.of(tokenizer) if _is_own(tokenizer) else None
    if merges is None:
        return _encode_by_library(tokenizer, texts)
    return merges.encode(pa.array(texts, pa.large_string()))


def _pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def _is_own(tokenizer: Tokenizer) -> bool:
    """Whether texts are cut into `PIECES` and nothing else happens to them before the merges."""
    found = tokenizer.pre_tokenizer
    same_pieces = found is not None and found.__getstate__() == _pre_tokenizer().__getstate__()
    return same_pieces and tokenizer.normalizer is None and not tokenizer.get_added_tokens_decoder()


def _encode_by_library(tokenizer: Tokenizer, texts: Sequence[str]) -> pa.ListArray:
    encoded = [
        np.asarray(found.ids, np.int32)
        for found in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    ]
    offsets = np.zeros(len(encoded) + 1, np.int32)
    np.cumsum([len(ids) for ids in encoded], out=offsets[1:])
    values = np.concatenate(encoded) if encoded else np.zeros(0, np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values))
