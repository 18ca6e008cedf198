"""Distributions as repositories, from an environment made for the test and from the real one."""

from __future__ import annotations

import base64
import hashlib
import json
import pickle
from pathlib import Path

import pytest

from opencoder_dag.engine import SerialEngine
from opencoder_dag.lake import Lake
from opencoder_dag.sources import collect
from opencoder_dag.sources.installed import InstalledDistributions, standard_library
from opencoder_dag.sources.metadata import license_of, parse_metadata, project_urls
from opencoder_dag.sources.source import Repository
from opencoder_dag.sources.stars import github_project, stars_of, stars_table


def install(site: Path, name: str, files: dict[str, bytes], metadata: str = "", extra: str = "") -> Path:
    """Lay a distribution down as an installer does: files, metadata, RECORD."""
    info = f"{name.replace('-', '_')}-1.0.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{metadata}".encode(),
    }
    lines = []
    for path, content in files.items():
        target = site / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(content)}\n")
    (site / info / "RECORD").write_text("".join(lines) + extra + f"{info}/RECORD,,\n")
    return site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment's site folder, the only one on the import path."""
    folder = tmp_path / "venv/lib/site-packages"
    folder.mkdir(parents=True)
    monkeypatch.setattr("sys.path", [str(tmp_path), str(folder)])
    return folder


def found() -> dict[str, Repository]:
    return {repository.name: repository for repository in InstalledDistributions().repositories()}


def test_a_distribution_is_a_repository_with_what_its_metadata_says(site: Path) -> None:
    install(
        site,
        "Own.Lib",
        {"own/a.py": b"x = 1\n"},
        "License-Expression: MIT\nProject-URL: Docs, https://example.org\n"
        "Project-URL: Source, https://github.com/textualize/RICH/tree/main\n",
        extra="own/a.py,,9\nown/__pycache__/a.cpython-311.pyc,,\n../../bin/own,sha256=AAAA,5\nown/b.py,,\nown/gone.py,,\n",
    )
    (site / "own/b.py").write_bytes(b"longer than listed\n")
    own = found()["own-lib"]
    assert (own.revision, own.license, own.url) == (
        "1.0",
        "MIT",
        "https://github.com/textualize/RICH/tree/main",
    )
    assert own.stars == stars_table()["textualize/rich"]
    entries = {entry.path: entry for entry in own.tree.entries()}
    assert set(entries) == {"own/a.py", "own/b.py", "own/gone.py", "Own.Lib-1.0.dist-info/METADATA"}
    assert entries["own/a.py"].digest == f"sha256:{hashlib.sha256(b'x = 1' + bytes([10])).hexdigest()}"
    assert entries["own/b.py"].size == 19
    assert pickle.loads(pickle.dumps(own)) == own


def test_editable_installations_this_project_and_strange_metadata_are_left_out(site: Path) -> None:
    install(site, "opencoder_dag", {"a.py": b"x"})
    install(site, "edited", {"edited.pth": b"/somewhere\n"})
    (site / "edited-1.0.dist-info/direct_url.json").write_text(json.dumps({"dir_info": {"editable": True}}))
    install(site, "odd", {"odd.py": b"x"})
    (site / "odd-1.0.dist-info/direct_url.json").write_text("[not json")
    (site / "old.egg-info").mkdir()
    (site / "old.egg-info/PKG-INFO").write_text("Name: old\nVersion: 1\n")
    (site / "norecord-1.0.dist-info").mkdir()
    (site / "norecord-1.0.dist-info/METADATA").write_text("Name: norecord\nVersion: 1\n")
    assert set(found()) == {"python", "odd"}


def test_where_the_environment_lies_does_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = set()
    for place in ("here", "far/away"):
        folder = tmp_path / place / "site-packages"
        install(folder, "own", {"own/a.py": b"x = 1\n", "own/b.py": b"y = 2\n"})
        monkeypatch.setattr("sys.path", [str(folder)])
        data = collect(
            Lake(str(tmp_path / "lake" / place)), [InstalledDistributions()], 200_000, 10**6, SerialEngine()
        )
        rows = [row for row in data.read().to_pylist() if row["repo"] == "own"]
        assert [row["path"] for row in rows] == ["own/a.py", "own/b.py"]
        digests.add((data.digest, data.manifest.fingerprint))
    assert len(digests) == 1


def test_a_file_edited_after_installation_is_quarantined(site: Path, lake: Lake) -> None:
    install(site, "own", {"own/a.py": b"x = 1\n", "own/b.py": b"y = 1\n"})
    (site / "own/a.py").write_bytes(b"x = 2\n")
    data = collect(lake, [InstalledDistributions()], 200_000, 10**6, SerialEngine())
    assert "own/a.py" in data.read("quarantined")["path"].to_pylist()
    assert "own/b.py" in data.read()["path"].to_pylist()


