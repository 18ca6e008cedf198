"""Archives: good ones in every compression, and bombs, links, traversal, lies and damage."""

from __future__ import annotations

import io
import random
import struct
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from opencoder_dag.engine import SerialEngine
from opencoder_dag.errors import InputError
from opencoder_dag.lake import Lake
from opencoder_dag.sources import Folder, collect, unpack
from opencoder_dag.sources.archive import Archive, ArchiveTree
from opencoder_dag.sources.source import Entry
from opencoder_dag.sources.unpack import ArchiveError, BombError, is_archive, members, refusal


def tar(path: Path, files: Iterable[tuple[str, bytes]], mode: str = "w:gz", **special: bytes) -> Path:
    """A tar file; `special` maps a name to a tar type, for members that are no files."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, kind in special.items():
            info = tarfile.TarInfo(f"{name}.py")
            info.type = kind
            info.linkname = "/etc/passwd"
            archive.addfile(info)
    return path


def zipped(path: Path, files: Iterable[tuple[str | zipfile.ZipInfo, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return path


def errors(path: Path) -> dict[str, str]:
    return {entry.path: entry.error for entry in ArchiveTree(str(path)).entries()}


GOOD = [("top-1.0/a.py", b"x = 1\n"), ("top-1.0/sub/b.py", b"y = 2\n"), ("top-1.0/lib.so", b"\x7fELF")]


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz", "a.zip", "a.whl"])
def test_members_are_listed_sealed_and_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    mode = {"gz": "w:gz", "gz2": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}.get(name.rsplit(".", 1)[-1], "w")
    if name.endswith(("zip", "whl")):
        zipped(path, GOOD)
    else:
        tar(path, GOOD, "w:gz" if name.endswith("tgz") else mode)
    tree = ArchiveTree(str(path), strip_top=True)
    entries = list(tree.entries())
    assert [entry.path for entry in entries] == ["a.py", "sub/b.py", "lib.so"]
    assert [bool(entry.digest) for entry in entries] == [True, True, False]
    read = list(tree.read([entries[1], entries[0], Entry("gone.py", 3)]))
    assert [file.content for file in read[:2]] == [b"y = 2\n", b"x = 1\n"]
    assert isinstance(read[2].content, Exception)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../up.py", "leads out"),
        ("a/../../up.py", "leads out"),
        ("/etc/cron.py", "not a relative path"),
        ("C:/windows.py", "not a relative path"),
        ("..\\up.py", "not a relative path"),
        ("d/" * 10_000 + "deep.py", "name of"),
        ("d/" * 1_000 + "deep.py", "nested deeper"),
    ],
)
def test_names_that_lead_elsewhere_are_refused_alone(tmp_path: Path, name: str, message: str) -> None:
    for path in (
        tar(tmp_path / "a.tar.gz", [(name, b"x"), ("good.py", b"y")]),
        zipped(tmp_path / "a.zip", [(name, b"x"), ("good.py", b"y")]),
    ):
        found = errors(path)
        assert found.pop("good.py") == ""
        assert len(found) == 1
        assert message in next(iter(found.values()))
    assert not (tmp_path.parent / "up.py").exists()


def test_empty_names_are_refused() -> None:
    assert refusal("")


def test_links_and_devices_are_refused_alone(tmp_path: Path) -> None:
    path = tar(
        tmp_path / "a.tar", [("good.py", b"x")], "w",
        soft=tarfile.SYMTYPE, hard=tarfile.LNKTYPE, pipe=tarfile.FIFOTYPE, disk=tarfile.BLKTYPE,
    )  # fmt: skip
    found = errors(path)
    assert found.pop("good.py") == ""
    assert sorted(found) == ["disk.py", "hard.py", "pipe.py", "soft.py"]
    assert all(found.values())
    link = zipfile.ZipInfo("soft.py")
    link.external_attr = 0o120777 << 16
    assert errors(zipped(tmp_path / "a.zip", [(link, b"/etc/passwd")]))["soft.py"].startswith("symbolic link")


def test_a_second_member_of_a_name_does_not_replace_the_first(tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tar", [("a.py", b"first"), ("a.py", b"second")], "w")
    tree = ArchiveTree(str(path))
    entries = list(tree.entries())
    assert [bool(entry.error) for entry in entries] == [False, True]
    assert next(tree.read(entries[:1])).content == b"first"


def test_bombs_are_refused_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "FREE", 4 << 20)
    zeros = bytes(1 << 20)
    files = [("good.py", b"x = 1\n"), *((f"zeros{index}.py", zeros) for index in range(32))]
    for path in (
        tar(tmp_path / "a.tar.gz", files),
        tar(tmp_path / "a.tar.bz2", files, "w:bz2"),
        tar(tmp_path / "a.tar.xz", files, "w:xz"),
        zipped(tmp_path / "a.zip", files),
    ):
        assert path.stat().st_size < 100_000
        with pytest.raises(BombError):
            for member in members(path):
                member.load()
        (entry,) = ArchiveTree(str(path)).entries()
        assert entry.path == path.name
        assert "BombError" in entry.error
        assert isinstance(
            next(ArchiveTree(str(path)).read([Entry("zeros31.py", 1 << 20)])).content, Exception
        )


def test_a_bomb_in_the_headers_of_a_tar_is_bounded_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "FREE", 4 << 20)
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("header")
        info.type = tarfile.XHDTYPE
        info.size = 64 << 20
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    (entry,) = ArchiveTree(str(path)).entries()
    assert "BombError" in entry.error


def test_sizes_beyond_any_column(lake: Lake, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        info = tarfile.TarInfo("a.py")
        info.size = 1 << 70
        archive.fileobj.write(info.tobuf(tarfile.GNU_FORMAT))  # type: ignore[union-attr]
    data = collect(lake, [Archive(str(tmp_path / "a.tar"))], 10**6, 10**6, SerialEngine())
    assert "ends inside" in data.read("quarantined")["error"].to_pylist()[0]
    assert data.read("removed")["size"].to_pylist() == [(1 << 63) - 1]
    assert data.manifest.counts["kept"] == 0


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MAX_MEMBERS", 10)
    path = zipped(tmp_path / "a.zip", [(f"a{index}.py", b"x") for index in range(11)])
    with pytest.raises(BombError, match="more than 10 members"):
        list(members(path))


def test_a_zip_that_lies_about_sizes(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", [("a.py", b"x" * 5000), ("b.py", b"y")])
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        start = data.index(signature)
        data[start + offset : start + offset + 4] = struct.pack("<I", 10)
    path.write_bytes(bytes(data))
    found = errors(path)
    assert found["a.py"]
    assert found["b.py"] == ""


def test_damage_costs_only_what_it_hits(tmp_path: Path) -> None:
    noise = random.Random(1)
    files = [(f"f{index}.py", noise.randbytes(50_000)) for index in range(4)]
    whole = tar(tmp_path / "a.tar.gz", files).read_bytes()
    (tmp_path / "b.tar.gz").write_bytes(whole[: len(whole) // 2])
    found = errors(tmp_path / "b.tar.gz")
    assert found["f0.py"] == ""
    assert "damaged" in found["b.tar.gz"]
    packed = bytearray(zipped(tmp_path / "a.zip", files).read_bytes())
    packed[25_000] ^= 0xFF
    (tmp_path / "b.zip").write_bytes(bytes(packed))
    found = errors(tmp_path / "b.zip")
    assert "damaged" in found["f0.py"]
    assert found["f3.py"] == ""


@pytest.mark.parametrize(
    "content", [b"", b"PK\3\4", b"\x1f\x8b", b"BZh91AY", b"\xfd7zXZ\0", b"not an archive" * 99]
)
def test_what_is_no_archive(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(content)
    with pytest.raises(ArchiveError):
        list(members(path))


def test_random_damage_never_escapes(tmp_path: Path) -> None:
    noise = random.Random(2)
    originals = [
        tar(tmp_path / "o.tar.gz", GOOD).read_bytes(),
        tar(tmp_path / "o.tar", GOOD, "w").read_bytes()[:4096],
        zipped(tmp_path / "o.zip", GOOD).read_bytes(),
    ]
    for trial in range(300):
        data = bytearray(originals[trial % 3])
        for _ in range(noise.randrange(1, 6)):
            data[noise.randrange(len(data))] = noise.randrange(256)
        path = tmp_path / "trial"
        path.write_bytes(bytes(data))
        entries = list(ArchiveTree(str(path)).entries())
        list(ArchiveTree(str(path)).read(entries))


def test_an_archive_is_a_source_and_archives_in_a_folder_are_repositories(lake: Lake, tmp_path: Path) -> None:
    root = tmp_path / "src"
    (root / "plain").mkdir(parents=True)
    (root / "plain/a.py").write_text("z = 3\n")
    tar(root / "packed.tar.gz", GOOD)
    (root / "loose.py").write_text("w = 4\n")
    (root / "broken.zip").write_bytes(b"PK\3\4 and no more")
    data = collect(lake, [Folder(str(root))], 10**6, 10**6, SerialEngine())
    kept = {(row["repo"], row["path"], row["source"]) for row in data.read().to_pylist()}
    assert kept == {
        ("plain", "a.py", "folder"), ("src", "loose.py", "folder"),
        ("packed", "top-1.0/a.py", "archive"), ("packed", "top-1.0/sub/b.py", "archive"),
    }  # fmt: skip
    assert data.read("quarantined")["repo"].to_pylist() == ["broken"]
    (one,) = Archive(str(root / "packed.tar.gz")).repositories()
    assert one.name == "packed"
    with pytest.raises(InputError, match="no such archive"):
        Archive(str(tmp_path / "gone.zip")).repositories()
    assert is_archive("A.TAR.GZ")
    assert not is_archive("a.gz")
