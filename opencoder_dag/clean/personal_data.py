"""Personal data and secrets of a text, replaced by placeholders.

Belongs here: the order of the detectors and the replacement. Source: OpenCoder, section 2.2 (placeholders in
angle brackets); StarCoder2, section 4.5 of the methods page.
"""

from __future__ import annotations

from collections import Counter

from opencoder_dag.clean.addresses import Span, emails, ipv4_addresses, ipv6_addresses
from opencoder_dag.clean.prefilter import hints
from opencoder_dag.clean.secrets import secrets

PLACEHOLDERS = {"email": "<EMAIL>", "ip": "<IP>", "key": "<KEY>", "password": "<PASSWORD>"}


def find_personal_data(text: str, language: str) -> list[Span]:
    """Spans of e-mail addresses, IP addresses, keys and passwords in order; none overlaps another."""
    may_hold = hints(text)
    # Secrets first: of two that start at the same place the one that was found first wins.
    spans: list[Span] = [*secrets(text, language, may_hold.token), *emails(text), *ipv4_addresses(text)]
    if may_hold.ipv6:
        spans += ipv6_addresses(text)
    spans.sort(key=lambda span: span[0])
    found: list[Span] = []
    for span in spans:
        if not found or span[0] >= found[-1][1]:
            found.append(span)
    return found


def replace_personal_data(text: str, language: str) -> tuple[str, Counter[str]]:
    """The text with every e-mail address, IP address, key and password replaced, and how many of each."""
    pieces: list[str] = []
    done = 0
    counts: Counter[str] = Counter()
    for start, end, kind in find_personal_data(text, language):
        pieces += [text[done:start], PLACEHOLDERS[kind]]
        counts[kind] += 1
        done = end
    if not pieces:
        return text, counts
    pieces.append(text[done:])
    return "".join(pieces), counts
