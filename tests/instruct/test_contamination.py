"""Planted copies of test problems are found in every disguise that keeps the words; clean text is not."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencoder_dag.instruct.contamination import Contamination, Reference, is_distinctive, words_of
from opencoder_dag.instruct.references import references_digest, references_of

PROMPT = (
    "Check whether in a given list of numbers any two of them are closer to one another than a threshold, "
    "and return True in that case, False in every other."
)
SOLUTION = (
    "    ordered = sorted(numbers)\n"
    "    return any(right - left < threshold for left, right in zip(ordered, ordered[1:]))\n"
)
PROBLEM = Reference(
    "made", "0", "closer_than_threshold", (PROMPT, SOLUTION, "assert closer_than_threshold([1], 1)")
)
CLEAN = "Write a function that reads a file line by line and returns the longest line of it as a string."


@pytest.fixture(scope="module")
def contamination() -> Contamination:
    return Contamination([PROBLEM])


@pytest.mark.parametrize(
    "text",
    [
        PROMPT,
        PROMPT.upper(),
        "\n".join(PROMPT.split()),
        f"Do this. {PROMPT.replace(' ', '   ')} Thank you.",
        " ".join(PROMPT.split()[4:16]),
        SOLUTION.replace("    ", "\t").replace("\n", "\r\n"),
        re.sub(r"\s+", " ", SOLUTION),
        "call closer_than_threshold(values, 3) here",
    ],
)
def test_copies_are_found(contamination: Contamination, text: str) -> None:
    found = contamination.find(text)
    assert found is not None and found["task"] == "made/0"


@pytest.mark.parametrize(
    "text", [CLEAN, "", "1 2 3 4 5 6 7 8 9 10 11 12", "a list of numbers", "not_closer_than_threshold"]
)
def test_clean_text_is_left_alone(contamination: Contamination, text: str) -> None:
    assert contamination.find(text) is None


def test_nine_shared_words_are_not_enough_and_ten_are(contamination: Contamination) -> None:
    words = words_of(PROMPT)
    assert contamination.find(" ".join(["start", *words[3:12], "end"])) is None
    assert contamination.find(" ".join(["start", *words[3:13], "end"])) is not None


def test_a_short_reference_counts_as_a_whole() -> None:
    short = Contamination([Reference("made", "1", None, ("return left times right plus one",))])
    assert short.find("so: return  left, times right; plus one") is not None
    assert short.find("return left times right plus two") is None


def test_common_names_give_a_problem_away_only_where_they_are_defined() -> None:
    assert not is_distinctive("add") and is_distinctive("has_close_elements") and is_distinctive("sortArray")
    common = Contamination([Reference("made", "2", "add", ())])
    assert common.find("total = add(1, 2)") is None
    assert common.find("def add(a, b): return a + b") == {"task": "made/2", "entry_point": "add"}


def test_no_references_find_nothing() -> None:
    assert Contamination([]).find(PROMPT) is None


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_white_space_never_hides_a_reference(seed: int, width: int) -> None:
    chance = random.Random(seed)
    spaces = [chance.choice([" ", "\n", "\t", "\r\n", "\u00a0", "  \n"]) * width for _ in PROMPT.split()]
    text = "".join(word + space for word, space in zip(PROMPT.split(), spaces, strict=True))
    assert Contamination([PROBLEM]).find(text) is not None


def test_every_problem_of_a_shipped_suite_is_caught_in_each_disguise() -> None:
    references = references_of(["ladder"])
    contamination = Contamination(references)
    assert len(references) >= 40
    for reference in references:
        chance = random.Random(reference.task)
        prompt, solution, _ = reference.texts
        whole = f"{prompt}{solution}"
        lines = whole.splitlines()
        chance.shuffle(lines)
        for copy in (whole, re.sub(r"\s+", "\n", whole), whole.replace("    ", "\t"), "\n".join(lines)):
            assert contamination.find(copy) is not None, (reference.task, copy)


def test_the_digest_of_references_tells_them_apart() -> None:
    assert references_digest([PROBLEM]) != references_digest([])
    assert references_digest([PROBLEM]) == references_digest([PROBLEM])
