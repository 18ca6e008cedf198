"""Surveys: what most rules count in a text, by one call of compiled code.

A call into compiled code costs about a microsecond, and its arrays and results as much again: on a small file
as much as the counting itself. Belongs here: which kernels are run together, and what they return.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from opencoder_dag.rules.characters import Codes, class_table, count_classes
from opencoder_dag.rules.lines import count_raw_lines, count_visible_lines
from opencoder_dag.rules.literals import count_long_lines, count_string_characters
from opencoder_dag.rules.ngrams import LONGEST, count_covered
from opencoder_dag.rules.words import prepared, scan_words


class TextSurvey(NamedTuple):
    """Counts of a text as it stands; words are the normalised ones.

    `counts`: [distinct words] int32, occurrences of each. `covered`: share of the words' characters, by n - 2
    for n from 2 to 10, in the most frequent (to n = 4) or in repeated word sequences of length n.
    """

    alpha: int
    digit: int
    space: int
    lines: int
    longest_line: int
    words: int
    word_characters: int
    counts: npt.NDArray[np.int32]
    covered: tuple[float, ...]


class CodeSurvey(NamedTuple):
    """Counts of a text without its comments: visible lines, compared without blanks, and string literals.

    `string_characters` and `long_word_characters` are of strings whose plain quotes close on the same line,
    `long_string_lines` of strings whose plain quotes may span lines.
    """

    lines: int
    repeated_lines: int
    string_characters: int
    long_word_characters: int
    long_string_lines: int


def survey_text(codes: Codes) -> TextSurvey:
    """Survey a text, given as its code points."""
    return TextSurvey(*_survey_text(codes, class_table(codes), *prepared(codes)))


def survey_code(codes: Codes) -> CodeSurvey:
    """Survey the code points of a text without comments."""
    return CodeSurvey(*_survey_code(codes, class_table(codes)))


@njit(cache=True, nogil=True)
def _survey_text(codes: Any, classes: Any, word_codes: Any, word_classes: Any, folds: Any) -> Any:
    alpha, digit, space = count_classes(codes, classes)
    lines, longest = count_raw_lines(codes)
    ids, lengths, counts, characters = scan_words(word_codes, word_classes, folds)
    covered = count_covered(ids, lengths, counts, LONGEST) / max(characters, 1)
    shares = (
        covered[2],
        covered[3],
        covered[4],
        covered[5],
        covered[6],
        covered[7],
        covered[8],
        covered[9],
        covered[10],
    )
    return alpha, digit, space, lines, longest, len(ids), characters, counts, shares


@njit(cache=True, nogil=True)
def _survey_code(codes: Any, classes: Any) -> Any:
    lines, _, repeated, _ = count_visible_lines(codes, classes, True)
    characters, long_words = count_string_characters(codes, classes)
    return lines, repeated, characters, long_words, count_long_lines(codes, classes)
