"""Time the rules: every rule of a file's profile, per CPU second, by language.

Reads the files of a folder (as `fetch_reference.py` leaves them, or any tree of source files), judges each
once to load the compiled kernels, then `--repeats` times, and prints MB and files per CPU second of this
process. With `--profile LANGUAGE` it prints where the time of that language goes.

    python benchmarks/rules.py --reference ../shared/reference --files ../reference-files/files
    python benchmarks/rules.py --tree /usr/lib/python3 --profile python
"""

from __future__ import annotations

import argparse
import csv
import gzip
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from opencoder_dag.rules import SourceFile, judge_file


class Input(NamedTuple):
    text: str
    path: str
    language: str
    doc_type: str
    size: int


def from_reference(tables: Path, files: Path) -> list[Input]:
    with gzip.open(
        tables / "refinecode_decisions_visible.csv.gz", "rt", encoding="utf-8", newline=""
    ) as handle:
        rows = list(csv.DictReader(handle))
    found = []
    for row in rows:
        path = files / row["sha256"]
        if path.exists():
            data = path.read_bytes()
            found.append(Input(data.decode(), row["path"], row["language"], row["doc_type"], len(data)))
    return found


def from_tree(tree: Path) -> list[Input]:
    from opencoder_dag.sources.languages import language_of

    found = []
    for path in sorted(tree.rglob("*")):
        if not path.is_file():
            continue
        try:
            text = path.read_bytes().decode()
        except (UnicodeDecodeError, OSError):
            continue
        language = language_of(str(path), text)
        if language is not None:
            found.append(Input(text, str(path), language.name, language.doc_type, len(text.encode())))
    return found


def judge(given: Input) -> None:
    file = SourceFile(given.text, given.path, given.language, given.doc_type, size=given.size)
    judge_file(file, 0, given.path)


def cpu_seconds(inputs: list[Input], repeats: int) -> float:
    best = float("inf")
    for _ in range(repeats):
        started = time.process_time()
        for given in inputs:
            judge(given)
        best = min(best, time.process_time() - started)
    return best


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reference", type=Path, help="folder with the tables of reference decisions")
    parser.add_argument("--files", type=Path, help="folder that fetch_reference.py filled")
    parser.add_argument("--tree", type=Path, help="any folder of source files instead")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--profile", help="a language whose time to break down")
    parser.add_argument("--most", type=int, default=400, help="files a language")
    arguments = parser.parse_args()
    if arguments.tree:
        inputs = from_tree(arguments.tree)
    elif arguments.reference and arguments.files:
        inputs = from_reference(arguments.reference, arguments.files)
    else:
        parser.error("give --reference and --files, or --tree")
    groups: dict[str, list[Input]] = defaultdict(list)
    for given in inputs:
        if len(groups[given.language]) < arguments.most:
            groups[given.language].append(given)
    if arguments.profile:
        import cProfile
        import pstats

        chosen = groups[arguments.profile]
        cpu_seconds(chosen, 1)
        profiler = cProfile.Profile()
        profiler.runcall(cpu_seconds, chosen, 1)
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)
        return 0
    print("| language | files | MB | MB per CPU s | files per CPU s |")
    print("|---|---|---|---|---|")
    for language, chosen in sorted(groups.items(), key=lambda item: -sum(given.size for given in item[1])):
        megabytes = sum(given.size for given in chosen) / 1e6
        if megabytes < 0.2:
            continue
        cpu_seconds(chosen, 1)
        seconds = cpu_seconds(chosen, arguments.repeats)
        print(
            f"| {language} | {len(chosen)} | {megabytes:.2f} | {megabytes / seconds:.1f} "
            f"| {len(chosen) / seconds:.0f} |",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
