"""Readers and extraction on sound, damaged and hostile input: all of it is counted, and it all ends."""

from __future__ import annotations

import gzip
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opencoder_dag.engine import SerialEngine
from opencoder_dag.errors import InputError
from opencoder_dag.lake import Dataset, Lake
from opencoder_dag.web.config import Extraction
from opencoder_dag.web.extraction import extract_pages
from opencoder_dag.web.pages import page_source
from tests.web.synthetic import code_page, crawl, food_page, prose, warc_record, write_warc

SHARED = Path(__file__).parents[3] / "shared" / "data" / "web"


def extracted(tmp_path: Path, source: Path, **extraction: object) -> Dataset:
    pages = page_source(str(source))
    return extract_pages(
        Lake(str(tmp_path / "lake")), pages, Extraction(**extraction), 1_000_000, SerialEngine()
    )


def urls(dataset: Dataset) -> list[str]:
    return sorted(dataset.read("kept", ["url"])["url"].to_pylist())


def errors(dataset: Dataset) -> list[str]:
    return dataset.read("quarantined", ["error"])["error"].to_pylist()


def test_truncated_gzip_keeps_what_came_before(tmp_path):
    whole = write_warc(tmp_path / "a.warc.gz", crawl()[:6]).read_bytes()
    (tmp_path / "a.warc.gz").write_bytes(whole[:-200])
    done = extracted(tmp_path, tmp_path / "a.warc.gz")
    assert urls(done) == sorted(url for url, _ in crawl()[:5])
    assert done.manifest.counts["quarantined"] == 1


@pytest.mark.parametrize("spots", [[3], [0], [2, 3], [1, 7], range(12)], ids=str)
def test_damage_in_the_middle_costs_what_it_hit(tmp_path, spots):
    """Bytes of some gzip members are overwritten; all other records are read."""
    pages = crawl()[:12]
    members = [gzip.compress(warc_record(url, html.encode()), mtime=0) for url, html in pages]
    for spot in spots:
        middle = len(members[spot]) // 2
        members[spot] = members[spot][:middle] + bytes(60) + members[spot][middle + 60 :]
    (tmp_path / "a.warc.gz").write_bytes(b"".join(members))
    done = extracted(tmp_path, tmp_path / "a.warc.gz")
    sound = {url for spot, (url, _) in enumerate(pages) if spot not in spots}
    assert sound <= set(urls(done)) <= {url for url, _ in pages}
    assert 1 <= done.manifest.counts["quarantined"] <= 2 * len(spots)


@pytest.mark.parametrize("cut", [0, 40])
def test_zstandard(tmp_path, cut):
    """One frame a record, as crawlers write it; a file cut short keeps what came before."""
    codec = pa.Codec("zstd")
    frames = [codec.compress(warc_record(url, html.encode()), asbytes=True) for url, html in crawl()[:4]]
    whole = b"".join(frames)
    (tmp_path / "a.warc.zst").write_bytes(whole[: len(whole) - cut])
    done = extracted(tmp_path, tmp_path / "a.warc.zst")
    assert urls(done) == sorted(url for url, _ in crawl()[: 3 if cut else 4])
    assert done.manifest.counts["quarantined"] == bool(cut)


def test_a_store_by_address(tmp_path):
    """The same pages as from disk; another content at the same address is another input."""
    store = fsspec.filesystem("memory")
    try:
        for number in range(2):
            path = write_warc(tmp_path / f"{number}.warc.gz", crawl()[number:12:2])
            store.pipe_file(f"/crawl/{number}.warc.gz", path.read_bytes())
        here, there = page_source(str(tmp_path)), page_source("memory://crawl/*.warc.gz")
        assert [file.label for file in there.files] == [file.label for file in here.files]
        lake = Lake(str(tmp_path / "lake"))
        found = [
            extract_pages(lake, pages, Extraction(), 1_000_000, SerialEngine()) for pages in (here, there)
        ]
        assert found[0].digest == found[1].digest and not found[1].reused
        before = there.digest
        store.pipe_file("/crawl/0.warc.gz", store.cat_file("/crawl/0.warc.gz")[::-1])
        assert page_source("memory://crawl/*.warc.gz").digest != before
    finally:
        store.rm("/crawl", recursive=True)


