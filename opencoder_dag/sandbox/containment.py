"""How a worker is shut in: the bubblewrap command line, whether it works here, and the fallback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

from opencoder_dag.errors import OpencoderError
from opencoder_dag.sandbox.options import Kind, SandboxOptions

INSIDE = Path(__file__).parent / "inside"
SCRATCH = "/tmp"
DISK_BYTES = 64 << 20

# Read-only parts of the system that programs need to run at all; never a home folder, never all of /etc.
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
CONFIGURATION = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime")


@cache
def bubblewrap_problem() -> str | None:
    """Why bubblewrap cannot be used here, in one line, or None when it can (tried once, for real)."""
    program = shutil.which("bwrap")
    if program is None:
        return "bwrap is not installed"
    try:
        argv = [
            *bubblewrap_argv(program),
            sys.executable,
            "-I",
            "-S",
            "-c",
            "import os; assert os.getpid() == 1",
        ]
        tried = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False, env={})
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bwrap cannot be run ({error})"
    lines = tried.stderr.strip().splitlines()
    return None if tried.returncode == 0 else (lines[-1] if lines else f"bwrap exits with {tried.returncode}")


def sandbox_kind(options: SandboxOptions) -> Kind:
    """The containment that these options get on this machine.

    Raises `OpencoderError` when bubblewrap is asked for and does not work here.
    """
    if options.kind == "process":
        return "process"
    problem = bubblewrap_problem()
    if problem is None:
        return "bubblewrap"
    if options.kind == "bubblewrap":
        raise OpencoderError(
            f"sandbox 'bubblewrap' does not work here: {problem}; use 'process' or install it"
        )
    return "process"


def bubblewrap_argv(program: str) -> list[str]:
    """The command line up to the command: new namespaces, a root put together from read-only parts, a scratch
    folder in memory, no capabilities beyond those needed to become an unprivileged user."""
    argv = [program, "--die-with-parent", "--new-session", "--as-pid-1"]
    if os.getuid() == 0:  # without a user namespace the worker can become a real user of its own
        argv += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
        argv += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        argv += ["--unshare-all"]
    for path in SYSTEM:
        if Path(path).is_symlink():
            argv += ["--symlink", str(Path(path).readlink()), path]
        elif Path(path).is_dir():
            argv += ["--ro-bind", path, path]
    shown = [path for path in (*CONFIGURATION, *interpreter_folders()) if Path(path).exists()]
    for parent in dict.fromkeys(
        str(parent) for path in shown for parent in reversed(Path(path).parents[:-1])
    ):
        argv += ["--perms", "0755", "--dir", parent]
    for path in shown:
        argv += ["--ro-bind", path, path]
    argv += ["--ro-bind", str(INSIDE), "/sandbox/inside", "--proc", "/proc", "--dev", "/dev"]
    for folder in (SCRATCH, "/dev/shm"):
        argv += ["--perms", "1777", "--size", str(DISK_BYTES), "--tmpfs", folder]
    return [*argv, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", SCRATCH, "--clearenv"]


def interpreter_folders() -> list[str]:
    """Folders of this Python outside the system: its prefix, a virtual environment, its libraries."""
    folders = {sys.base_prefix, sys.base_exec_prefix, sys.prefix}
    folders |= {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
    needed: list[str] = []
    for folder in sorted(folders, key=len):
        if not any(folder == seen or folder.startswith(f"{seen}/") for seen in [*SYSTEM, *needed]):
            needed.append(folder)
    return needed


def environment(scratch: str) -> dict[str, str]:
    """All that a program sees of the environment: nothing of the caller's."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": scratch,
        "TMPDIR": scratch,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",  # the order of sets must not decide a verdict
        "PYTHONDONTWRITEBYTECODE": "1",
        **one_thread,
    }
