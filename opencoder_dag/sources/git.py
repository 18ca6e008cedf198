"""Git repositories, local or by address, bare or not, at a commit; and what a checkout says of itself.

Belongs here: every call of the `git` program. Reading uses plumbing commands only, which run nothing that a
foreign repository's configuration names, and no transport; only cloning and fetching may reach out.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.sources.decide import UnreadableError
from opencoder_dag.sources.licenses import license_file, named
from opencoder_dag.sources.source import Entry, RawFile, Repository, printable
from opencoder_dag.sources.stars import stars_of

TIMEOUT = 1800  # seconds for one command
TRANSPORTS = "https:ssh:git:file"

_ADDRESS = re.compile(r"(?:https|ssh|git|file)://.+|[\w.-]+@[\w.-]+:.+")
_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True)
class Head:
    """The commit that a repository is at, its time and where it was cloned from."""

    commit: str
    commit_time: datetime
    remote: str | None


@dataclass(frozen=True)
class GitTree:
    """The files of one commit, read from the object store."""

    folder: str
    commit: str

    def entries(self) -> Iterable[Entry]:
        """Blobs with their object ids; links and submodules are listed and never read."""
        listing = run_git(self.folder, "ls-tree", "-r", "-l", "-z", "--full-tree", self.commit)
        for line in listing.split(b"\0"):
            if not line:
                continue
            about, _, name = line.partition(b"\t")
            mode, kind, object_id, size = about.decode("ascii").split()
            path = name.decode("utf-8", "surrogateescape")
            if kind != "blob":
                yield Entry(path, 0, removed="submodule")
            elif mode == "120000":
                yield Entry(path, 0, removed="symbolic_link")
            else:
                yield Entry(path, int(size), digest=f"git:{object_id}")

    def seal(self, entries: Sequence[Entry]) -> tuple[Entry, ...]:
        """The entries as they are: an object id is a digest."""
        return tuple(entries)

    def read(self, entries: Sequence[Entry]) -> Iterator[RawFile]:
        """Read blobs in one call."""
        wanted = "".join(f"{entry.digest.removeprefix('git:')}\n" for entry in entries)
        output = memoryview(run_git(self.folder, "cat-file", "--batch", stdin=wanted.encode()))
        position = 0
        for entry in entries:
            end = position + bytes(output[position : position + 200]).index(b"\n")
            answer = bytes(output[position:end]).decode("ascii", "replace").split()
            if len(answer) != 3 or answer[1] != "blob":
                yield RawFile(entry, UnreadableError("object is missing from the repository"))
                position = end + 1
                continue
            size = int(answer[2])
            yield RawFile(entry, bytes(output[end + 1 : end + 1 + size]))
            position = end + 1 + size + 1


@dataclass(frozen=True)
class GitRepository:
    """One repository at one revision (a commit, a tag, a branch; default its HEAD).

    `address` is a folder, which is read in place, or an address to clone; clones are kept in `cache` and only
    asked again for what they lack.
    """

    address: str
    revision: str
    cache: Path

    def repositories(self) -> list[Repository]:
        """The repository; raises `InputError` when it or the revision does not exist."""
        local = Path(self.address).expanduser()
        if local.is_dir():
            folder, name, url = local.absolute(), local.absolute().name, remote_of(local)
        elif _ADDRESS.fullmatch(self.address):
            folder, name, url = self._clone(), name_of(self.address), without_password(self.address)
        else:
            raise InputError(f"source git+{self.address}: no such folder, and not an address that git clones")
        commit = resolve(folder, self.revision)
        if commit is None:
            raise InputError(f"source git+{self.address}: no commit '{self.revision}'")
        return [
            Repository(
                name=printable(name.removesuffix(".git")),
                source="git",
                revision=commit,
                tree=GitTree(str(folder), commit),
                license=_license(folder, commit),
                stars=stars_of([url]),
                commit_time=time_of(folder, commit),
                url=url,
            )
        ]

    def _clone(self) -> Path:
        digest = hashlib.sha256(self.address.encode()).hexdigest()[:16]
        name = f"{name_of(self.address).rsplit('/', 1)[-1]}-{digest}"
        folder = self.cache / "git" / name
        try:
            if not folder.exists():
                folder.parent.mkdir(parents=True, exist_ok=True)
                fresh = folder.with_name(f"{name}.{uuid.uuid4().hex}.tmp")
                try:
                    arguments = ("clone", "--quiet", "--mirror", "--", self.address, str(fresh))
                    run_git(folder.parent, *arguments, transports=TRANSPORTS)
                    fresh.rename(folder)
                finally:
                    shutil.rmtree(fresh, ignore_errors=True)
            elif not (_OBJECT_ID.fullmatch(self.revision) and resolve(folder, self.revision)):
                run_git(folder, "fetch", "--quiet", "--prune", "origin", transports=TRANSPORTS)
        except OpencoderError as error:
            raise InputError(f"source git+{without_password(self.address)}: {error}") from None
        return folder


def run_git(folder: str | Path, *arguments: str, stdin: bytes = b"", transports: str = "") -> bytes:
    """Output of a git command in `folder`; raises `OpencoderError` with git's own last line.

    Without `transports` git reaches nothing outside, not even for objects that a partial clone lacks.
    """
    options = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "protocol.allow=never")
    environment = {
        **os.environ,
        "GIT_ALLOW_PROTOCOL": transports,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
    }
    try:
        done = subprocess.run(
            ["git", *options, *arguments],
            cwd=folder,
            input=stdin,
            capture_output=True,
            timeout=TIMEOUT,
            env=environment,
        )
    except FileNotFoundError:
        raise OpencoderError("git is not installed; it is needed to read Git repositories") from None
    except subprocess.TimeoutExpired:
        raise OpencoderError(f"git {arguments[0]} in {folder}: no answer in {TIMEOUT} s") from None
    if done.returncode != 0:
        complaint = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"]
        raise OpencoderError(f"git {arguments[0]}: {complaint[-1]}")
    return done.stdout


def checkout(folder: Path) -> Head | None:
    """Head of a folder that is itself a Git checkout; None for other folders and for one without commits."""
    commit = resolve(folder, "HEAD") if (folder / ".git").exists() else None
    return None if commit is None else Head(commit, time_of(folder, commit), remote_of(folder))


def resolve(folder: Path, revision: str) -> str | None:
    """Object id of the commit that a revision names; None when there is none."""
    arguments = ("rev-parse", "--quiet", "--verify", "--end-of-options", f"{revision or 'HEAD'}^{{commit}}")
    try:
        return run_git(folder, *arguments).decode("ascii").split()[-1]
    except (OpencoderError, IndexError):
        return None


def time_of(folder: Path, commit: str) -> datetime:
    """Committer's time of a commit."""
    seconds, _ = run_git(folder, "rev-list", "-1", "--timestamp", commit).decode("ascii").split()
    return datetime.fromtimestamp(int(seconds), UTC)


def remote_of(folder: Path) -> str | None:
    """Address of the remote named origin, without a password that it may carry."""
    try:
        address = run_git(folder, "config", "--get", "remote.origin.url").decode("utf-8", "replace").strip()
    except OpencoderError:
        return None
    return without_password(address) or None


def _license(folder: Path, commit: str) -> str | None:
    """Licence by the file at the root of a commit."""
    files = {}
    for line in run_git(folder, "ls-tree", "-z", "--full-tree", commit).split(b"\0"):
        about, _, name = line.partition(b"\t")
        if about.startswith(b"100"):
            files[name.decode("utf-8", "surrogateescape")] = about.split()[2].decode("ascii")
    chosen = license_file(files)
    if chosen is None:
        return None
    return named(run_git(folder, "cat-file", "blob", files[chosen]).decode("utf-8", "replace"))


def name_of(address: str) -> str:
    """The last two parts of an address, as in owner/name."""
    parts = re.split(r"[/:]+", address.rstrip("/"))
    return "/".join(parts[-2:]).removesuffix(".git")


def without_password(address: str) -> str:
    """An address without the user and password that it may carry."""
    scheme, separator, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}" if separator else address
