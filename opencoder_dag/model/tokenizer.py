"""The stage `tokenizer`: a byte-level BPE trained on the corpus, or any Hugging Face tokenizer by path.

Belongs here: choosing the sample, training, saving in the form that `AutoTokenizer.from_pretrained` reads,
and the figures that tell a good tokenizer from a bad one. Does not belong here: tokenising a corpus.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opencoder_dag.errors import InputError
from opencoder_dag.lake import Dataset, Lake, Stage, publish_folder
from opencoder_dag.model.special import CHAT_TEMPLATE, END_OF_TEXT, PADDING, SPECIAL_TOKENS
from opencoder_dag.recipe import Tokenizer as TokenizerConfig

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase

STAGE = "tokenizer"
VERSION = "1"
FERTILITY_BYTES = 200_000  # of each language, to measure fertility on
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


def train_tokenizer(lake: Lake, inputs: Sequence[Dataset], config: TokenizerConfig, seed: int) -> Dataset:
    """Train (or take over) the tokenizer of a recipe; its folder loads with `AutoTokenizer.from_pretrained`.

    The sample is the documents with the smallest hash of seed and id, up to `config.sample_bytes` bytes, so
    it is the same however the inputs are sharded. `manifest.facts` has `vocabulary`, `sample` (documents and
    bytes) and `fertility`: for each language tokens a word and bytes a token.

    Raises `InputError` when the inputs hold no text or `config.path` is not a tokenizer.
    """
    stage = Stage(
        STAGE,
        VERSION,
        config={"tokenizer": config.config(), "seed": seed, "source": _source_digest(config)},
        inputs={f"{index}:{one.manifest.stage}": one.digest for index, one in enumerate(inputs)},
    )
    if (ready := lake.find(stage)) is not None:
        return ready
    started = time.monotonic()
    sample = _sample(inputs, config.sample_bytes, seed)
    if not sample:
        raise InputError(
            f"tokenizer: no text to train on in {', '.join(one.path for one in inputs) or 'no input'}"
        )
    tokenizer = load_foreign(config.path) if config.path else _train(sample, config.vocab_size)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        tokenizer.save_pretrained(folder)
        return publish_folder(
            lake,
            stage,
            folder,
            digest_of=[name for name in TOKENIZER_FILES if (folder / name).exists()],
            counts={"in": len(sample), "kept": len(sample), "removed": 0, "quarantined": 0},
            facts={
                "vocabulary": len(tokenizer),
                "sample": {"documents": len(sample), "bytes": sum(len(text.encode()) for _, text in sample)},
                "fertility": fertility(tokenizer, sample),
            },
            seconds=time.monotonic() - started,
        )


def fertility(
    tokenizer: PreTrainedTokenizerBase, sample: Sequence[tuple[str, str]]
) -> dict[str, dict[str, float]]:
    """For each language of (language, text) pairs: documents, tokens a word and bytes a token.

    A word is what whitespace separates; at most `FERTILITY_BYTES` of a language are looked at.
    """
    texts: dict[str, list[str]] = {}
    taken: dict[str, int] = {}
    for language, text in sample:
        if taken.get(language, 0) < FERTILITY_BYTES:
            texts.setdefault(language, []).append(text)
            taken[language] = taken.get(language, 0) + len(text.encode())
    result = {}
    for language in sorted(texts):
        encoded = tokenizer(texts[language], add_special_tokens=False)["input_ids"]
        tokens = sum(len(ids) for ids in encoded)
        words = sum(len(text.split()) for text in texts[language])
        result[language] = {
            "documents": len(texts[language]),
            "tokens_per_word": round(tokens / max(words, 1), 3),
            "bytes_per_token": round(taken[language] / max(tokens, 1), 3),
        }
    return result


def load_foreign(path: str) -> PreTrainedTokenizerBase:
    """A Hugging Face tokenizer from a local folder, given an end of text, padding and a chat template if it
    has none. Raises `InputError` when the folder holds no fast tokenizer."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(Path(path).expanduser())
    except (OSError, ValueError) as error:
        raise InputError(
            f"tokenizer.path: {path}: no tokenizer ({' '.join(str(error).split())[:200]})"
        ) from None
    if not tokenizer.is_fast:
        raise InputError(f"tokenizer.path: {path}: not a fast tokenizer (tokenizer.json is missing)")
    missing = [
        token
        for token in SPECIAL_TOKENS
        if tokenizer.convert_tokens_to_ids(token) in (None, tokenizer.unk_token_id)
    ]
    if tokenizer.eos_token_id is not None:
        missing = [token for token in missing if token != END_OF_TEXT]
    if tokenizer.pad_token_id is not None:
        missing = [token for token in missing if token != PADDING]
    tokenizer.add_special_tokens({"additional_special_tokens": missing}, replace_extra_special_tokens=False)
    if tokenizer.eos_token_id is None:
        tokenizer.eos_token = END_OF_TEXT
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = PADDING
    if tokenizer.chat_template is None:
        tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def _source_digest(config: TokenizerConfig) -> str | None:
    if config.path is None:
        return None
    path = Path(config.path).expanduser()
    if not path.is_dir():
        raise InputError(f"tokenizer.path: {path} is not a folder with a tokenizer")
    digest = hashlib.sha256()
    for file in sorted(path.iterdir()):
        if file.is_file() and ("token" in file.name or file.name in ("vocab.json", "merges.txt")):
            digest.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _sample(inputs: Sequence[Dataset], limit: int, seed: int) -> list[tuple[str, str]]:
    """(language, text) of the documents of smallest hash, until `limit` bytes are reached."""
    ranked = []
    for index, dataset in enumerate(inputs):
        for table in dataset.tables(columns=["doc_id", "size"]):
            for doc_id, size in zip(table["doc_id"].to_pylist(), table["size"].to_pylist(), strict=True):
                key = hashlib.sha256(f"tokenizer:{seed}:{doc_id}".encode()).digest()
                ranked.append((key, index, doc_id, size))
    ranked.sort()
    order: dict[tuple[int, str], int] = {}
    total = 0
    for _, index, doc_id, size in ranked:
        if total >= limit:
            break
        order.setdefault((index, doc_id), len(order))
        total += size
    found = {place: pair for place, pair in _contents(inputs, order)}
    return [found[place] for place in sorted(found)]


def _contents(
    inputs: Sequence[Dataset], order: dict[tuple[int, str], int]
) -> Iterator[tuple[int, tuple[str, str]]]:
    for index, dataset in enumerate(inputs):
        for table in dataset.tables(columns=["doc_id", "language", "content"]):
            ids = table["doc_id"].to_pylist()
            for row, doc_id in enumerate(ids):
                place = order.get((index, doc_id))
                if place is not None:
                    yield place, (table["language"][row].as_py(), table["content"][row].as_py())


def _train(sample: Sequence[tuple[str, str]], vocabulary: int) -> PreTrainedTokenizerBase:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=train_bpe([text for _, text in sample], vocabulary),
        eos_token=END_OF_TEXT,
        pad_token=PADDING,
        additional_special_tokens=[token for token in SPECIAL_TOKENS if token not in (END_OF_TEXT, PADDING)],
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def train_bpe(texts: Sequence[str], vocabulary: int) -> Tokenizer:
    """A byte-level BPE over the texts: every digit its own token, no prefix space, special tokens first.

    Any text can be encoded (all 256 bytes are tokens) and decodes to itself.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer: Any = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(iter(texts), trainer, length=len(texts))
    return tokenizer
