"""Whether an item gives away a problem that models are tested on.

Belongs here: references (the problems of the suites) and the two tests of OpenCoder, section 8.3: an entry
point, or a shared 10-gram of words. Does not belong here: where suites come from (`opencoder_dag.evaluate`).

Words are runs of letters, digits and underscores in lower case, so white space, line breaks, quotes and
punctuation hide nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NGRAM = 10
SHORT = 4  # a reference text of fewer than NGRAM words counts as a whole from this many words on
SHORTEST_NAME = 3  # `f` and `g` are the names of everything
DISTINCT = 4  # different words with letters that a telling n-gram has
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_WORD = re.compile(r"\w+")
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class Reference:
    """A problem of a suite: its name, the function it asks for, every text that must not be trained on."""

    suite: str
    task: str
    entry_point: str | None
    texts: tuple[str, ...]


def words_of(text: str) -> list[str]:
    """The words of a text."""
    return _WORD.findall(text.lower())


def telling(words: Sequence[str]) -> bool:
    """Whether words say anything: rows of numbers and `assert true` repeated are in too many texts."""
    return len({word for word in words if _LETTER.search(word)}) >= DISTINCT


def is_distinctive(name: str) -> bool:
    """Whether a function name is rare enough that its mere use gives a problem away.

    `add` or `median` are names of their own in much code; `has_close_elements` is not.
    """
    return "_" in name.strip("_") or len(name) >= 12 or bool(re.search(r"[a-z][A-Z]", name))


class Contamination:
    """Looks texts up in the references of any number of suites.

    n-grams are kept as 64-bit hashes in sorted arrays, one for each length.
    """

    def __init__(self, references: Sequence[Reference]) -> None:
        self.entry_points: dict[str, str] = {}
        self._tasks = [_task_of(reference) for reference in references]
        for reference, task in zip(references, self._tasks, strict=True):
            if reference.entry_point and len(reference.entry_point) >= SHORTEST_NAME:
                self.entry_points.setdefault(reference.entry_point, task)
        self._names = self._pattern()
        self._words: dict[str, int] = {}  # word to hash, for speed alone
        self._index = self._build(references)

    def _build(
        self, references: Sequence[Reference]
    ) -> dict[int, tuple[NDArray[np.uint64], NDArray[np.intp]]]:
        """Length to sorted n-gram hashes and the number of the first reference that has each."""
        texts: dict[int, list[tuple[int, list[str]]]] = {}
        for number, reference in enumerate(references):
            for text in reference.texts:
                words = words_of(text)
                if (length := min(len(words), NGRAM)) >= SHORT:
                    texts.setdefault(length, []).append((number, words))
        index = {}
        for length, some in texts.items():
            hashes = self._hashes([word for _, words in some for word in words])
            owner = np.repeat([number for number, _ in some], [len(words) for _, words in some])
            origin = np.repeat(np.arange(len(some)), [len(words) for _, words in some])
            within = origin[: len(origin) - length + 1] == origin[length - 1 :]
            keys, first = np.unique(_ngrams(hashes, length)[within], return_index=True)
            index[length] = keys, owner[: len(within)][within][first]
        return index

    def _hashes(self, words: list[str]) -> NDArray[np.uint64]:
        for word in set(words).difference(self._words):
            digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            self._words[word] = int.from_bytes(digest, "big")
        return np.fromiter((self._words[word] for word in words), np.uint64, len(words))

    def _pattern(self) -> re.Pattern[str] | None:
        rare = sorted(name for name in self.entry_points if is_distinctive(name))
        common = sorted(name for name in self.entry_points if not is_distinctive(name))
        choices = []
        if rare:
            choices.append(rf"(?<!\w)({'|'.join(map(re.escape, rare))})(?!\w)")
        if common:
            choices.append(rf"(?:def|function|func|fn)\s+({'|'.join(map(re.escape, common))})(?!\w)")
        return re.compile("|".join(choices)) if choices else None

    def find(self, text: str) -> dict[str, str] | None:
        """Evidence against a text (which task, by what), or None."""
        if self._names is not None and (match := self._names.search(text)):
            name = next(group for group in match.groups() if group)
            return {"task": self.entry_points[name], "entry_point": name}
        words = words_of(text)
        hashes = self._hashes(words)
        for length in sorted(self._index, reverse=True):
            keys, owners = self._index[length]
            ngrams = _ngrams(hashes, length)
            places = np.minimum(np.searchsorted(keys, ngrams), len(keys) - 1)
            for start in np.flatnonzero(keys[places] == ngrams):
                ngram = words[start : start + length]
                if telling(ngram):
                    return {"task": self._tasks[owners[places[start]]], "ngram": " ".join(ngram)}
        return None


def _task_of(reference: Reference) -> str:
    named = reference.task.startswith(f"{reference.suite}/")
    return reference.task if named else f"{reference.suite}/{reference.task}"


def _ngrams(hashes: NDArray[np.uint64], length: int) -> NDArray[np.uint64]:
    """One hash for each run of `length` words; shape (n - length + 1,), or empty."""
    count = len(hashes) - length + 1
    if count <= 0:
        return np.empty(0, np.uint64)
    total = np.zeros(count, np.uint64)
    for position in range(length):
        total = total * MULTIPLIER + hashes[position : position + count]
    return total
