"""E-mail and IP addresses.

Belongs here: how they are found in linear time, and the allow-lists of addresses that belong to nobody:
documentation, loopback, private and unspecified ranges, public name servers, reserved domains, and version
numbers that look like addresses. Source: methods page, section 4.5; RFC 2606, 5737, 3849, 6761, 6890.
"""

from __future__ import annotations

import ipaddress
import re
import string
from collections.abc import Iterator
from functools import cache

import tldextract

Span = tuple[int, int, str]  # start, end, kind

# --- e-mail ---

_LOCAL = string.ascii_letters + string.digits + "._%+-"
_LOCAL_MAX = 64
_DOMAIN = re.compile(
    r"@([A-Za-z0-9](?:[A-Za-z0-9-]{0,62}+\.)?(?:[A-Za-z0-9-]{1,63}+\.){0,8}[A-Za-z]{2,24})(?![\w-]|\.\w)"
)
_URL_USER = re.compile(r"://[^\s/@]*$")  # the user of a URL
_RESERVED_TLDS = frozenset(
    {"example", "test", "invalid", "localhost", "local", "internal", "lan", "arpa", "onion"}
)
_RESERVED_DOMAINS = frozenset({"example.com", "example.org", "example.net", "example.edu"})
_SERVICE_LOCALS = frozenset({"git", "hg", "svn", "bzr", "noreply", "no-reply", "donotreply"})
# Country codes that are file extensions or attributes more often than domains after "@".
_CODE_TLDS = frozenset({"py", "sh", "md", "rs", "pl", "cc", "so", "mm", "ps"})


@cache
def _known_tlds() -> frozenset[str]:
    """Top-level domains of the snapshot of the public suffix list that tldextract ships."""
    extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    return frozenset(suffix.rsplit(".", 1)[-1] for suffix in extract.tlds)


def emails(text: str) -> Iterator[Span]:
    """Spans of e-mail addresses."""
    if "@" not in text:
        return
    for match in _DOMAIN.finditer(text):
        at, end = match.span()
        window = text[max(0, at - _LOCAL_MAX - 1) : at]
        local = window[len(window.rstrip(_LOCAL)) :].lstrip(".%+-")
        if not local or len(local) > _LOCAL_MAX or local.endswith("."):
            continue
        start = at - len(local)
        before = text[max(0, start - _LOCAL_MAX) : start]
        if _is_personal(local, match[1], text[end : end + 1]) and not _URL_USER.search(before):
            yield start, end, "email"


def _is_personal(local: str, domain: str, after: str) -> bool:
    labels = domain.lower().split(".")
    tld = labels[-1]
    if len(labels) < 2 or "" in labels or any(label[0] == "-" or label[-1] == "-" for label in labels):
        return False
    if tld in _RESERVED_TLDS or ".".join(labels[-2:]) in _RESERVED_DOMAINS or "example" in labels:
        return False
    if local.lower() in _SERVICE_LOCALS:
        return False
    written = domain.rsplit(".", 1)[-1]
    if tld not in _known_tlds() or not (written.islower() or written.isupper()):
        return False
    if tld in _CODE_TLDS and len(labels) == 2 and len(local) <= 2:
        return False
    return not (after in ("(", "[") or (len(labels[-2]) == 1 and len(local) == 1))


# --- IPv4 ---

_QUAD = re.compile(r"\.(\d{1,3}+)\.(\d{1,3}+)\.(\d{1,3}+)(?![\w]|\.\d)")
_DIGITS = string.digits
_VERSION_BEFORE = re.compile(
    r"(?:\b(?:v|ver|vers|version|versions|release|rev|revision|assembly|build|firmware|driver|sdk|api|oid|identifier|rfc|section|chapter|clause"
    r"|fileversion|productversion|assemblyversion|since|upgrade[ds]?|update[ds]?|tag|snapshot|newversion|oldversion|chrome|firefox|safari)"
    r"\w{0,12}|[=<>~!^]=|[<>~^]|\w/|[A-Za-z_)]-|§)[\s\"'(:=,\[]{0,6}(?:v|V)?$",
    re.IGNORECASE,
)
_VERSION_AFTER = re.compile(
    r"(?:[-_+.]?(?:alpha|beta|rc|dev|snapshot|final|release|ga|sp|pre|post|amd64|x86|win|linux|osx|any|py\d|cp\d)"
    r"|\.(?:tar|tgz|zip|whl|jar|dll|exe|nupkg|gem|deb|rpm|msi|js|min|so|egg|el\d|fc\d)\b|-[a-z0-9])",
    re.IGNORECASE,
)
_NUMBER_BEFORE = re.compile(
    r"(?<![.\d])\d{0,4}\.\d+(?:\.\d+)?[ ,-]$|\b(?:updat|upgrad|patch|bump)\w*[^\n]{1,24} (?:to|from) $",
    re.IGNORECASE,
)
_NUMBER_AFTER = re.compile(r"[ ,-]-?\d*\.\d+(?![.\d])")
_PORT_OR_MASK = re.compile(r"[:/]\d")
_ADDRESS_BEFORE = re.compile(
    r"(?:\bip(?:v4)?\b|addr|host|server|ping|ssh|://|@|dns|gateway|proxy|remote|peer|listen|bind)[^\n]{0,24}$",
    re.I,
)
_NETWORKS_V4 = tuple(
    (int(network.network_address), int(network.netmask))
    for network in map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
            "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
        ),
    )
)  # fmt: skip
_NAME_SERVERS = frozenset(
    int(ipaddress.IPv4Address(address))
    for address in (
        "8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "149.112.112.112", "208.67.222.222",
        "208.67.220.220", "4.2.2.1", "4.2.2.2", "64.6.64.6", "64.6.65.6", "76.76.19.19", "94.140.14.14",
        "1.2.3.4", "4.3.2.1", "5.6.7.8", "11.22.33.44", "12.34.56.78", "114.114.114.114", "223.5.5.5",
    )
)  # fmt: skip


