"""Signals of HTML files (3): is there enough text to read between the tags?"""

from __future__ import annotations

from opencoder_dag.rules.signal import Value, signal
from opencoder_dag.rules.source_file import SourceFile


@signal("qsc_codehtml_cate_ast", "language", "html")
def parses(file: SourceFile) -> Value:
    """Whether the file can be read as HTML; browsers and we read anything."""
    return True


@signal("qsc_codehtml_frac_words_text", "language", "html")
def text_share(file: SourceFile) -> Value:
    """Characters of visible text among all characters."""
    return len(file.visible_text) / file.characters if file.characters else 0.0


@signal("qsc_codehtml_num_chars_text", "language", "html")
def text_characters(file: SourceFile) -> Value:
    """Characters of visible text."""
    return float(len(file.visible_text))
