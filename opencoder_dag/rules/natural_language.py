"""Is a text Chinese? That is all the rules ask of its natural language.

The released filter asks a fastText model that was never published with it (OpenCoder facts, section 1) and
uses the answer only to choose between the Chinese and the other text profile. Scripts decide that as well:
Chinese is what has many Han characters and hardly any Japanese kana.
"""

from __future__ import annotations

import re

HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
KANA = re.compile(r"[\u3040-\u30ff]+")
LATIN = re.compile(r"[a-zA-Z]+")
# A Han character says about as much as half an English word; code and names mix Latin letters in.
HAN_SHARE = 0.3
KANA_SHARE = 0.05
WINDOW = 100_000  # characters looked at


def natural_language(text: str) -> str:
    """`zh` for Chinese text, `en` for everything else."""
    if text.isascii():
        return "en"
    window = text[:WINDOW]
    han = _length(HAN, window)
    kana = _length(KANA, window)
    words = sum(1 for _ in LATIN.finditer(window))
    if not han or kana > KANA_SHARE * (han + kana):
        return "en"
    return "zh" if han >= HAN_SHARE * (han + words) else "en"


def _length(pattern: re.Pattern[str], text: str) -> int:
    return sum(len(found) for found in pattern.findall(text))
