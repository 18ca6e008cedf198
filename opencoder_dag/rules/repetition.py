"""Signals of repetition (18): the same nine quantities for text files and for code."""

from __future__ import annotations

from opencoder_dag.rules.ngrams import REPEATED, TOP
from opencoder_dag.rules.signal import Compute, Group, Value, signal
from opencoder_dag.rules.source_file import SourceFile


def _share_of(n: int, what: str) -> Compute:
    def compute(file: SourceFile) -> Value:
        return file.ngram_shares[n]

    compute.__doc__ = what
    return compute


def _register(prefix: str, group: Group) -> None:
    for n in TOP:
        what = f"Characters of the most frequent {n}-word sequence times its count, among those of all words."
        signal(f"{prefix}_frac_chars_top_{n}grams", group)(_share_of(n, what))
    for n in REPEATED:
        what = (
            f"Characters of words in {n}-word sequences that occur at least twice, among those of all words."
        )
        signal(f"{prefix}_frac_chars_dupe_{n}grams", group)(_share_of(n, what))


_register("qsc_doc", "general_document")
_register("qsc_code", "general_code")
