"""A small crawl made by the tests: sites about code, sites about food, and one of each mixed."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

# ruff: noqa: SIM905
WORDS = """
oven butter onion garlic simmer plate taste evening village market river summer friend letter window garden
walk morning bread water salt lemon table family story mountain road church winter train
""".split()
NAMES = """
count total index buffer result parser token value request handler stream socket cache queue node
""".split()


def pick(words: list[str], *key: object) -> str:
    digest = hashlib.sha256(repr(key).encode()).digest()
    return words[int.from_bytes(digest[:4], "big") % len(words)]


def prose(*key: object, words: int = 120) -> str:
    text = " ".join(pick(WORDS, *key, i) for i in range(words))
    return (
        f"The {text}. It was with the {pick(WORDS, *key, 'end')} that we sat in the {pick(WORDS, *key, 'x')}."
    )


def code(*key: object, lines: int = 12) -> str:
    rows = [f"def {pick(NAMES, *key)}_{pick(NAMES, *key, 1)}({pick(NAMES, *key, 2)}):"]
    for i in range(lines):
        a, b, c = (pick(NAMES, *key, i, j) for j in range(3))
        rows.append(
            f"    {a} = {b}.{c}({i}, {a}=None)" if i % 3 else f"    if {a} == {b}:\n        return {c}[{i}]"
        )
    return "\n".join(rows)


def technical(*key: object, words: int = 110) -> str:
    """Prose about programs without a line of code: what only the classifier can find."""
    return "The " + " ".join(
        pick([*NAMES, "function", "returns", "module", "the", "of", "is"], *key, i) for i in range(words)
    )


def code_page(site: str, number: int, with_block: bool = True) -> str:
    block = f"<pre><code>{code(site, number)}</code></pre>" if with_block else ""
    title = f"{pick(NAMES, site, number)} reference {number}"
    before, after = technical(site, number), technical(site, number, "after")
    return (
        f"<html><head><title>{site}</title></head><body><main><h1>{title}</h1>"
        f"<p>{before}</p>{block}<p>{after}</p></main></body></html>"
    )


def food_page(site: str, number: int) -> str:
    return (
        f"<html><body><main><h1>{pick(WORDS, site, number)} {number}</h1><p>{prose(site, number)}</p>"
        f"<p>{prose(site, number, 'more')}</p></main></body></html>"
    )


def crawl() -> list[tuple[str, str]]:
    """(URL, HTML) of 160 pages on 14 hosts; one page stands twice, one URL was visited twice."""
    pages = []
    for site in range(5):
        host = f"docs{site}.code{site}.org"
        pages += [(f"https://{host}/manual/page{n}.html", code_page(host, n, n % 4 != 0)) for n in range(14)]
    for site in range(7):
        host = f"www.food{site}.com"
        pages += [(f"https://{host}/recipes/{n}", food_page(host, n)) for n in range(10)]
    host = "mixed.example.net"
    pages += [(f"https://{host}/dev/{n}", code_page(host, n, n % 2 == 0)) for n in range(10)]
    pages += [(f"https://{host}/travel/{n}", food_page(host, n)) for n in range(10)]
    pages.append(("https://mirror.org/copy", pages[0][1]))
    pages.append((pages[1][0] + "#section", pages[1][1]))
    return pages


def warc_record(
    url: str,
    body: bytes,
    *,
    kind: str = "response",
    http: str | None = None,
    date: str = "2024-05-01T00:00:00Z",
    length: int | None = None,
) -> bytes:
    """One uncompressed WARC record; `length` overrides the true Content-Length of the record."""
    if kind == "response":
        head = http or f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n"
        body = head.encode() + body
        media = "application/http; msgtype=response"
    else:
        media = "text/plain"
    headers = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: {date}\r\n"
        f"WARC-Record-ID: <urn:uuid:{hashlib.md5(url.encode() + date.encode()).hexdigest()}>\r\n"
        f"Content-Type: {media}\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n"
    )
    return headers.encode() + body + b"\r\n\r\n"


def write_warc(path: Path, pages: list[tuple[str, str]]) -> Path:
    """A WARC with one gzip member a record, as crawlers write it."""
    path.write_bytes(b"".join(gzip.compress(warc_record(url, html.encode()), mtime=0) for url, html in pages))
    return path
