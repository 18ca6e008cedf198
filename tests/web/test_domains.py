"""URL patterns: what is proposed, what a reviewer decides, and what a pattern matches."""

from __future__ import annotations

from pathlib import Path

import pytest

from opencoder_dag.errors import InputError
from opencoder_dag.web.config import Domains
from opencoder_dag.web.domains import Pattern, matcher, propose_patterns, review, reviewed_patterns

CONFIG = Domains(pattern_pages=2)


def propose(pages: dict[str, bool], related: set[str]) -> dict[str, tuple[int, int, bool]]:
    """Patterns of pages given as host/path and recalled or not; the host is the domain."""
    hosts, paths = zip(*(page.split("/", 1) for page in pages), strict=True)
    found = propose_patterns(
        hosts, hosts, [f"/{path}" for path in paths], list(pages.values()), related, CONFIG
    )
    return {pattern.pattern: (pattern.pages, pattern.recalled, pattern.accepted) for pattern in found}


def test_the_shortest_prefix_that_was_recalled_is_accepted():
    pages = {f"a.org/docs/{part}/{n}": part != "legal" for part in ("x", "y", "legal") for n in range(3)}
    pages |= {f"a.org/shop/{n}": False for n in range(3)}
    found = propose(pages, {"a.org"})
    assert found["a.org/%"] == (12, 6, False) and found["a.org/docs/%"] == (9, 6, False)
    assert found["a.org/docs/x/%"] == (3, 3, True) and found["a.org/docs/y/%"] == (3, 3, True)
    assert found["a.org/shop/%"] == (3, 0, False)
    del pages["a.org/docs/legal/0"]
    found = propose(pages, {"a.org"})
    assert found["a.org/docs/%"] == (8, 6, True), "three quarters are enough"
    assert "a.org/docs/x/%" not in found, "what lies inside an accepted pattern adds nothing"


def test_nothing_is_proposed_outside_the_related_domains():
    assert propose({f"b.org/{n}/{m}": True for n in range(2) for m in range(3)}, {"a.org"}) == {}


@pytest.mark.parametrize(
    ("pattern", "url", "expected"),
    [
        ("segmentfault.com/q%", "segmentfault.com/q/1010", True),
        ("segmentfault.com/q%", "segmentfault.com/a/1010", False),
        ("segmentfault.com/q%", "www.segmentfault.com/q/1010", False),
        ("%segmentfault.com/q%", "www.segmentfault.com/q/1010", True),
        ("%my.oschina.net%blog%", "my.oschina.net/u/12/blog/34", True),
        ("a.org/x.y/%", "a.org/xzy/1", False),
        ("a.org/100%25/%", "a.org/100%/1", True),
        ("a.org/100%25/%", "a.org/100/25/1", False),
    ],
)
def test_the_percent_sign_stands_for_anything(pattern, url, expected):
    host, _, path = url.partition("/")
    assert matcher([pattern])(host, f"/{path}") is expected


def test_the_reviewer_has_the_last_word():
    proposed = [Pattern("a.org/docs/%", "a.org", 9, 9, True), Pattern("a.org/%", "a.org", 12, 6, False)]
    decided = review(proposed, ["a.org/%", "b.org/wiki/%"])
    accepted = {pattern.pattern: pattern.accepted for pattern in decided}
    assert accepted == {"a.org/docs/%": False, "a.org/%": True, "b.org/wiki/%": True}


def test_reviewed_files(tmp_path: Path):
    file = tmp_path / "reviewed.txt"
    file.write_text("# looked at in May\n\n  a.org/docs/%  \nb.org/%\n")
    assert reviewed_patterns(str(file)) == ["a.org/docs/%", "b.org/%"]
    file.write_text("a.org/%\n%/%\n")
    with pytest.raises(InputError, match="'%/%' would match every page"):
        reviewed_patterns(str(file))
    with pytest.raises(InputError, match="No such file"):
        reviewed_patterns(str(tmp_path / "none.txt"))