def ipv4_addresses(text: str) -> Iterator[Span]:
    """Spans of IPv4 addresses that can belong to somebody."""
    for match in _QUAD.finditer(text):
        dot = match.start()
        window = text[max(0, dot - 4) : dot]
        first = window[len(window.rstrip(_DIGITS)) :]
        if not first or len(first) > 3:
            continue
        start = dot - len(first)
        previous = text[start - 1 : start]
        if previous.isalnum() or previous in ("_", "."):
            continue
        octets = [first, match[1], match[2], match[3]]
        if any(len(octet) > 1 and octet[0] == "0" for octet in octets) or any(
            int(octet) > 255 for octet in octets
        ):
            continue
        value = int.from_bytes(bytes(map(int, octets)), "big")
        if (
            value in _NAME_SERVERS
            or len(set(octets)) == 1
            or any(value & mask == network for network, mask in _NETWORKS_V4)
        ):
            continue
        if not _is_version(text, start, match.end(), octets):
            yield start, match.end(), "ip"


def _is_version(text: str, start: int, end: int, octets: list[str]) -> bool:
    before = text[max(0, start - 40) : start].rpartition("\n")[2]
    if _VERSION_BEFORE.search(before) and not before.endswith("//"):
        return True
    if _VERSION_AFTER.match(text, end) or octets[:2] == ["2", "5"]:
        return True  # a version, or an object identifier of X.500
    if _NUMBER_BEFORE.search(before) or _NUMBER_AFTER.match(text, end):
        return True  # numbers of a drawing, written without blanks where they can be told apart
    # Four numbers below 32: one address in 4096, but most version and section numbers.
    small = all(int(octet) < 32 for octet in octets)
    return small and not _PORT_OR_MASK.match(text, end) and not _ADDRESS_BEFORE.search(before)


# --- IPv6 ---

_COLONS = re.compile(r"(?::[0-9A-Fa-f]{0,4}+){2,7}+(?![\w:])")
_HEX = string.hexdigits
_V6_MAX = 39
_NETWORKS_V6 = tuple(map(ipaddress.IPv6Network, ("2001:db8::/32", "2001::/23", "3fff::/20", "2002::/16")))
_NAME_SERVERS_V6 = frozenset(
    ipaddress.IPv6Address(address)
    for address in (
        "2001:4860:4860::8888", "2001:4860:4860::8844", "2606:4700:4700::1111", "2606:4700:4700::1001",
        "2620:fe::fe", "2620:fe::9",
    )
)  # fmt: skip


def ipv6_addresses(text: str) -> Iterator[Span]:
    """Spans of global unicast IPv6 addresses (2000::/3) of three groups at least."""
    for match in _COLONS.finditer(text):
        colon = match.start()
        window = text[max(0, colon - 5) : colon]
        first = window[len(window.rstrip(_HEX)) :]
        if len(first) != 4 or first[0] not in "23":
            continue
        start = colon - 4
        previous = text[start - 1 : start]
        written = (
            text[start : match.end()].removesuffix(":")
            if not match[0].endswith("::")
            else text[start : match.end()]
        )
        if previous.isalnum() or previous in ("_", ":", ".") or len(written) > _V6_MAX:
            continue
        if sum(map(bool, written.split(":"))) < 3:
            continue
        try:
            address = ipaddress.IPv6Address(written)
        except ValueError:
            continue
        if address in _NAME_SERVERS_V6 or any(address in network for network in _NETWORKS_V6):
            continue
        yield start, start + len(written), "ip"
