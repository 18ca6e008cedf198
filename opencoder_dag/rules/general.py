"""Signals of code and data files whatever their language (33, nine of them in `repetition`)."""

from __future__ import annotations

import re

from opencoder_dag.rules.encoded import is_encoded
from opencoder_dag.rules.lines import lines_with
from opencoder_dag.rules.literals import concatenation_lines, hex_characters
from opencoder_dag.rules.signal import Value, signal
from opencoder_dag.rules.source_file import SourceFile

XML_START = re.compile(r"<\?xml version", re.IGNORECASE)
XML_WINDOW = 100  # characters
MARKER_WINDOW = 200  # characters
# The released rule looks for any "generate", which a header that mentions a generator has as well.
RELEASED_MARKERS = ("generate", "autogen", "do not edit")
MARKER = re.compile(
    r"do not edit|auto-?generated|\b(?:auto|automatically)[ -]generated|generated automatically"
    r"|\bgenerated (?:by|from|with|using)\b|\b(?:is|was|are|were|been) generated\b|@generated\b",
    re.IGNORECASE,
)
PLACEHOLDERS = ("your code here", "fixme", "todo")
CONCATENATION = re.compile(r"=\s*(?:\"[^\"\n]*\"|'[^'\n]*')\s*\+\s*[\"']")


def _share(part: float, whole: float, empty: float = 0.0) -> float:
    return part / whole if whole else empty


@signal("qsc_code_num_words", "general_code")
def word_count(file: SourceFile) -> Value:
    """Number of normalised words."""
    return float(file.words.total)


@signal("qsc_code_num_chars", "general_code")
def character_count(file: SourceFile) -> Value:
    """Number of characters."""
    return float(file.characters)


@signal("qsc_code_mean_word_length", "general_code")
def mean_word_length(file: SourceFile) -> Value:
    """Mean length of normalised words."""
    return _share(file.words.characters, file.words.total)


@signal("qsc_code_frac_words_unique", "general_code")
def unique_words(file: SourceFile) -> Value:
    """Distinct normalised words among all of them."""
    return _share(len(file.words.counts), file.words.total)


@signal("qsc_code_frac_chars_replacement_symbols", "general_code")
def replacement_characters(file: SourceFile) -> Value:
    """U+FFFD among all characters."""
    return _share(file.text.count("\ufffd"), file.characters)


@signal("qsc_code_frac_chars_digital", "general_code")
def digits(file: SourceFile) -> Value:
    """Digits among visible characters; 1 when nothing is visible."""
    return _share(file.classes.digit, file.visible, 1.0)


@signal("qsc_code_frac_chars_whitespace", "general_code")
def whitespace(file: SourceFile) -> Value:
    """Whitespace among all characters; 1 when empty."""
    return _share(file.classes.space, file.characters, 1.0)


@signal("qsc_code_size_file_byte", "general_code")
def size(file: SourceFile) -> Value:
    """File size in bytes."""
    return float(file.size)


@signal("qsc_code_num_lines", "general_code")
def line_count(file: SourceFile) -> Value:
    """Number of raw lines, blank ones included."""
    return float(file.raw_lines.count)


@signal("qsc_code_num_chars_line_max", "general_code")
def longest_line(file: SourceFile) -> Value:
    """Length of the longest raw line, its newline included."""
    return float(file.raw_lines.longest)


@signal("qsc_code_num_chars_line_mean", "general_code")
def mean_line(file: SourceFile) -> Value:
    """Mean length of raw lines, their newlines included."""
    return file.raw_lines.mean


@signal("qsc_code_frac_chars_alphabet", "general_code")
def alphabetic(file: SourceFile) -> Value:
    """Alphabetic among visible characters; 0 when nothing is visible."""
    return _share(file.classes.alpha, file.visible)


@signal("qsc_code_frac_chars_comments", "general_code")
def comment_share(file: SourceFile) -> Value:
    """Characters of comments (in Python also of docstrings) among all characters."""
    return _share(file.comment_characters, file.characters)


@signal("qsc_code_cate_xml_start", "general_code")
def xml_start(file: SourceFile) -> Value:
    """Whether the first 100 characters hold an XML declaration with a version."""
    return XML_START.search(file.text, 0, XML_WINDOW) is not None


@signal("qsc_code_frac_lines_dupe_lines", "general_code")
def repeated_lines(file: SourceFile) -> Value:
    """Code lines that occur more than once (blanks apart), among code lines."""
    return file.per_code_line(file.code_lines.repeated)


@signal("qsc_code_cate_autogen", "general_code")
def generated(file: SourceFile) -> Value:
    """Whether the first 200 characters say that the file was generated."""
    head = file.text[:MARKER_WINDOW].lower()
    if file.released:
        return any(marker in head for marker in RELEASED_MARKERS)
    if "generated" not in head and "edit" not in head:
        return False
    return MARKER.search(" ".join(head.split())) is not None


@signal("qsc_code_frac_lines_long_string", "general_code")
def long_string_lines(file: SourceFile) -> Value:
    """Lines in string literals of more than 20 words, among code lines."""
    return file.per_code_line(file.strings.long_lines)


@signal("qsc_code_frac_chars_string_length", "general_code")
def string_characters(file: SourceFile) -> Value:
    """Characters inside string literals among those of the text without comments."""
    return file.share_of_code(file.strings.characters)


@signal("qsc_code_frac_chars_long_word_length", "general_code")
def long_word_characters(file: SourceFile) -> Value:
    """Characters of words over 20 characters (no links) in strings, among those without comments."""
    return file.share_of_code(file.strings.long_word_characters)


@signal("qsc_code_frac_lines_string_concat", "general_code")
def concatenations(file: SourceFile) -> Value:
    """Code lines that assign two quoted strings joined by a plus sign, among code lines."""
    code = file.code
    return file.per_code_line(
        sum(
            CONCATENATION.search(code, start, end) is not None
            for start, end in concatenation_lines(file.code_codes).tolist()
        )
    )


@signal("qsc_code_cate_encoded_data", "general_code")
def encoded(file: SourceFile) -> Value:
    """Whether a run of encoded data is longer than 1024 characters or all cover more than half."""
    return is_encoded(file.text, file.codes)


@signal("qsc_code_frac_chars_hex_words", "general_code")
def hex_words(file: SourceFile) -> Value:
    """Characters in hexadecimal literals, among those of the text without comments."""
    return file.share_of_code(hex_characters(file.code, file.code_codes))


@signal("qsc_code_frac_lines_prompt_comments", "general_code")
def placeholder_comments(file: SourceFile) -> Value:
    """Comment lines with a placeholder (to-do and the like) among raw lines."""
    return _share(lines_with(file.split.comments.lower(), PLACEHOLDERS), file.raw_lines.count)


@signal("qsc_code_frac_lines_assert", "general_code")
def assertions(file: SourceFile) -> Value:
    """Code lines that contain "assert" in any case, among code lines."""
    return file.per_code_line(lines_with(file.lower_code, ("assert",)))
