"""Source distributions, fetched by pip's own configuration from an index on loopback."""

from __future__ import annotations

import functools
import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from opencoder_dag.engine import SerialEngine
from opencoder_dag.errors import InputError
from opencoder_dag.lake import Lake
from opencoder_dag.sources import collect, sources_from_spec
from opencoder_dag.sources.sdist import SourceDistribution

METADATA = b"Metadata-Version: 2.1\nName: Own.Lib\nVersion: 1.0\nLicense: MIT\nHome-page: https://github.com/textualize/rich\n"


def sdist(path: Path, version: str) -> bytes:
    """A source distribution whose build code must never run."""
    top = path.name.removesuffix(".tar.gz")
    files = {
        "PKG-INFO": METADATA,
        "setup.py": b"raise SystemExit('build code ran')\n",
        "own/a.py": f"x = '{version}'\n".encode(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"{top}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path.read_bytes()


class Quiet(SimpleHTTPRequestHandler):
    """Serves the index without a line for each request."""

    asked: list[str]

    def log_message(self, format: str, *arguments: object) -> None:
        self.asked.append(self.path)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A package index on loopback, configured for pip; yields the paths that were asked for."""
    root = tmp_path / "index"
    links = []
    for version in ("1.0", "1.1"):
        name = f"own_lib-{version}.tar.gz"
        digest = hashlib.sha256(sdist(root / "files" / name, version)).hexdigest()
        stated = digest if version == "1.0" else "0" * 64
        links.append(f'<a href="../../files/{name}#sha256={stated}">{name}</a>')
    (root / "simple/own-lib").mkdir(parents=True)
    wheel = "own_lib-2.0-py3-none-any.whl"
    links.append(f'<a href="../../files/{wheel}">{wheel}</a>')
    (root / "simple/own-lib/index.html").write_text("<!DOCTYPE html>" + "".join(links))
    asked: list[str] = []
    handler = type("Handler", (Quiet,), {"asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    for name in (
        "PIP_FIND_LINKS",
        "PIP_EXTRA_INDEX_URL",
        "http_proxy",
        "HTTP_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    yield asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_release_is_fetched_once_and_read_without_running_it(
    index: list[str], lake: Lake, tmp_path: Path
) -> None:
    sources = sources_from_spec("sdist:Own.Lib==1.0", tmp_path / "cache")
    data = collect(lake, sources, 10**6, 10**6, SerialEngine())
    rows = data.read().to_pylist()
    assert [(row["repo"], row["path"], row["source"]) for row in rows] == [
        ("own-lib", "own/a.py", "sdist"), ("own-lib", "setup.py", "sdist"),
    ]  # fmt: skip
    assert rows[0]["license"] == "MIT"
    assert rows[0]["stars"] > 10_000
    assert len([path for path in index if path.endswith(".tar.gz")]) == 1
    index.clear()
    assert collect(lake, sources, 10**6, 10**6, SerialEngine()).reused
    assert index == []


@pytest.mark.parametrize(
    ("version", "message"),
    [("9.9", "no source distribution"), ("2.0", "no source distribution"), ("1.1", "digest")],
)
def test_what_cannot_be_had_is_said_in_one_line(
    index: list[str], tmp_path: Path, version: str, message: str
) -> None:
    with pytest.raises(InputError, match=rf"source sdist:own-lib=={version}: .*{message}") as raised:
        SourceDistribution("own-lib", version, tmp_path / "cache").repositories()
    assert "\n" not in str(raised.value)
    assert not list((tmp_path / "cache").rglob("*.tar.gz"))
