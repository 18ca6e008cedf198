"""Signals of code and data files alone, whatever their language (16)."""

from __future__ import annotations

import re

from opencoder_dag.rules.encoded import is_encoded
from opencoder_dag.rules.lines import lines_with
from opencoder_dag.rules.literals import concatenation_lines, hex_characters
from opencoder_dag.rules.signal import Value, share, signal
from opencoder_dag.rules.source_file import SourceFile, lowered

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


@signal("qsc_code_size_file_byte", "general_code")
def size(file: SourceFile) -> Value:
    """File size in bytes."""
    return float(file.size)


@signal("qsc_code_num_chars_line_max", "general_code")
def longest_line(file: SourceFile) -> Value:
    """Length of the longest raw line, its newline included."""
    return float(file.survey.longest_line)


@signal("qsc_code_num_chars_line_mean", "general_code")
def mean_line(file: SourceFile) -> Value:
    """Mean length of raw lines, their newlines included."""
    return share(file.characters, file.survey.lines)


@signal("qsc_code_frac_chars_alphabet", "general_code")
def alphabetic(file: SourceFile) -> Value:
    """Alphabetic among visible characters; 0 when nothing is visible."""
    return share(file.survey.alpha, file.visible)


@signal("qsc_code_frac_chars_comments", "general_code")
def commentshare(file: SourceFile) -> Value:
    """Characters of comments (in Python also of docstrings) among all characters."""
    return share(file.comment_characters, file.characters)


@signal("qsc_code_cate_xml_start", "general_code")
def xml_start(file: SourceFile) -> Value:
    """Whether the first 100 characters hold an XML declaration with a version."""
    return XML_START.search(file.text, 0, XML_WINDOW) is not None


@signal("qsc_code_frac_lines_dupe_lines", "general_code")
def repeated_lines(file: SourceFile) -> Value:
    """Code lines that occur more than once (blanks apart), among code lines."""
    return file.per_code_line(file.code_survey.repeated_lines)


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
    return file.per_code_line(file.code_survey.long_string_lines)


@signal("qsc_code_frac_chars_string_length", "general_code")
def string_characters(file: SourceFile) -> Value:
    """Characters inside string literals among those of the text without comments."""
    return file.share_of_code(file.code_survey.string_characters)


@signal("qsc_code_frac_chars_long_word_length", "general_code")
def long_word_characters(file: SourceFile) -> Value:
    """Characters of words over 20 characters (no links) in strings, among those without comments."""
    return file.share_of_code(file.code_survey.long_word_characters)


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
    return share(lines_with(lowered(file.split.comments), PLACEHOLDERS), file.survey.lines)


@signal("qsc_code_frac_lines_assert", "general_code")
def assertions(file: SourceFile) -> Value:
    """Code lines that contain "assert" in any case, among code lines."""
    return file.per_code_line(lines_with(file.lower_code, ("assert",)))
