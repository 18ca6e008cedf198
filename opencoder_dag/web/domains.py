"""The domain step (OpenCoder, section 2.4): domains that are about code, and URL patterns inside them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from opencoder_dag.errors import InputError
from opencoder_dag.web.config import Domains

MOST_EXAMPLES = 3


@dataclass(frozen=True)
class Site:
    """How much of a domain (or of one of its hosts) was recalled."""

    domain: str
    host: str  # empty: all hosts of the domain
    pages: int
    recalled: int
    code_related: bool

    @property
    def share(self) -> float:
        """Recalled share, from 0 to 1."""
        return self.recalled / self.pages


@dataclass(frozen=True)
class Pattern:
    """A URL prefix inside a code-related domain; the percent sign stands for anything."""

    pattern: str
    domain: str
    pages: int
    recalled: int
    accepted: bool

    def row(self) -> dict[str, Any]:
        """The pattern as a table row."""
        return {**asdict(self), "share": round(self.recalled / self.pages, 4) if self.pages else 0.0}


def count_sites(
    domains: Sequence[str], hosts: Sequence[str], recalled: Sequence[bool], config: Domains
) -> list[Site]:
    """Domains, each followed by its hosts where it has several, by pages recalled and name.

    A domain is code-related when more than `recalled_share` of at least `pages` pages are recalled.
    """
    counts: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for domain, host, hit in zip(domains, hosts, recalled, strict=True):
        of_host = counts[domain][host]
        of_host[0] += 1
        of_host[1] += hit
    sites: list[tuple[tuple[int, str], list[Site]]] = []
    for domain, by_host in counts.items():
        pages, hits = (sum(column) for column in zip(*by_host.values(), strict=True))
        related = pages >= config.pages and hits > config.recalled_share * pages
        group = [Site(domain, "", pages, hits, related)]
        if len(by_host) > 1:
            group += [
                Site(domain, host, by_host[host][0], by_host[host][1], related) for host in sorted(by_host)
            ]
        sites.append(((-hits, domain), group))
    return [site for _, group in sorted(sites, key=lambda item: item[0]) for site in group]


def propose_patterns(
    domains: Sequence[str],
    hosts: Sequence[str],
    paths: Sequence[str],
    recalled: Sequence[bool],
    related: set[str],
    config: Domains,
) -> list[Pattern]:
    """Path prefixes inside the code-related domains with at least `pattern_pages` pages.

    By rule, the shortest prefix whose recalled share reaches `pattern_share` is accepted, and the longer ones
    inside it are not listed, as they would add nothing.
    """
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for domain, host, path, hit in zip(domains, hosts, paths, recalled, strict=True):
        if domain in related:
            for prefix in prefixes(host, path, config.pattern_depth):
                count = counts[domain, prefix]
                count[0] += 1
                count[1] += hit
    found: list[Pattern] = []
    accepted: set[str] = set()
    for (domain, prefix), (pages, hits) in sorted(
        counts.items(), key=lambda item: (len(item[0][1]), item[0])
    ):
        if pages < config.pattern_pages or any(longer in accepted for longer in _ancestors(prefix)):
            continue
        fits = hits >= config.pattern_share * pages
        if fits:
            accepted.add(prefix)
        found.append(Pattern(f"{_escape(prefix)}%", domain, pages, hits, fits))
    return sorted(found, key=lambda pattern: (not pattern.accepted, -pattern.pages, pattern.pattern))


def prefixes(host: str, path: str, depth: int) -> list[str]:
    """The host and its folders down to `depth`, each with a final slash; the last segment is no folder."""
    folders = path.split("?", 1)[0].lstrip("/").split("/")[:-1][:depth]
    found = [f"{host}/"]
    for folder in folders:
        found.append(f"{found[-1]}{folder}/")
    return found


def _ancestors(prefix: str) -> list[str]:
    parts = prefix.rstrip("/").split("/")
    return ["/".join(parts[:length]) + "/" for length in range(1, len(parts))]


def _escape(prefix: str) -> str:
    return prefix.replace("%", "%25") if "%" in prefix else prefix


def matcher(patterns: Iterable[str]) -> Callable[[str, str], bool]:
    """A test of (host, path) against patterns in which the percent sign stands for anything."""
    alternatives = [
        ".*".join(re.escape(piece) for piece in pattern.replace("%25", "\0").split("%")).replace("\0", "%")
        for pattern in patterns
    ]
    if not alternatives:
        return lambda host, path: False
    compiled = re.compile("|".join(alternatives))
    return lambda host, path: compiled.fullmatch(f"{host}{path}") is not None


def reviewed_patterns(path: str) -> list[str]:
    """Patterns of a file that somebody reviewed: one a line, blank lines and lines with # are passed over."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"domains.reviewed: {path}: {error}") from None
    patterns = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    for pattern in patterns:
        if "://" in pattern:
            raise InputError(
                f"domains.reviewed: {path}: pattern '{pattern}': must begin with the host, not a scheme"
            )
        if not pattern.strip("%/. "):
            raise InputError(f"domains.reviewed: {path}: pattern '{pattern}' would match every page")
    return patterns


def review(proposed: Sequence[Pattern], reviewed: Sequence[str]) -> list[Pattern]:
    """The proposals with the reviewer's decision: accepted are the reviewed patterns and no others."""
    wanted = set(reviewed)
    decided = [Pattern(p.pattern, p.domain, p.pages, p.recalled, p.pattern in wanted) for p in proposed]
    known = {pattern.pattern for pattern in proposed}
    return [*decided, *(Pattern(pattern, "", 0, 0, True) for pattern in reviewed if pattern not in known)]
