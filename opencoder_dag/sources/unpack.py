"""Looking into archives that nobody vouches for, without writing anything to disk.

Belongs here: zip and tar in all compressions, one member after the other, each read into memory within its
bound. A member that is a link, a device or a name that leads out of the archive is refused by itself; an
archive that unpacks to far more than it holds is refused as a whole.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, cast

from opencoder_dag.sources.walk import MAX_DEPTH

SUFFIXES = (".zip", ".whl", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")

MAX_MEMBERS = 200_000
MAX_UNPACKED = 8 << 30  # bytes of all members together
MAX_RATIO = 200  # bytes unpacked for a byte packed, once FREE bytes are unpacked; source code reaches 20
FREE = 64 << 20
MAX_READS_AFTER_END = 100
MAX_NAME = 4096  # characters

_DAMAGE = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError,
    NotImplementedError, RuntimeError, OverflowError, IndexError,
)  # fmt: skip


class ArchiveError(Exception):
    """An archive is damaged from some member on; what came before it is good."""


class BombError(ArchiveError):
    """An archive unpacks to far more than it holds; nothing of it is used."""


@dataclass(frozen=True)
class Member:
    """One member as the archive lists it. `error` says why it must not be read.

    `load` gives its bytes and may only be called before the next member is asked for.
    """

    name: str
    size: int
    error: str
    load: Callable[[], bytes]


def is_archive(name: str) -> bool:
    """Whether a file name is that of an archive this module reads."""
    return name.lower().endswith(SUFFIXES)


def members(path: Path) -> Iterator[Member]:
    """The members of an archive that are no folders, in its own order.

    Raises `ArchiveError` where it is damaged and `BombError` where it is a bomb, perhaps after some members.
    Loading a member raises `ArchiveError` too; of a zip file the others can still be loaded.
    """
    packed = path.stat().st_size
    limit = min(MAX_UNPACKED, max(FREE, packed * MAX_RATIO))
    with path.open("rb") as handle:
        is_zip = handle.read(4) in (b"PK\3\4", b"PK\5\6")
    listing = _zip_members(path, limit) if is_zip else _tar_members(path, limit)
    seen: set[str] = set()
    try:
        for count, member in enumerate(listing):
            if count >= MAX_MEMBERS:
                raise BombError(f"more than {MAX_MEMBERS} members")
            error = member.error or refusal(member.name) or ("negative size" if member.size < 0 else "")
            if not error and member.name in seen:
                error = "a second member of this name"
            seen.add(member.name)
            yield Member(member.name, max(member.size, 0), error, partial(_guarded, member.load))
    except ArchiveError:
        raise
    except _DAMAGE as error:
        raise _damaged(error) from None


def _guarded(load: Callable[[], bytes]) -> bytes:
    try:
        return load()
    except _DAMAGE as error:
        raise _damaged(error) from None


def _damaged(error: Exception) -> ArchiveError:
    return ArchiveError(f"damaged archive ({type(error).__name__}: {' '.join(str(error).split())})")


def refusal(name: str) -> str:
    """Why a member's name is not taken; empty for a plain relative path."""
    parts = name.split("/")
    if not name or len(name) > MAX_NAME:
        return f"name of {len(name)} characters"
    if name.startswith("/") or "\\" in name or "\0" in name or (len(name) > 1 and name[1] == ":"):
        return "name is not a relative path"
    if ".." in parts:
        return "name leads out of the archive"
    if len(parts) > MAX_DEPTH:
        return f"folders nested deeper than {MAX_DEPTH}"
    return ""


def _zip_members(path: Path, limit: int) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        if sum(info.file_size for info in infos) > limit:
            raise BombError(f"unpacks to more than {limit} bytes")
        for info in infos:
            error = ""
            kind = stat.S_IFMT(info.external_attr >> 16)
            if stat.S_ISLNK(kind):
                error = "symbolic link; not followed"
            elif kind and not stat.S_ISREG(kind):
                error = "not a regular file"
            elif info.flag_bits & 1:
                error = "encrypted"
            yield Member(info.filename, info.file_size, error, partial(_load_zipped, archive, info))


def _load_zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as handle:
        content = handle.read(info.file_size + 1)
    if len(content) != info.file_size:
        raise ValueError(f"{info.filename} does not hold the {info.file_size} bytes that it lists")
    return content


def _tar_members(path: Path, limit: int) -> Iterator[Member]:
    with path.open("rb") as packed, _decompressed(packed) as unpacked:
        bounded = cast(IO[bytes], _Bounded(unpacked, limit))
        with tarfile.open(fileobj=bounded, mode="r|", errorlevel=2) as archive:
            for info in archive:
                if info.isdir():
                    continue
                error = ""
                if info.issym() or info.islnk():
                    error = "symbolic link; not followed" if info.issym() else "hard link; not followed"
                elif not info.isreg():
                    error = "not a regular file"
                yield Member(
                    info.name.removeprefix("./"), info.size, error, partial(_load_tarred, archive, info)
                )


def _load_tarred(archive: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    handle = archive.extractfile(info)
    content = handle.read() if handle is not None else b""
    if len(content) != info.size:
        raise ValueError(f"ends inside {info.name}")
    return content


def _decompressed(packed: IO[bytes]) -> IO[bytes]:
    start = packed.read(6)
    packed.seek(0)
    if start.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=packed))
    if start.startswith(b"BZh"):
        return cast(IO[bytes], bz2.BZ2File(packed))
    if start == b"\xfd7zXZ\0":
        return cast(IO[bytes], lzma.LZMAFile(packed))
    return packed


class _Bounded(io.RawIOBase):
    """A stream that raises `BombError` when more than `limit` bytes have come out of it.

    It also ends a reader who goes on after the end: to skip a member of 2**70 stated bytes, tarfile would.
    """

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self._read = 0
        self._after_end = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(size if 0 <= size <= 1 << 20 else 1 << 20)
        self._read += len(content)
        self._after_end += not content
        if self._after_end > MAX_READS_AFTER_END:
            raise ArchiveError("damaged archive (ends inside a member)")
        if self._read > self._limit:
            raise BombError(f"unpacks to more than {self._limit} bytes")
        return content
