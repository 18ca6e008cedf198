"""Fetch one source distribution by pinned name, through pip's own configuration; run as a program.

`pip download` prepares the metadata of what it fetches, which runs the package's build code. Here pip only
finds the file (its index, credentials, certificates and proxies as configured) and the file is stored as it
is. Belongs here: the little that is used of pip's internals, so that a change of them shows in one place.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

ALGORITHMS = ("sha256", "sha384", "sha512")


def fetch(name: str, version: str, folder: Path) -> Path:
    """Store the source distribution in `folder` and return its path.

    Raises `LookupError` when the index has no source distribution of that version and `ValueError` when the
    file has not the digest that the index states.
    """
    from pip._internal.commands import create_command
    from pip._vendor.packaging.specifiers import SpecifierSet

    command: Any = create_command("download")
    options, _ = command.parser.parse_args(["--no-deps", "--no-binary", ":all:", f"{name}=={version}"])
    with command.main_context():
        session = command._build_session(options)
        finder = command._build_package_finder(options=options, session=session)
        best = finder.find_best_candidate(name, specifier=SpecifierSet(f"==={version}")).best_candidate
        if best is None or best.link.is_wheel:
            raise LookupError(f"the index has no source distribution of {name} {version}")
        link = best.link
        content = Path(link.file_path).read_bytes() if link.is_file else _download(session, link.url)
    if link.hash_name in ALGORITHMS and hashlib.new(link.hash_name, content).hexdigest() != link.hash:
        raise ValueError(f"{link.filename} has not the digest that the index states")
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{link.filename}.part"
    partial.write_bytes(content)
    return partial.rename(folder / link.filename)


def _download(session: Any, url: str) -> bytes:
    answer = session.get(url, headers={"Accept-Encoding": "identity"})
    answer.raise_for_status()
    return bytes(answer.content)


def main() -> int:
    """Fetch what the arguments name; print its path, or one line of error with exit status 1."""
    name, version, folder = sys.argv[1:]
    try:
        print(fetch(name, version, Path(folder)))
    except ModuleNotFoundError:
        print("pip is not installed in this environment", file=sys.stderr)
        return 1
    except Exception as error:
        print(" ".join(str(error).split()) or type(error).__name__, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
