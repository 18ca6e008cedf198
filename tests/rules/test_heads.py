"""Heads and prose by kernels against the regular expressions that define them."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from opencoder_dag.rules.characters import codes_of
from opencoder_dag.rules.heads import Openers, function_heads, keys_of, method_heads
from opencoder_dag.rules.literals import concatenation_lines, hex_characters
from opencoder_dag.rules.prose import RAW_WORD, count_sentences, count_upper_words

MODIFIERS = ("public", "static")
METHOD = re.compile(
    r"[ \t]*(?!return\b)(?:(?:public|static)[ \t]+)*(?:<[^>\n]+>[ \t]*)?\w+[ \t]+\w+[ \t]*\([^\n]*\)"
)
PLAIN_METHOD = re.compile(METHOD.pattern.replace(r"(?:<[^>\n]+>[ \t]*)?", ""))
FUNCTION = re.compile(r"\b[a-zA-Z_]\w*\s*\**\s+\**\w+\([^)]*\)")
HEX = re.compile(r"\b0[xX][0-9a-fA-F]+\b")
SENTENCE = re.compile(r"\b[^.!?。！？؟]+[.!?。！？؟]*")
QUOTED_PLUS = re.compile(r"[\"']\s*\+\s*[\"']")

PIECES = ["public", "static", "return", "returns", "int", "foo", "é", "9", " ", " ", "\t", "\n", "(", ")"]
PIECES += ["<", ">", "*", "T", ";", "func", "import"]
code = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@settings(max_examples=500, deadline=None)
@given(code)
def test_heads_are_those_of_the_expressions(text: str):
    codes = codes_of(text)
    keys, excluded = keys_of(MODIFIERS), keys_of(("return",))
    lines = text.split("\n")
    for generics, pattern in ((True, METHOD), (False, PLAIN_METHOD)):
        expected = sum(pattern.match(line) is not None for line in lines)
        assert method_heads(codes, keys, excluded, generics) == expected
    assert function_heads(codes) == len(FUNCTION.findall(text))


@settings(max_examples=300, deadline=None)
@given(code)
def test_lines_by_their_first_word(text: str):
    pattern = re.compile(r"func\s+\w")
    openers = Openers({"import": None, "func": pattern})
    expected = re.findall(r"^[ \t]*(?:import\b|func\s+\w)", text, re.MULTILINE)
    # A name may stand on a later line, and open it with such a word itself.
    later = re.findall(r"^[ \t]*func\s*\n\s*(?:import\b|func\s+\w)", text, re.MULTILINE)
    assert len(expected) <= openers.count(text, codes_of(text)) <= len(expected) + len(later) * 2
    capitals = Openers({"Tfoo": None}, capitalised=re.compile("T"))
    lines = (line.lstrip(" \t") for line in text.split("\n"))
    assert capitals.count(text, codes_of(text)) == sum(line.startswith("T") for line in lines)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from("0xXaFg1_ é\n"), max_size=40))
def test_hexadecimal_numbers(text: str):
    assert hex_characters(text, codes_of(text)) == sum(map(len, HEX.findall(text)))


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from("\"'+= a\n\u3000"), max_size=40))
def test_lines_that_join_quoted_strings(text: str):
    expected = []
    start = 0
    for line in text.split("\n"):
        if QUOTED_PLUS.search(line):
            expected.append([start, start + len(line)])
        start += len(line) + 1
    assert concatenation_lines(codes_of(text)).tolist() == expected


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet=st.sampled_from("aA.!?。 \n-_Ⓐ\u01c5ßÉ9"), max_size=40))
def test_sentences_and_upper_words(text: str):
    codes = codes_of(text)
    assert count_sentences(codes) == len(SENTENCE.findall(text))
    words = RAW_WORD.findall(text)
    assert count_upper_words(codes) == (sum(map(str.isupper, words)), len(words))
