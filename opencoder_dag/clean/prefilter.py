"""One compiled pass that tells whether the slower searches for tokens and IPv6 addresses are worth while.

Belongs here: what can be ruled out from the bytes alone. It never decides that something is a secret: where
it says yes, the expressions of `secrets.py` and `addresses.py` look.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

# How tokens of known form begin; `secrets.py` has the whole form of each.
TOKEN_PREFIXES = (
    *(
        "AKIA",
        "ASIA",
        "ABIA",
        "ACCA",
        "AIza",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "glpat-",
    ),
    *(
        "xox",
        "ya29.",
        "sk_live_",
        "sk_test_",
        "rk_live_",
        "rk_test_",
        "sk-",
        "SG.",
        "npm_",
        "pypi-AgE",
        "hf_",
    ),
    *("dop_v1_", "eyJ"),
)


class Hints(NamedTuple):
    """What a text may hold."""

    token: bool
    ipv6: bool


def hints(text: str) -> Hints:
    """What is worth looking for in a text; linear, and never wrong when it says no."""
    content = np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)
    token, ipv6 = _scan(content, _FIRST, _PREFIXES, _LENGTHS)
    return Hints(bool(token), bool(ipv6))


_SORTED = sorted(prefix.encode() for prefix in TOKEN_PREFIXES)
_LENGTHS = np.array([len(prefix) for prefix in _SORTED], dtype=np.int64)
_PREFIXES = np.zeros((len(_SORTED), int(_LENGTHS.max())), dtype=np.uint8)
_FIRST = np.full(256, -1, dtype=np.int64)  # first byte to the first prefix with it
for _row, _prefix in reversed(list(enumerate(_SORTED))):
    _PREFIXES[_row, : len(_prefix)] = np.frombuffer(_prefix, dtype=np.uint8)
    _FIRST[_prefix[0]] = _row


@nb.njit(cache=True, nogil=True)
def _is_hex(byte: int) -> bool:
    return (48 <= byte <= 57) or (65 <= (byte & 0xDF) <= 70)


@nb.njit(cache=True, nogil=True)
def _scan(
    content: NDArray[np.uint8],
    first: NDArray[np.int64],
    prefixes: NDArray[np.uint8],
    lengths: NDArray[np.int64],
) -> tuple[bool, bool]:
    size = content.size
    token = ipv6 = False
    inside = False  # of a word, where no token begins
    for position in range(size):
        byte = content[position]
        if byte == 58 and position >= 4:  # a colon: behind it the first group of an address of 2000::/3
            ipv6 = ipv6 or (
                50 <= content[position - 4] <= 51
                and _is_hex(content[position - 3])
                and _is_hex(content[position - 2])
                and _is_hex(content[position - 1])
            )
        if not inside and first[byte] >= 0 and not token:
            row = first[byte]
            while row < lengths.size and prefixes[row, 0] == byte:
                length = lengths[row]
                if position + length <= size:
                    index = 1
                    while index < length and content[position + index] == prefixes[row, index]:
                        index += 1
                    token = token or index == length
                row += 1
        # Bytes of other scripts may be a word's or not: where in doubt, a token may begin.
        inside = 97 <= byte <= 122 or 65 <= byte <= 90 or 48 <= byte <= 57 or byte == 95 or byte == 45
    return token, ipv6
