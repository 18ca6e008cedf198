"""Lines and string literals against plain Python that does the same slowly."""

from __future__ import annotations

import re
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from opencoder_dag.rules.characters import codes_of
from opencoder_dag.rules.encoded import encoded_runs, is_encoded
from opencoder_dag.rules.lines import lines_with, trimmed_lines
from opencoder_dag.rules.literals import hex_characters
from opencoder_dag.rules.survey import survey_code, survey_text

texts = st.text(alphabet=st.sampled_from("ab  \n\n\t},é\u2003"), max_size=80)
quoted = st.text(alphabet=st.sampled_from("'\"'\"a \nwé:/x"), max_size=60)

ONE_LINE = re.compile(r"'''([\s\S]*?)'''|\"\"\"([\s\S]*?)\"\"\"|'(.*?)'|\"(.*?)\"")
SPANNING = re.compile(r"'''([\s\S]*?)'''|\"\"\"([\s\S]*?)\"\"\"|'([\s\S]*?)'|\"([\s\S]*?)\"")


def insides(pattern: re.Pattern[str], text: str) -> list[str]:
    return [match[match.lastindex] for match in pattern.finditer(text)]


@settings(max_examples=200, deadline=None)
@given(texts)
def test_lines(text: str):
    raw = text.splitlines(keepends=True) if "\u2028" not in text else []
    found = survey_text(codes_of(text))
    assert (found.lines, found.longest_line) == (len(raw), max(map(len, raw), default=0))
    trimmed = [line.strip() for line in text.split("\n") if line.strip()]
    counts = Counter(trimmed)
    lines = trimmed_lines(codes_of(text))
    assert (lines.count, lines.characters) == (len(trimmed), sum(map(len, trimmed)))
    assert lines.repeated == sum(counts[line] > 1 for line in trimmed)
    assert lines.repeated_characters == sum(len(line) for line in trimmed if counts[line] > 1)
    squeezed = [re.sub(r"\s", "", line) for line in trimmed]
    counts = Counter(squeezed)
    code = survey_code(codes_of(text))
    assert code.lines == len(squeezed)
    assert code.repeated_lines == sum(
        counts[line] > 1 and len(line) > 1 and line != "}," for line in squeezed
    )


@settings(max_examples=400, deadline=None)
@given(quoted)
def test_strings(text: str):
    found = survey_code(codes_of(text))
    assert found.string_characters == sum(map(len, insides(ONE_LINE, text)))
    words = [word for inside in insides(ONE_LINE, text) for word in inside.split()]
    assert found.long_word_characters == sum(len(word) for word in words if len(word) > 20)


def test_long_words_leave_links_out():
    link = "https://example.org/a/long/path"
    assert survey_code(codes_of(f"a = '{link} and{'x' * 30}'")).long_word_characters == 33
    assert survey_code(codes_of(f"a = '(see {link})'")).long_word_characters == 0


def test_long_lines_count_words_and_punctuation():
    line = "word, " * 11  # 22 words and marks
    text = f"x = '''short\n{line}\n{line}''' + 'a b'\n"
    assert survey_code(codes_of(text)).long_string_lines == 2
    assert survey_code(codes_of(text.replace("'''", '"'))).long_string_lines == 2


def test_an_unclosed_quote_costs_no_second_search():
    text = "it's\n" * 20_001  # an odd number of quotes, none closing on its line
    found = survey_code(codes_of(text))
    assert found.string_characters == 0
    assert found.long_string_lines == 0


def test_lines_with_counts_lines_not_hits():
    text = "todo todo\nnothing\nfixme\ntodo fixme"
    assert lines_with(text, ("todo",)) == 2
    assert lines_with(text, ("todo", "fixme")) == 3
    assert lines_with(text, ("absent",)) == 0


def encoded(text: str) -> bool:
    return is_encoded(text, codes_of(text))


def test_encoded_data():
    text = "x = 0x1F + 0XAB; y0x12 0xZZ"
    assert hex_characters(text, codes_of(text)) == 8
    assert encoded("data = '" + "QUJD" * 300 + "'")
    assert encoded("\\x41\\x42" * 300)
    assert encoded("\\u0041" * 200)
    assert not encoded("def plain(text):\n    return text\n" * 40)


PATTERNS = (
    r"[a-zA-Z0-9+/\n=]{64,}",
    r"(?:\b(?:0x|\\x)?[0-9a-fA-F]{2}(?:,|\b\s*)){8,}",
    r"(?:\\u[0-9a-fA-F]{4}){8,}",
)
pieces = st.sampled_from(
    ["0x", "\\x", "1f", "A", "0", ",", " ", "\n", "\\u", "00", "41", "ab, ", "z", "é", "beef" * 9]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(pieces, max_size=60))
def test_encoded_runs_are_those_of_the_published_patterns(parts: list[str]):
    text = "".join(parts)
    runs = [len(found.group()) for pattern in PATTERNS for found in re.finditer(pattern, text)]
    assert encoded_runs(text, codes_of(text)) == (max(runs, default=0), sum(runs))
