"""Sources and lake on an S3-compatible server on loopback."""

from __future__ import annotations

import logging
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opencoder_dag.engine import SerialEngine
from opencoder_dag.errors import InputError
from opencoder_dag.lake import Dataset, Lake
from opencoder_dag.sources import Folder, collect, sources_from_spec

from .test_collect import many

pytest.importorskip("s3fs", reason="s3fs is not installed")
server = pytest.importorskip("moto.server", reason="moto is not installed")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[fsspec.AbstractFileSystem]:
    """An empty bucket named corpus; the file system is configured by the usual environment variables."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    address = f"http://{host}:{port}"
    with urllib.request.urlopen(f"{address}/moto-api/reset", data=b""):
        pass  # what an earlier test of this process stored
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    fsspec.filesystem("s3").clear_instance_cache()
    files = fsspec.filesystem("s3")
    files.mkdir("corpus")
    yield files
    files.clear_instance_cache()
    running.stop()


class Threads(SerialEngine):
    """Runs tasks side by side, as workers do."""

    def map(self, function, items):  # type: ignore[no-untyped-def]
        with ThreadPoolExecutor(3) as pool:
            yield from pool.map(function, items)


def gather(lake: Lake, item: str) -> Dataset:
    return collect(lake, sources_from_spec(item, Path()), 10**9, 20_000, Threads())


def test_parquet_and_lake_on_an_object_store(store: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    rows = [{"content": f"x = {n}\n" * 50, "path": f"m{n}.py", "repo_name": "own"} for n in range(200)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=50)
    store.put(str(tmp_path / "a.parquet"), "corpus/set/a.parquet")
    lake = Lake("s3://corpus/lake")
    data = gather(lake, "parquet:s3://corpus/set")
    assert data.path.startswith("s3://corpus/lake/raw_code/")
    assert data.manifest.counts["kept"] == 200
    assert len(data.manifest.shards) > 1
    assert gather(lake, "parquet:s3://corpus/set").reused
    local = gather(Lake(str(tmp_path / "lake")), f"parquet:{tmp_path}/a.parquet")
    assert data.digest == local.digest
    assert data.read().equals(local.read())


def test_a_folder_of_repositories_on_an_object_store_and_its_refresh(
    store: fsspec.AbstractFileSystem, tmp_path: Path
) -> None:
    root = many(tmp_path / "src", repositories=6)
    (root / "loose.py").write_text("x = 1\n")
    (root / "repo00/latin.py").write_bytes(b"\xe9")
    store.put(str(root), "corpus/src", recursive=True)
    lake = Lake("s3://corpus/lake")
    data = gather(lake, "s3://corpus/src")
    local = collect(Lake(str(tmp_path / "lake")), [Folder(str(root))], 10**9, 20_000, SerialEngine())
    assert data.digest == local.digest
    assert data.manifest.counts["quarantined"] == 1

    store.pipe_file("corpus/src/repo03/pkg/m0.py", b"changed = True\n")
    refreshed = gather(lake, "s3://corpus/src")
    assert refreshed.manifest.facts["refresh"]["repositories_read"] == 1
    assert refreshed.manifest.facts["refresh"]["repositories_reused"] == 6
    assert refreshed.digest != data.digest


def test_what_is_not_there_is_said(store: fsspec.AbstractFileSystem) -> None:
    for item in ("s3://corpus/nothing", "s3://nowhere/at-all", "parquet:s3://corpus/none.parquet"):
        with pytest.raises(InputError, match=r"no such|NoSuchBucket"):
            sources_from_spec(item, Path())[0].repositories()
