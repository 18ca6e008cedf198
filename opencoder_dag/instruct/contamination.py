"""Whether an item gives away a problem that models are tested on.

Belongs here: references (the problems of the suites) and the two tests of OpenCoder, section 8.3: an entry
point, or a shared 10-gram of words. Does not belong here: where suites come from (`opencoder_dag.evaluate`).

Words are runs of letters, digits and underscores in lower case, so white space, line breaks, quotes and
punctuation hide nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

NGRAM = 10
SHORT = 4  # a reference text of fewer than NGRAM words counts as a whole from this many words on
DISTINCT = 4  # different words with letters that a telling n-gram has
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
    """Looks texts up in the references of any number of suites."""

    def __init__(self, references: Iterable[Reference]) -> None:
        self.ngrams: dict[str, str] = {}  # joined words to task
        self.lengths: set[int] = set()
        self.entry_points: dict[str, str] = {}
        self.references = 0
        for reference in references:
            self.references += 1
            task = reference.task
            if not task.startswith(f"{reference.suite}/"):
                task = f"{reference.suite}/{task}"
            if reference.entry_point:
                self.entry_points.setdefault(reference.entry_point, task)
            for text in reference.texts:
                for ngram in self._ngrams_of(words_of(text)):
                    self.ngrams.setdefault(ngram, task)
        self._names = self._pattern()

    def _ngrams_of(self, words: list[str]) -> Iterator[str]:
        length = NGRAM if len(words) >= NGRAM else len(words)
        if length < SHORT:
            return
        for start in range(len(words) - length + 1):
            ngram = words[start : start + length]
            if telling(ngram):
                self.lengths.add(length)
                yield " ".join(ngram)

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
        for length in sorted(self.lengths, reverse=True):
            for start in range(len(words) - length + 1):
                ngram = " ".join(words[start : start + length])
                if ngram in self.ngrams:
                    return {"task": self.ngrams[ngram], "ngram": ngram}
        return None
