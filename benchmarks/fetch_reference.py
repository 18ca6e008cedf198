"""Fetch the files that the reference decisions speak of, by pinned name, through pip and apt.

The tables of reference decisions hold names, hashes and figures only. This script downloads the archives
that `sources.txt` names and unpacks every file whose SHA-256 the decisions table lists into
`TARGET/files/<sha256>`. Files that a distribution has since replaced are counted and left out.

    python benchmarks/fetch_reference.py --reference ../shared/reference --target ../reference-files

Debian archives need `apt-get` and `dpkg-deb` (Debian or Ubuntu with the bookworm archives configured).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Archive(NamedTuple):
    """One line of `sources.txt`."""

    kind: str
    pin: str
    file: str
    bytes: int
    sha256: str


def archives(table: Path) -> list[Archive]:
    rows = [line.split("\t") for line in table.read_text().splitlines() if line and not line.startswith("#")]
    return [Archive(kind, pin, file, int(size), digest) for kind, pin, file, size, digest in rows]


def wanted_digests(decisions: Path) -> set[str]:
    with gzip.open(decisions, "rt", encoding="utf-8", newline="") as handle:
        return {row["sha256"] for row in csv.DictReader(handle)}


def source_lists(folder: Path) -> list[str]:
    """Options that let apt read source packages from a private copy of the configured lists."""
    lists = folder / "apt-lists"
    config = folder / "apt-sources"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    config.mkdir(exist_ok=True)
    for found in Path("/etc/apt/sources.list.d").glob("debian*.sources"):
        (config / found.name).write_text(found.read_text().replace("Types: deb\n", "Types: deb-src\n"))
    options = [
        "-o",
        f"Dir::State::lists={lists}",
        "-o",
        "Dir::Etc::sourcelist=/dev/null",
        "-o",
        f"Dir::Etc::sourceparts={config}",
        "-o",
        "APT::Sandbox::User=root",
    ]
    subprocess.run(["apt-get", *options, "update", "-q"], check=True)
    return options


def download(archive: Archive, folder: Path, source_options: list[str] | None) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", str(folder)]
    if archive.kind == "pypi-sdist":
        command = [*pip, "--no-binary", ":all:", archive.pin]
    elif archive.kind == "pypi-wheel":
        command = [*pip, "--only-binary", ":all:", "--python-version", "3.11", archive.pin]
    elif archive.kind == "deb":
        command = ["apt-get", "-o", "APT::Sandbox::User=root", "download", "-q", archive.pin]
    else:
        options = source_options if source_options is not None else []
        command = ["apt-get", *options, "source", "-q", "--download-only", archive.pin]
    subprocess.run(command, cwd=folder, check=True)


def tar_files(stream: io.BufferedIOBase | io.BytesIO) -> Iterator[bytes]:
    with tarfile.open(fileobj=stream, mode="r:*") as archive:
        for member in archive:
            if member.isfile() and (handle := archive.extractfile(member)) is not None:
                yield handle.read()


def contents(archive: Path) -> Iterator[bytes]:
    """Bytes of every regular file in an archive."""
    if archive.suffix == ".deb":
        data = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(archive)], check=True, capture_output=True)
        yield from tar_files(io.BytesIO(data.stdout))
    elif archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for info in wheel.infolist():
                if not info.is_dir():
                    yield wheel.read(info)
    else:
        with archive.open("rb") as handle:
            yield from tar_files(handle)


def locate(archive: Archive, folder: Path) -> Path | None:
    """The downloaded archive: its file name, whatever the case, dashes and escaped epochs."""

    def plain(name: str) -> str:
        return name.lower().replace("%3a", ":").split("_", 1)[-1] if name.endswith(".deb") else name.lower()

    for path in sorted(folder.iterdir()):
        same_package = not path.name.endswith(".deb") or path.name.split("_")[0] == archive.file.split("_")[0]
        if same_package and plain(path.name).split(":")[-1] == plain(archive.file).split(":")[-1]:
            return path
    return None


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--reference", type=Path, required=True, help="folder with sources.txt and the tables"
    )
    parser.add_argument("--target", type=Path, required=True, help="folder to fill")
    arguments = parser.parse_args()
    downloads = arguments.target / "archives"
    files = arguments.target / "files"
    downloads.mkdir(parents=True, exist_ok=True)
    files.mkdir(exist_ok=True)
    wanted = wanted_digests(arguments.reference / "refinecode_decisions_visible.csv.gz")
    source_options: list[str] | None = None
    for archive in archives(arguments.reference / "sources.txt"):
        try:
            if locate(archive, downloads) is None:
                if archive.kind == "debsrc" and source_options is None:
                    source_options = source_lists(arguments.target)
                download(archive, downloads, source_options)
        except subprocess.CalledProcessError as error:
            print(f"{archive.pin}: not available ({error})", file=sys.stderr)
            continue
        path = locate(archive, downloads)
        if path is None:
            print(f"{archive.pin}: no file {archive.file} was downloaded", file=sys.stderr)
            continue
        found = 0
        for data in contents(path):
            digest = hashlib.sha256(data).hexdigest()
            if digest in wanted:
                (files / digest).write_bytes(data)
                found += 1
        print(f"{archive.pin}: {found} files")
    present = {path.name for path in files.iterdir()}
    print(f"{len(present & wanted)} of {len(wanted)} files are in {files}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
