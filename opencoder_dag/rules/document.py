"""Signals of text files alone (15): natural language in Markdown, reStructuredText, plain text."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from pathlib import PurePosixPath

import numpy as np

from opencoder_dag.rules.literals import hex_characters
from opencoder_dag.rules.prose import RAW_WORD, count_sentences, count_upper_words
from opencoder_dag.rules.signal import Value, share, signal
from opencoder_dag.rules.source_file import SourceFile

LINK_START = re.compile(r"\(https?://")
VISIBLE = re.compile(r"\S*")
BRACKETS = ("【", "】")
ELLIPSIS = ("...", "…")
READ_MORE = (
    "阅读更多",
    "阅读全文",
    "查看更多",
    "查看全文",
    "展开全文",
    "了解更多",
    "اقرأ المزيد",
    "続きを読む",
    "もっと見る",
    "もっと読む",
)
READ_MORE_ENDS = re.compile(
    rf"(?:{'|'.join(map(re.escape, (*ELLIPSIS, *READ_MORE)))})[\]】]*+[^\S\n]*+$", re.MULTILINE
)
BULLETS = "•‣▶◀◦■□▪▫–⁃⁌⁍∙○●◘☙❥❧⦾⦿"
BULLET_LINES = re.compile(rf"\n[^\S\n]*+[{BULLETS}]")
RELATED_STEMS = ("readme", "notes", "todo", "description", "cmakelists")


@cache
def stop_words() -> frozenset[str]:
    """English stop words (a word list written for this project)."""
    text = (resources.files("opencoder_dag.rules") / "stop_words_en.yaml").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


@signal("qsc_doc_frac_chars_curly_bracket", "general_document")
def curly_brackets(file: SourceFile) -> Value:
    """Curly braces among all characters."""
    return share(file.text.count("{") + file.text.count("}"), file.characters)


@signal("qsc_doc_frac_words_redpajama_stop", "general_document")
def stop_wordshare(file: SourceFile) -> Value:
    """Stop words among raw words."""
    words = RAW_WORD.findall(file.text)
    return share(sum(word in stop_words() for word in words), len(words))


@signal("qsc_doc_num_sentences", "general_document")
def sentences(file: SourceFile) -> Value:
    """Number of sentences: runs from a word boundary to the next full stop, question or exclamation mark."""
    return float(count_sentences(file.codes))


@signal("qsc_doc_frac_words_full_bracket", "general_document")
def full_brackets(file: SourceFile) -> Value:
    """Lenticular brackets among raw words."""
    if file.text.isascii():
        return 0.0
    words = RAW_WORD.findall(file.text)
    return share(sum(word in BRACKETS for word in words), len(words))


@signal("qsc_doc_frac_lines_end_with_readmore", "general_document")
def read_more(file: SourceFile) -> Value:
    """Lines that end with an ellipsis or a read-more phrase, among raw lines."""
    if not any(end in file.text for end in (*ELLIPSIS, *READ_MORE)):
        return 0.0
    return share(len(READ_MORE_ENDS.findall(file.text)), file.survey.lines)


@signal("qsc_doc_frac_lines_start_with_bullet", "general_document")
def bullets(file: SourceFile) -> Value:
    """Lines that start with a bullet glyph, among raw lines (hyphen and asterisk are none)."""
    if file.text.isascii():
        return 0.0
    return share(len(BULLET_LINES.findall(f"\n{file.text}")), file.survey.lines)


@signal("qsc_doc_entropy_unigram", "general_document")
def entropy(file: SourceFile) -> Value:
    """Shannon entropy (natural logarithm) of the normalised words; undefined without words."""
    if not file.survey.words:
        return None
    shares = file.survey.counts / file.survey.words
    return float(-(shares * np.log(shares)).sum())


@signal("qsc_doc_frac_words_all_caps", "general_document")
def all_caps(file: SourceFile) -> Value:
    """Words in upper case only, among raw words."""
    return share(*count_upper_words(file.codes))


@signal("qsc_doc_frac_lines_dupe_lines", "general_document")
def repeated_lines(file: SourceFile) -> Value:
    """Trimmed lines that occur more than once, among visible lines."""
    return share(file.trimmed_lines.repeated, file.trimmed_lines.count)


@signal("qsc_doc_frac_chars_dupe_lines", "general_document")
def repeated_line_characters(file: SourceFile) -> Value:
    """Characters in trimmed lines that occur more than once, among those of all trimmed lines."""
    return share(file.trimmed_lines.repeated_characters, file.trimmed_lines.characters)


@signal("qsc_doc_cate_code_related_file_name", "general_document")
def code_related_name(file: SourceFile) -> Value:
    """Whether the file is named like documentation of code (readme, notes, requirements and the like)."""
    name = PurePosixPath(file.name).name.lower()
    stem = name.split(".")[0]
    return "requirement" in stem or stem in RELATED_STEMS or name.startswith("read.me")


@signal("qsc_doc_num_chars_sentence_length_mean", "general_document")
def sentence_length(file: SourceFile) -> Value:
    """Mean length of the pieces between full stops, question marks, exclamation marks and newlines."""
    cuts = sum(map(file.text.count, ".?!\n"))
    return (file.characters - cuts) / (cuts + 1)


@signal("qsc_doc_frac_chars_hyperlink_html_tag", "general_document")
def links_and_tags(file: SourceFile) -> Value:
    """Characters in bracketed links and in tags, among all characters."""
    return share(_link_characters(file.text) + _tag_characters(file.text), file.characters)


def _link_characters(text: str) -> int:
    """Characters of `(http...)` up to the last closing bracket before a blank."""
    total = 0
    start = LINK_START.search(text)
    while start is not None:
        run = VISIBLE.match(text, start.end())
        after = run.end() if run is not None else start.end()
        closing = text.rfind(")", start.end(), after)
        if closing >= 0:
            total += closing + 1 - start.start()
            after = closing + 1
        start = LINK_START.search(text, after)
    return total


def _tag_characters(text: str) -> int:
    """Characters of `<...>` on one line."""
    total = 0
    opening = text.find("<")
    closing = newline = -1
    while opening >= 0:
        if closing < opening:
            closing = text.find(">", opening)
            if closing < 0:
                break
        if newline < opening:
            newline = text.find("\n", opening)
            newline = len(text) if newline < 0 else newline
        after = newline
        if closing < newline:
            total += closing + 1 - opening
            after = closing + 1
        opening = text.find("<", after)
    return total


@signal("qsc_doc_frac_chars_alphabet", "general_document")
def alphabetic(file: SourceFile) -> Value:
    """Alphabetic among visible characters; English only."""
    return share(file.survey.alpha, file.visible) if file.natural_language == "en" else None


@signal("qsc_doc_frac_chars_hex_words", "general_document")
def hex_words(file: SourceFile) -> Value:
    """Characters in hexadecimal literals, among all characters."""
    return share(hex_characters(file.text, file.codes), file.characters)
