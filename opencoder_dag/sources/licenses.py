"""Which licence a repository is under, by the licence file at its root.

Belongs here: naming the licences that most code is under, by phrases that each of them is sure to hold. Where
the file is another's, the answer is that it is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_FILE = re.compile(r"(?:un)?licen[cs]e(?:[-.](?:md|txt|rst))?|copying(?:\.(?:md|txt))?", re.IGNORECASE)
_SPDX = re.compile(r"SPDX-License-Identifier:[ \t]*([\w.+-]+(?:[ \t]+(?:AND|OR|WITH)[ \t]+[\w.+-]+)*)")

# SPDX name and a phrase in lower case with single blanks; the first that is found decides.
_PHRASES = (
    ("Apache-2.0", "apache license version 2.0"),
    ("MPL-2.0", "mozilla public license version 2.0"),
    ("AGPL-3.0", "gnu affero general public license version 3"),
    ("LGPL-3.0", "gnu lesser general public license version 3"),
    ("LGPL-2.1", "gnu lesser general public license version 2.1"),
    ("GPL-3.0", "gnu general public license version 3"),
    ("GPL-2.0", "gnu general public license version 2"),
    ("BSL-1.0", "boost software license version 1.0"),
    ("CC0-1.0", "cc0 1.0 universal"),
    ("Unlicense", "this is free and unencumbered software released into the public domain"),
    ("MIT", "permission is hereby granted free of charge to any person obtaining a copy"),
    ("ISC", "permission to use copy modify and or distribute this software for any purpose"),
    ("BSD-3-Clause", "endorse or promote products derived from this software"),
    ("BSD-2-Clause", "redistribution and use in source and binary forms"),
)


def license_file(names: Iterable[str]) -> str | None:
    """The first of some file names, in order, that is that of a licence."""
    return next((name for name in sorted(names) if _FILE.fullmatch(name)), None)


def named(text: str) -> str | None:
    """SPDX name of the licence whose text this is, by its first 20,000 characters; None for others."""
    head = text[:20_000]
    if (stated := _SPDX.search(head)) is not None:
        return stated[1]
    words = " ".join(re.sub(r"[^a-z0-9.]+", " ", head.lower()).split())
    return next((name for name, phrase in _PHRASES if phrase in words), None)