def test_the_real_environment(lake: Lake) -> None:
    data = collect(lake, [InstalledDistributions()], 1_000_000, 200_000, SerialEngine())
    kept = data.read()
    repos = set(kept["repo"].to_pylist())
    assert {"python", "numpy", "pyarrow", "pytest"} <= repos
    assert "opencoder-dag" not in repos
    assert data.manifest.counts["bytes_in"] <= 1_000_000
    assert data.manifest.facts["languages"]["python"]["bytes"] > 0.5 * data.manifest.counts["bytes_kept"]
    paths = [*kept["path"].to_pylist(), *data.read("removed")["path"].to_pylist()]
    assert not any(path.startswith(("/", "..")) or path.endswith(".pyc") for path in paths)
    assert collect(lake, [InstalledDistributions()], 1_000_000, 200_000, SerialEngine()).reused


def test_the_standard_library_is_listed_without_site_packages() -> None:
    library = standard_library()
    paths = {entry.path for entry in library.tree.entries()}
    assert {"ast.py", "asyncio/base_events.py"} <= paths
    assert not any("site-packages" in path or "__pycache__" in path for path in paths)


@pytest.mark.parametrize(
    ("expression", "classifiers", "text", "expected"),
    [
        ("MIT OR Apache-2.0", ["License :: OSI Approved :: BSD License"], "x", "MIT OR Apache-2.0"),
        (None, ["License :: OSI Approved", "License :: OSI Approved :: BSD License"], "x", "BSD License"),
        (None, ["Programming Language :: Python"], "BSD", "BSD"),
        (None, [], "Copyright\nall of it", None),
        (None, [], None, None),
    ],
)
def test_licence(
    expression: str | None, classifiers: list[str], text: str | None, expected: str | None
) -> None:
    assert license_of(expression, classifiers, text) == expected


def test_the_address_of_the_code_comes_first() -> None:
    labelled = [
        "Changelog, https://a.example",
        "Homepage, https://b.example",
        "Source Code, https://c.example",
    ]
    assert project_urls(labelled, "https://d.example") == [
        "https://c.example", "https://b.example", "https://d.example", "https://a.example",
    ]  # fmt: skip
    assert project_urls([], None) == []


def test_metadata_that_says_little_or_nonsense() -> None:
    empty = parse_metadata("")
    assert (empty.name, empty.version, empty.license, empty.urls, empty.stars, empty.url) == (
        "",
        "",
        None,
        (),
        None,
        None,
    )
    odd = parse_metadata("Name: A_b\nHome-page: UNKNOWN\nLicense: UNKNOWN\nProject-URL: nothing\n\nbody: x\n")
    assert (odd.name, odd.license, odd.urls) == ("a-b", None, ())


def test_hostile_metadata_costs_its_own_distribution_only(site: Path, lake: Lake) -> None:
    for name in ("fine", "huge", "sizes", "bytes"):
        install(site, name, {f"{name}/a.py": b"x = 1\n"})
    (site / "huge-1.0.dist-info/RECORD").write_text("fine/a.py,,\n" + "x" * 200_000 + ",,\n")
    (site / "sizes-1.0.dist-info/RECORD").write_text(
        "sizes/a.py,sha256=?,99999999999999999999999\nsizes/b.py,,²\nnul\0.py,,\n,,\n\n"
    )
    (site / "bytes-1.0.dist-info/METADATA").write_bytes(b"Name: bytes\nVersion: \xff\n")
    data = collect(lake, [InstalledDistributions()], 200_000, 10**6, SerialEngine())
    assert {"fine", "bytes"} <= set(data.read()["repo"].to_pylist())
    errors = {(row["repo"], row["path"]) for row in data.read("quarantined").to_pylist()}
    assert ("huge", "RECORD") in errors
    assert ("sizes", "sizes/b.py") in errors
    removed = {(row["repo"], row["path"]): row["reason"] for row in data.read("removed").to_pylist()}
    assert removed["sizes", "sizes/a.py"] == "file_too_large"


def test_stars() -> None:
    assert github_project("git@github.com:Own/Lib.git") == "Own/Lib"
    assert github_project("https://github.com/own/lib/issues") == "own/lib"
    assert github_project("https://example.org/own/lib") is None
    assert stars_of([None, "https://example.org", "https://github.com/no-one/nothing"]) is None
    assert all(stars > 0 for stars in stars_table().values())
