"""trafilatura in its process: sound pages, and pages that would hang or eat the machine."""

from __future__ import annotations

import os
import signal

import pytest

from opencoder_dag.web.contained import ContainedTrafilatura
from tests.web.synthetic import code, code_page, prose


def test_sound_pages_one_after_another():
    with ContainedTrafilatura(60, 1 << 30) as extractor:
        text = extractor.extract(code_page("a.org", 1))
        assert code("a.org", 1).splitlines()[1] in text, "the indentation of code is kept"
        process = extractor._process.pid
        assert prose(2)[:40] in extractor.extract(
            f"<html><body><article><p>{prose(2)}</p></article></body></html>"
        )
        assert extractor._process.pid == process


def test_a_page_that_hangs_is_killed_and_the_next_one_works():
    with ContainedTrafilatura(1.0, 1 << 30) as extractor:
        hostile = "<html><body>" + "<div><p>" * 60_000 + "deep"
        with pytest.raises((TimeoutError, MemoryError, ValueError)):
            if not extractor.extract(hostile):
                raise ValueError("nothing found")
        extractor.seconds = 60
        assert "reference" in extractor.extract(code_page("a.org", 2))


def test_time_is_bounded():
    with ContainedTrafilatura(60, 1 << 30) as extractor:
        extractor.extract(code_page("a.org", 1))
        extractor.seconds = 0.2
        os.kill(extractor._process.pid, signal.SIGSTOP)  # it hangs, whatever the page
        with pytest.raises(TimeoutError, match="was killed"):
            extractor.extract(code_page("a.org", 1))
        assert extractor._process is None


def test_memory_is_bounded():
    with ContainedTrafilatura(60, 10_000_000) as extractor:
        big = (
            "<html><body><article>"
            + "".join(f"<p>{prose(i)}</p>" for i in range(20_000))
            + "</article></body></html>"
        )
        with pytest.raises((MemoryError, ValueError)):
            extractor.extract(big)
        assert "reference" in extractor.extract(code_page("a.org", 3))
