"""Signals that text files and code have alike (17 quantities, each registered for both)."""

from __future__ import annotations

from opencoder_dag.rules.ngrams import REPEATED, TOP
from opencoder_dag.rules.signal import Compute, Value, share, signal
from opencoder_dag.rules.source_file import SourceFile


def _of_both(name: str, compute: Compute) -> Compute:
    signal(f"qsc_doc_{name}", "general_document")(compute)
    return signal(f"qsc_code_{name}", "general_code")(compute)


def _words(file: SourceFile) -> Value:
    """Number of normalised words."""
    return float(file.survey.words)


def _characters(file: SourceFile) -> Value:
    """Number of characters."""
    return float(file.characters)


def _lines(file: SourceFile) -> Value:
    """Number of raw lines, blank ones included."""
    return float(file.survey.lines)


def _mean_word_length(file: SourceFile) -> Value:
    """Mean length of normalised words."""
    return share(file.survey.word_characters, file.survey.words)


def _unique_words(file: SourceFile) -> Value:
    """Distinct normalised words among all of them."""
    return share(len(file.survey.counts), file.survey.words)


def _replacement_characters(file: SourceFile) -> Value:
    """U+FFFD among all characters."""
    return share(file.text.count("\ufffd"), file.characters)


def _digits(file: SourceFile) -> Value:
    """Digits among visible characters; 1 when nothing is visible."""
    return share(file.survey.digit, file.visible, 1.0)


def _whitespace(file: SourceFile) -> Value:
    """Whitespace among all characters; 1 when empty."""
    return share(file.survey.space, file.characters, 1.0)


for _name, _compute in (
    ("num_words", _words),
    ("num_chars", _characters),
    ("num_lines", _lines),
    ("mean_word_length", _mean_word_length),
    ("frac_words_unique", _unique_words),
    ("frac_chars_replacement_symbols", _replacement_characters),
    ("frac_chars_digital", _digits),
    ("frac_chars_whitespace", _whitespace),
):
    _of_both(_name, _compute)


def _covered_by(n: int, what: str) -> Compute:
    def compute(file: SourceFile) -> Value:
        return file.survey.covered[n - 2]

    compute.__doc__ = what
    return compute


for _n in TOP:
    _what = f"Characters of the most frequent {_n}-word sequence times its count, among those of all words."
    _of_both(f"frac_chars_top_{_n}grams", _covered_by(_n, _what))
for _n in REPEATED:
    _what = f"Characters of words in {_n}-word sequences that occur at least twice, among those of all words."
    _of_both(f"frac_chars_dupe_{_n}grams", _covered_by(_n, _what))
