"""The transformation of one text: the notice at its head, then personal data, with a count of each kind."""

from __future__ import annotations

from collections import Counter

from opencoder_dag.clean.copyright import remove_notice
from opencoder_dag.clean.personal_data import replace_personal_data

MAX_ROUNDS = 10


def clean_text(
    text: str, language: str, *, copyright: bool, personal_data: bool
) -> tuple[str, dict[str, int]]:
    """Remove the leading copyright notice and replace personal data by placeholders.

    `language` is a lower-case name of the language map; it tells how comments are written and whether values
    are written without quotation marks. Returns the text and how often each kind was found: `copyright`
    (0 or 1), `email`, `ip`, `key`, `password`; kinds that were not found are absent. The placeholders are
    `<EMAIL>`, `<IP>`, `<KEY>` and `<PASSWORD>`. Linear in the length of the text; a second call changes
    nothing. Source: OpenCoder, section 2.2; allow-lists after the methods page, section 4.5.
    """
    counts: Counter[str] = Counter()
    for _ in range(MAX_ROUNDS):
        # A removal may bring together what reads as a notice or an address only then.
        before = text
        if copyright:
            text, removed = remove_notice(text, language)
            counts["copyright"] |= removed
        if personal_data:
            text, found = replace_personal_data(text, language)
            counts.update(found)
        if text == before:
            break
    return text, {kind: count for kind, count in counts.items() if count}
