"""Natural language of a text by its script: zh, en or other.

The pipeline only has to tell Chinese and English from the rest, and pages about code are full of Latin
identifiers in any language; scripts and the commonest words settle that without a model.
"""

from __future__ import annotations

import re

SAMPLE_CHARACTERS = 1000
HAN_SHARE = 0.15  # of letters; Chinese pages about code are half Latin
KANA_OR_HANGUL_SHARE = 0.02
ENGLISH_WORD_SHARE = 0.06

HAN = re.compile(r"[一-鿿㐀-䶿]")
KANA_OR_HANGUL = re.compile(r"[぀-ヿ가-힯]")
LETTER = re.compile(r"[^\W\d_]")
WORD = re.compile(r"[A-Za-zÀ-ɏ]+")
ENGLISH = frozenset(
    ["the", "of", "and", "to", "in", "is", "a", "that", "for", "it", "with", "as", "this", "are", "on"]
)


def natural_language(text: str) -> str:
    """`zh`, `en` or `other`, judged by the first 1,000 characters."""
    sample = text[:SAMPLE_CHARACTERS]
    kana_or_hangul, han = len(KANA_OR_HANGUL.findall(sample)), len(HAN.findall(sample))
    if kana_or_hangul or han:
        letters = len(LETTER.findall(sample))
        if kana_or_hangul > KANA_OR_HANGUL_SHARE * letters:
            return "other"
        if han > HAN_SHARE * letters:
            return "zh"
    words = WORD.findall(sample)
    english = sum(word.lower() in ENGLISH for word in words)
    return "en" if english > ENGLISH_WORD_SHARE * len(words) else "other"
