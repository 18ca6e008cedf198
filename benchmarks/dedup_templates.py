"""The labelled dedup corpus with other hard negatives: families that no setting was chosen by.

Belongs here: four families (a command-line tool, a table of records, a build file, a state machine), each
filled with different content, and the call of the generator of labelled corpora (`make_corpus.py`) with them
in place of its own. Its arguments are passed on; `--hard-ceiling` says how alike two of a family may be.

    python -m benchmarks.dedup_templates MAKE_CORPUS.py --with-near-duplicates --source DIR --out OUT.parquet
"""

# ruff: noqa: E501 - the lines of a template are what they are

from __future__ import annotations

import importlib.util
import random
import sys

WORDS = [
    "amber",
    "basil",
    "cobalt",
    "delta",
    "ember",
    "fjord",
    "glacier",
    "hazel",
    "indigo",
    "jasper",
    "kelp",
    "lilac",
    "mesa",
    "nickel",
    "onyx",
    "pebble",
    "quartz",
    "raven",
    "sable",
    "tundra",
    "umber",
    "violet",
    "willow",
    "xenon",
    "yarrow",
    "zephyr",
    "acorn",
    "birch",
    "cedar",
    "dune",
]
SCALARS = ("int", "str", "float", "bool", "Path", "Decimal")


def command_line_tool(rng: random.Random, noun: str) -> str:
    """An argument parser: the frame is shared, options and their help differ."""
    options = "\n".join(
        f'    parser.add_argument("--{name}", type={rng.choice(SCALARS)}, default={rng.randint(0, 9999)}, '
        f'help="{" ".join(rng.sample(WORDS, 4))}")'
        for name in rng.sample(WORDS, rng.randint(6, 10))
    )
    steps = "\n".join(
        f"    result = {rng.choice(WORDS)}(result, {rng.choice(WORDS)}={rng.randint(2, 999)})"
        for _ in range(rng.randint(5, 9))
    )
    return f'''#!/usr/bin/env python3
"""Command line of {noun}."""
import argparse
import logging
import sys
from decimal import Decimal
from pathlib import Path

log = logging.getLogger("{noun}")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verbose", action="store_true", help="print what is done")
    parser.add_argument("--output", type=Path, default=Path("out"), help="folder to write results to")
{options}
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    logging.basicConfig(level=logging.DEBUG if args.verbose else logging.INFO)
    result = vars(args)
{steps}
    args.output.mkdir(parents=True, exist_ok=True)
    (args.output / "result.txt").write_text(str(result), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
'''


def record_table(rng: random.Random, noun: str) -> str:
    """SQL: one header and one schema, rows of their own."""
    rows = ",\n".join(
        f"    ({index}, '{rng.choice(WORDS)} {rng.choice(WORDS)}', {rng.randint(1, 99999)}, {rng.random():.4f})"
        for index in range(1, rng.randint(20, 45))
    )
    return f"""-- Fixture of {noun}; generated, do not edit.
BEGIN TRANSACTION;
DROP TABLE IF EXISTS {noun};
CREATE TABLE {noun} (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name VARCHAR(255) NOT NULL,
    amount BIGINT NOT NULL DEFAULT 0,
    ratio DOUBLE PRECISION NOT NULL DEFAULT 0.0,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX {noun}_by_name ON {noun} (name);
INSERT INTO {noun} (id, name, amount, ratio) VALUES
{rows};
COMMIT;
"""


def build_file(rng: random.Random, noun: str) -> str:
    """CMake: the same opening and closing, sources and definitions of their own."""
    sources = "\n".join(
        f"  src/{rng.choice(WORDS)}_{rng.choice(WORDS)}.cpp" for _ in range(rng.randint(15, 30))
    )
    flags = "\n".join(
        f"target_compile_definitions({noun} PRIVATE {rng.choice(WORDS).upper()}_{rng.choice(WORDS).upper()}={rng.randint(0, 64)})"
        for _ in range(rng.randint(8, 14))
    )
    return f"""cmake_minimum_required(VERSION 3.20)
project({noun} LANGUAGES CXX)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(GNUInstallDirs)
add_library({noun} STATIC
{sources}
)
target_include_directories({noun} PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}}/include)
{flags}
install(TARGETS {noun} ARCHIVE DESTINATION ${{CMAKE_INSTALL_LIBDIR}} LIBRARY DESTINATION ${{CMAKE_INSTALL_LIBDIR}})
install(DIRECTORY include/ DESTINATION ${{CMAKE_INSTALL_INCLUDEDIR}})
"""


def state_machine(rng: random.Random, noun: str) -> str:
    """Go: a loop that is shared, transitions that are not."""
    cases = "\n".join(
        f'\tcase "{rng.choice(WORDS)}_{rng.randint(0, 99)}":\n\t\tm.{rng.choice(WORDS)} += {rng.randint(1, 999)}\n'
        f'\t\tm.state = "{rng.choice(WORDS)}_{rng.randint(0, 99)}"'
        for _ in range(rng.randint(10, 18))
    )
    return f"""// Package {noun} is a state machine.
package {noun}

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

var ErrStopped = errors.New("{noun}: stopped")

type Machine struct {{
	mu    sync.Mutex
	state string
	steps int
}}

func (m *Machine) Step(ctx context.Context, event string) error {{
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {{
		return fmt.Errorf("step %d: %w", m.steps, err)
	}}
	switch event {{
{cases}
	default:
		return ErrStopped
	}}
	m.steps++
	return nil
}}
"""


FAMILIES = {
    "tool": (command_line_tool, "Python", "py"),
    "table": (record_table, "SQL", "sql"),
    "build": (build_file, "CMake", "cmake"),
    "machine": (state_machine, "Go", "go"),
}


def main() -> None:
    """Run the generator with these families."""
    found = importlib.util.spec_from_file_location("make_corpus", sys.argv[1])
    if found is None or found.loader is None:
        raise SystemExit(f"{sys.argv[1]}: not a Python file")
    generator = importlib.util.module_from_spec(found)
    found.loader.exec_module(generator)
    generator.TEMPLATES = FAMILIES
    del sys.argv[1]
    generator.main()


if __name__ == "__main__":
    main()