def test_damage_in_the_middle_is_said(tmp_path):
    members = [gzip.compress(warc_record(url, html.encode()), mtime=0) for url, html in crawl()[:4]]
    members[2] = members[2][:30] + b"\0" * 60 + members[2][90:]
    (tmp_path / "a.warc.gz").write_bytes(b"".join(members))
    done = extracted(tmp_path, tmp_path / "a.warc.gz")
    assert set(urls(done)) >= {url for url, _ in crawl()[:2]}
    assert done.manifest.counts["quarantined"] >= 1


def test_wrong_content_length(tmp_path):
    html = food_page("a.org", 1).encode()
    lying = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(html) + 500}\r\n\r\n"
    records = [
        warc_record("https://a.org/lies", html, http=lying),
        warc_record("https://a.org/sound", html + b" "),
    ]
    (tmp_path / "a.warc").write_bytes(b"".join(records))
    done = extracted(tmp_path, tmp_path / "a.warc")
    assert urls(done) == ["https://a.org/sound"]
    assert "page ends after" in errors(done)[0]


def test_record_length_beyond_the_file(tmp_path):
    html = food_page("a.org", 1).encode()
    (tmp_path / "a.warc").write_bytes(
        warc_record("https://a.org/1", html) + warc_record("https://a.org/2", html, length=10**12)
    )
    done = extracted(tmp_path, tmp_path / "a.warc")
    assert urls(done) == ["https://a.org/1"] and done.manifest.counts["quarantined"] == 1


def test_a_record_of_200_megabytes_is_passed_over_unread(tmp_path):
    sound = gzip.compress(warc_record("https://a.org/1", food_page("a.org", 1).encode()), mtime=0)
    huge = gzip.compress(warc_record("https://a.org/huge", b"<p>a" * 50_000_000), 1, mtime=0)
    (tmp_path / "a.warc.gz").write_bytes(sound + huge + sound)
    done = extracted(tmp_path, tmp_path / "a.warc.gz")
    assert done.manifest.counts["kept"] == 2 and "too long" in errors(done)[0]


@pytest.mark.parametrize("tag", ["div", "ul><li", "table><tr><td", "b"])
def test_a_hundred_thousand_nested_tags(tmp_path, tag):
    deep = "<html><body><main>" + f"<{tag}>" * 100_000 + prose(1)
    write_warc(
        tmp_path / "a.warc.gz", [("https://a.org/deep", deep), ("https://a.org/next", food_page("a", 1))]
    )
    done = extracted(tmp_path, tmp_path / "a.warc.gz")
    assert urls(done) == ["https://a.org/next"] and "nested too deeply" in errors(done)[0]


@pytest.mark.parametrize(
    ("charset", "raw"),
    [
        ("iso-8859-1", "Ünïcödé, naïve façade, 中文内容"),
        ("utf-8", "Ünïcödé, naïve façade"),
        ("no-such-charset", "Ünïcödé, naïve façade"),
        ("utf-8", "中文编程内容说明" * 20),
    ],
)
def test_charset_lies(tmp_path, charset, raw):
    """Bytes are UTF-8 whatever is declared, or GB18030 and Latin-1 declared as UTF-8."""
    encodings = {"iso-8859-1": "utf-8", "no-such-charset": "utf-8"}
    encoding = encodings.get(charset, "gb18030" if "中" in raw else "latin-1")
    body = f"<html><body><p>{prose(1)}</p><p>{raw}</p></body></html>".encode(encoding)
    http = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset={charset}\r\n\r\n"
    (tmp_path / "a.warc").write_bytes(warc_record("https://a.org/", body, http=http))
    assert raw in extracted(tmp_path, tmp_path / "a.warc").read()["content"][0].as_py()


