"""Verdicts on single files: what is kept, removed with a reason, or quarantined with the offset."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencoder_dag.sources.decide import (
    MAX_FILE_BYTES,
    Removed,
    UnreadableError,
    decode,
    judge,
    judge_all,
    removal_before_reading,
)
from opencoder_dag.sources.source import Entry, Origin, RawFile, digest_of

ORIGIN = Origin(source="test", repo="own")


def read_as(path: str, content: bytes | Exception, **listed: object) -> RawFile:
    size = len(content) if isinstance(content, bytes) else 1
    return RawFile(Entry(path, **({"size": size} | listed)), content)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Entry("a.py", MAX_FILE_BYTES + 1), "file_too_large"),
        (Entry("one_line.json", 50_000_000), "file_too_large"),
        (Entry("a.py", 0), "empty_file"),
        (Entry("a.pyc", 10), "unknown_language"),
        (Entry("README", 10), "unknown_language"),
        (Entry("a.csv", 10), "excluded_type"),
        (Entry("a.py", 10, removed="symbolic_link"), "symbolic_link"),
    ],
)
def test_name_and_size_decide_without_reading(entry: Entry, reason: str) -> None:
    removal = removal_before_reading(entry)
    assert removal is not None
    assert removal.reason == reason
    assert removal.evidence


@pytest.mark.parametrize("path", ["a.py", "a.conf", "a.R", "a.sol", "Makefile"])
def test_what_content_may_settle_is_read(path: str) -> None:
    assert removal_before_reading(Entry(path, MAX_FILE_BYTES)) is None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"a\r\nb\nc\r", "a\nb\nc\r"),
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        ("größe = 1\n".encode("utf-16"), "größe = 1\n"),
        ("x\n".encode("utf-32"), "x\n"),
        ("\u202eright to left\u202c\n".encode(), "\u202eright to left\u202c\n"),
    ],
)
def test_decoding(content: bytes, text: str) -> None:
    assert decode(content) == text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"abc\xff", "byte 3"),
        (b"\xef\xbb\xbfab\xe9 ", "byte 5"),
        (b"a\xed\xa0\x80b", "byte 1"),  # a lone surrogate
        (b"\x00\x01\x02", "offset 0"),
        (b"text \x00", "offset 5"),
        ("é\0".encode(), "offset 2"),
        (b"\x7fELF\xff\x00", "NUL byte at offset 5"),
        (b"\xff\xfea", "UTF-16"),  # half a character
        (b"\xff\xfe\x00\xd8", "UTF-16"),  # a lone surrogate
    ],
)
def test_what_is_not_text_is_refused_with_its_place(content: bytes, message: str) -> None:
    with pytest.raises(UnreadableError, match=message):
        decode(content)


@given(st.binary(max_size=200))
def test_any_bytes_give_valid_text_or_an_error(content: bytes) -> None:
    try:
        text = decode(content)
    except UnreadableError:
        return
    assert "\0" not in text
    text.encode("utf-8")


def test_a_document_carries_its_origin_and_digests() -> None:
    origin = Origin("installed", "own", stars=7, license="MIT")
    row = judge(read_as("pkg/a.py", b"x = 1\r\n"), origin)
    assert isinstance(row, dict)
    assert (row["content"], row["language"], row["doc_type"]) == ("x = 1\n", "python", "code")
    assert row["sha256"] == hashlib.sha256(b"x = 1\n").hexdigest()
    assert (row["stars"], row["license"], row["commit_time"], row["size"]) == (7, "MIT", None, 6)


def test_content_that_settles_on_an_excluded_language_is_removed() -> None:
    assert judge(read_as("scene.inc", b"#declare A = 1;\n"), ORIGIN) == Removed(
        "excluded_type", {"language": "pov-ray sdl"}
    )


def test_content_that_says_nothing_leaves_an_unknown_name_unknown() -> None:
    verdict = judge(read_as("a.conf", b"-\n"), ORIGIN)
    assert isinstance(verdict, Removed)
    assert verdict.reason == "unknown_language"


def test_a_mark_alone_is_an_empty_file() -> None:
    verdict = judge(read_as("a.py", b"\xef\xbb\xbf"), ORIGIN)
    assert isinstance(verdict, Removed)
    assert verdict.reason == "empty_file"


def test_a_file_that_is_not_what_was_listed_is_quarantined() -> None:
    listed = digest_of(b"x = 1\n")
    assert isinstance(judge(read_as("a.py", b"x = 1\n", digest=listed), ORIGIN), dict)
    assert isinstance(judge(read_as("a.py", b"x = 2\n", digest=listed), ORIGIN), UnreadableError)
    as_git_has_it = "git:" + hashlib.sha1(b"blob 6\0x = 1\n").hexdigest()
    assert isinstance(judge(read_as("a.py", b"x = 1\n", digest=as_git_has_it), ORIGIN), dict)


def test_every_file_is_in_exactly_one_table() -> None:
    files = [
        read_as("a.py", b"x = 1\n"),
        read_as("b.py", b"\xff"),
        read_as("c.py", PermissionError("no\nway")),
        read_as("d.bin", b"1"),
        read_as("e.py", b"", error="folders nested too deep"),
        read_as("odd\udcff.py", b"\x00"),
    ]
    judged = judge_all((file, ORIGIN) for file in files)
    assert judged.rows == len(files)
    assert judged.kept["path"].to_pylist() == ["a.py"]
    assert judged.removed["reason"].to_pylist() == ["unknown_language"]
    assert judged.quarantined["path"].to_pylist() == ["b.py", "c.py", "e.py", "odd\\xff.py"]
    assert all("\n" not in error for error in judged.quarantined["error"].to_pylist())
    assert judged.facts == {"bytes_in": 6 + 1 + 1 + 1}
