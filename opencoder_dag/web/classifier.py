"""The fastText classifier: training on token ids, and scoring by a folded copy of the model.

A page is its tokens and two features of its structure (`heuristic.CodeShare.features`), which are written as
further tokens, repeated so that they have a fixed share in the average however long the page is.

fastText averages one vector for each word and n-gram and applies a linear layer, so for two classes a page's
logit is the mean of one number a feature. `Scorer` holds these numbers; `score` adds them up over token ids
without making strings, and gives what `fasttext.predict` gives.
"""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fasttext
import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from opencoder_dag.errors import OpencoderError
from opencoder_dag.web.config import Classifier

LABELS = {True: "__label__code", False: "__label__other"}
END_OF_LINE = "</s>"
NGRAM_FACTOR = np.uint64(116_049_371)
LEARNING_RATE_RETRIES = 6
M_PERTURB = -6  # malloc.h of glibc

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Example:
    """A page to learn from: token ids, and its two structure features as token ids."""

    is_code: bool
    tokens: npt.NDArray[np.int32]
    structure: tuple[int, int]

    def line(self, config: Classifier) -> str:
        """The page in fastText's input format."""
        tokens = self.tokens[: config.train_tokens].tolist()
        first, second = self.structure
        times = repeats(len(tokens), config.structure)
        return " ".join(map(str, [LABELS[self.is_code], *tokens, *[first] * times, *[second] * times]))


def repeats(tokens: int, share: float) -> int:
    """How often each structure feature of a page stands; not at all when the share is 0."""
    return max(1, int(tokens * share)) if share else 0


def train(examples: Iterable[Example], config: Classifier) -> bytes:
    """Train on the pages in the given order; returns the bytes of a fastText model file.

    One thread and zeroed memory, so that the same examples give the same model. fastText gives up with
    "Encountered NaN" when the learning rate is too high for small or uniform data: the rate is halved and
    training starts again.
    """
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "train.txt"
        with text.open("w", encoding="ascii") as handle:
            for example in examples:
                handle.write(f"{example.line(config)}\n")
        rate = config.learning_rate
        for _ in range(LEARNING_RATE_RETRIES):
            try:
                with zeroed_allocations():
                    model = fasttext.train_supervised(
                        str(text),
                        dim=config.dimension,
                        wordNgrams=config.ngrams,
                        bucket=config.buckets,
                        epoch=config.epochs,
                        lr=rate,
                        minCount=config.min_count,
                        loss="softmax",
                        thread=1,
                        verbose=0,
                    )
            except RuntimeError as error:
                if "NaN" not in str(error):
                    raise OpencoderError(f"fastText: {error}") from None
                rate /= 2
                continue
            saved = Path(folder) / "model.bin"
            model.save_model(str(saved))
            return saved.read_bytes()
    raise OpencoderError(
        f"fastText finds no finite weights even at learning rate {rate}; more seed pages are needed"
    )


@contextmanager
def zeroed_allocations() -> Iterator[None]:
    """Have the C library zero the memory that it hands out.

    fastText 0.9.3 with one thread sets only the first tenth of its input matrix and takes the rest as the
    allocator left it, so that a second training in one process would differ from the first, or meet NaN.
    glibc fills new memory with the complement of M_PERTURB; elsewhere large blocks come zeroed from the
    system, and nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        yield
        return
    mallopt(M_PERTURB, 0xFF)
    try:
        yield
    finally:
        mallopt(M_PERTURB, 0)


@dataclass(frozen=True)
class Scorer:
    """A two-class fastText model folded to one number a feature."""

    words: npt.NDArray[np.float64]  # [vocabulary + 1] the logit of a token; the last is the end of the line
    known: npt.NDArray[np.bool_]  # [vocabulary + 1] whether fastText has the token in its dictionary
    hashes: npt.NDArray[np.uint64]  # [vocabulary + 1] fastText's hash of the token, sign-extended
    grams: npt.NDArray[np.float64]  # [buckets] the logit of an n-gram
    ngrams: int

    @staticmethod
    def load(path: str, vocabulary: int) -> Scorer:
        """Fold the model file at a local path; raises `OpencoderError` if it has not our two classes."""
        try:
            model = fasttext.load_model(path)
        except ValueError as error:
            raise OpencoderError(f"{path}: not a fastText model ({error})") from None
        labels = model.get_labels()
        if sorted(labels) != sorted(LABELS.values()):
            raise OpencoderError(f"{path}: the model has the labels {labels}, not {sorted(LABELS.values())}")
        output = model.get_output_matrix().astype(np.float64)
        direction = output[labels.index(LABELS[True])] - output[labels.index(LABELS[False])]
        logits = model.get_input_matrix().astype(np.float64) @ direction
        names = [*map(str, range(vocabulary)), END_OF_LINE]
        row_of = {word: row for row, word in enumerate(model.get_words())}
        rows = np.array([row_of.get(name, -1) for name in names])
        return Scorer(
            words=np.where(rows >= 0, logits[rows], 0.0),
            known=rows >= 0,
            hashes=np.array([word_hash(name) for name in names], np.int32).astype(np.int64).view(np.uint64),
            grams=logits[len(row_of) :],
            ngrams=model.f.getArgs().wordNgrams,
        )

    def score(self, tokens: pa.ListArray, structure: npt.NDArray[np.int32], share: float) -> Floats:
        """Probability of "code" for each list of token ids, with the structure features [pages, 2]."""
        offsets = tokens.offsets.to_numpy()
        values = tokens.values.to_numpy()
        weights = (self.words, self.known, self.hashes, self.grams)
        return _score(values, offsets, structure, share, *weights, self.ngrams)


def word_hash(word: str) -> int:
    """fastText's 32-bit FNV-1a of a word, as a signed integer (it sign-extends bytes)."""
    value = 2_166_136_261
    for byte in word.encode():
        value = ((value ^ ((byte if byte < 128 else byte - 256) & 0xFFFFFFFF)) * 16_777_619) & 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value


@nb.njit(cache=True, nogil=True, inline="always")
def _token(
    values: npt.NDArray[np.int32], i: int, stop: int, times: int, first: int, second: int, end: int
) -> int:
    """Token i of a page: its tokens up to `stop`, then `times` of each structure feature, then the end."""
    if i < stop:
        return values[i]
    if i < stop + times:
        return first
    return second if i < stop + 2 * times else end


@nb.njit(cache=True, nogil=True)
def _score(
    values: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int32],
    structure: npt.NDArray[np.int32],
    share: float,
    words: Floats,
    known: npt.NDArray[np.bool_],
    hashes: npt.NDArray[np.uint64],
    grams: Floats,
    ngrams: int,
) -> Floats:
    pages = offsets.size - 1
    scores = np.zeros(pages, np.float64)
    end = words.size - 1
    buckets = np.uint64(grams.size)
    for page in range(pages):
        start, stop = offsets[page], offsets[page + 1]
        times = max(1, int((stop - start) * share)) if share > 0 else 0
        first, second = structure[page, 0], structure[page, 1]
        last = stop + 2 * times
        total = 0.0
        features = 0
        for i in range(start, last + 1):
            token = _token(values, i, stop, times, first, second, end)
            if known[token]:
                total += words[token]
                features += 1
            if ngrams > 1:
                key = hashes[token]
                for j in range(i + 1, min(i + ngrams, last + 1)):
                    key = key * NGRAM_FACTOR + hashes[_token(values, j, stop, times, first, second, end)]
                    total += grams[key % buckets]
                    features += 1
        scores[page] = 1.0 / (1.0 + np.exp(-total / max(features, 1)))
    return scores
