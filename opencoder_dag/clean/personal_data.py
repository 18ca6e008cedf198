"""Personal data and secrets of a text, replaced by placeholders.

Belongs here: the order of the detectors and the replacement. Source: OpenCoder, section 2.2 (placeholders in
angle brackets); StarCoder2, section 4.5 of the methods page.
"""

from __future__ import annotations

from collections import Counter

from opencoder_dag.clean.addresses import Span, emails, ipv4_addresses, ipv6_addresses
from opencoder_dag.clean.secrets import secrets

PLACEHOLDERS = {"email": "<EMAIL>", "ip": "<IP>", "key": "<KEY>", "password": "<PASSWORD>"}


def replace_personal_data(text: str, language: str) -> tuple[str, Counter[str]]:
    """The text with every e-mail address, IP address, key and password replaced, and how many of each."""
    # Secrets first: where spans overlap, the one that was found first wins.
    spans: list[Span] = [
        *secrets(text, language),
        *emails(text),
        *ipv4_addresses(text),
        *ipv6_addresses(text),
    ]
    counts: Counter[str] = Counter()
    if not spans:
        return text, counts
    order = sorted(range(len(spans)), key=lambda index: (spans[index][0], index))
    pieces: list[str] = []
    done = 0
    for index in order:
        start, end, kind = spans[index]
        if start < done:
            continue
        pieces += [text[done:start], PLACEHOLDERS[kind]]
        counts[kind] += 1
        done = end
    pieces.append(text[done:])
    return "".join(pieces), counts
