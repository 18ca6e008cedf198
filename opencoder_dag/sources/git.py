"""Git: what a checkout says of itself.

Belongs here: every call of the `git` program. Only plumbing commands are used, which neither page, nor sign,
nor run what a foreign repository's configuration names.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from opencoder_dag.errors import OpencoderError

TIMEOUT = 600  # seconds for one command


@dataclass(frozen=True)
class Head:
    """The commit that a repository is at, its time and where it was cloned from."""

    commit: str
    commit_time: datetime
    remote: str | None


def run_git(folder: str | Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """Output of a git command in `folder`; raises `OpencoderError` with git's own last line."""
    command = ["git", "-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never", *arguments]
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, cwd=folder, input=stdin, capture_output=True, timeout=TIMEOUT, env=environment
        )
    except FileNotFoundError:
        raise OpencoderError("git is not installed; it is needed to read Git repositories") from None
    except subprocess.TimeoutExpired:
        raise OpencoderError(f"git {arguments[0]} in {folder}: no answer in {TIMEOUT} s") from None
    if done.returncode != 0:
        complaint = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"]
        raise OpencoderError(f"git {arguments[0]} in {folder}: {complaint[-1]}")
    return done.stdout


def checkout(folder: Path) -> Head | None:
    """Head of a folder that is itself a Git checkout; None for other folders and for one without commits."""
    if not (folder / ".git").exists():
        return None
    try:
        time, commit = run_git(folder, "rev-list", "-1", "--timestamp", "HEAD").decode().split()
    except (OpencoderError, ValueError):
        return None
    return Head(commit, datetime.fromtimestamp(int(time), UTC), remote_of(folder))


def remote_of(folder: Path) -> str | None:
    """Address of the remote named origin, without a password that it may carry."""
    try:
        address = run_git(folder, "config", "--get", "remote.origin.url").decode("utf-8", "replace").strip()
    except OpencoderError:
        return None
    scheme, separator, rest = address.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if separator else address or None