def test_no_responses_no_records_no_html(tmp_path):
    (tmp_path / "requests.warc").write_bytes(warc_record("https://a.org/", b"GET /", kind="request") * 3)
    (tmp_path / "empty.warc.gz").write_bytes(b"")
    (tmp_path / "random.warc.gz").write_bytes(bytes(range(256)) * 50)
    image = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n"
    gone = "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n"
    records = [
        warc_record("https://a.org/i", b"png", http=image),
        warc_record("https://a.org/g", b"no", http=gone),
    ]
    (tmp_path / "other.warc").write_bytes(b"".join(records))
    done = extracted(tmp_path, tmp_path)
    assert done.manifest.counts["kept"] == 0 and done.manifest.counts["quarantined"] >= 1
    skipped = done.manifest.facts["skipped_records"]
    assert skipped["request"] == 3 and skipped["not_html"] == 1 and skipped["status_404"] == 1


def test_a_page_without_text_is_removed_with_its_reason(tmp_path):
    write_warc(tmp_path / "a.warc.gz", [("https://a.org/", "<html><body><p>Short.</p></body></html>")])
    assert extracted(tmp_path, tmp_path / "a.warc.gz").manifest.reasons == {"no_text": 1}


def test_conversions_and_parquet_with_text_or_html(tmp_path):
    (tmp_path / "a.warc.wet").write_bytes(
        warc_record("https://wet.org/1", prose(1).encode(), kind="conversion")
    )
    pq.write_table(pa.table({"url": ["https://text.org/1"], "text": [prose(2)]}), tmp_path / "t.parquet")
    pq.write_table(
        pa.table({"url": ["https://html.org/1"], "html": [code_page("h", 1)]}), tmp_path / "h.parquet"
    )
    pq.write_table(pa.table({"text": [prose(3)]}), tmp_path / "skypile.parquet")
    pq.write_table(pa.table({"other": [1]}), tmp_path / "wrong.parquet")
    done = extracted(tmp_path, tmp_path)
    found = ["http://skypile.parquet/0", "https://html.org/1", "https://text.org/1", "https://wet.org/1"]
    assert urls(done) == found
    assert "no column text or html" in errors(done)[0]


def test_text_files_of_repositories_are_chosen_by_name(tmp_path):
    names = [
        "README.md",
        "docs/notes.txt",
        "CMakeLists.txt",
        "requirements-dev.txt",
        "src/main.py",
        "readmes.py",
    ]
    columns = {"repo": ["git.org"] * 6, "path": names, "content": [prose(name) for name in names]}
    pq.write_table(pa.table(columns), tmp_path / "corpus.parquet")
    done = extracted(tmp_path, tmp_path / "corpus.parquet")
    assert urls(done) == sorted(f"https://git.org/{name}" for name in names[:4])
    assert done.manifest.facts["skipped_records"] == {"file_name": 2}


def test_lists_of_paths_globs_and_wrong_addresses(tmp_path):
    store = tmp_path / "crawl-data" / "CC-MAIN-1"
    (store / "warc").mkdir(parents=True)
    write_warc(store / "warc" / "a.warc.gz", crawl()[:2])
    listed = "crawl-data/CC-MAIN-1/warc/a.warc.gz\n"
    (store / "warc.paths.gz").write_bytes(gzip.compress(listed.encode()))
    digests = {
        page_source(str(address)).digest
        for address in (
            store / "warc.paths.gz",
            store / "warc",
            store / "warc" / "*.gz",
            store / "warc" / "a.warc.gz",
        )
    }
    assert len(digests) == 1
    for address, said in ((tmp_path / "nowhere.warc", "nothing there"), (__file__, "not a WARC")):
        with pytest.raises(InputError, match=said):
            page_source(str(address))


@pytest.mark.skipif(not SHARED.exists(), reason="the folder ../shared/data/web is not there")
@pytest.mark.parametrize("folder", ["edge", "crawl"])
def test_awkward_files_from_elsewhere(tmp_path, folder):
    """Every file of the collection is read to its end: pages come out, and nothing raises."""
    sources = [
        path for path in sorted((SHARED / folder).iterdir()) if ".warc" in path.name and path.suffix != ".bad"
    ]
    for path in sources:
        if not path.name.endswith(".wat.gz"):
            (tmp_path / path.name).symlink_to(path)
    counts = extracted(tmp_path, tmp_path).manifest.counts
    assert counts["kept"] >= (3 if folder == "edge" else 100)
    assert counts["in"] == counts["kept"] + counts["removed"] + counts["quarantined"]
