"""Programs in other languages: which tools they need, and how they are built and run inside the sandbox.

Such a program passes when it ends with status 0: the test stands behind the solution in one file, as
MultiPL-E has it, so unlike a Python solution it could leave early and pass.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from opencoder_dag.errors import InputError


@dataclass(frozen=True)
class Toolchain:
    """File name, commands to build and run it, and how tests and solutions are told apart."""

    file: str
    run: tuple[str, ...]
    build: tuple[str, ...] = ()

    @property
    def tools(self) -> tuple[str, ...]:
        """Programs that must be on the path."""
        return tuple(argv[0] for argv in (self.build, self.run) if argv and not argv[0].startswith("./"))


TOOLCHAINS = {
    "cpp": Toolchain("main.cpp", ("./main",), ("g++", "-std=c++17", "-O0", "-w", "main.cpp", "-o", "main")),
    "cs": Toolchain(
        "main.cs", ("mono", "main.exe"), ("csc", "/nologo", "/debug", "main.cs", "/out:main.exe")
    ),
    "go": Toolchain("main_test.go", ("go", "test", "main_test.go")),
    "java": Toolchain(
        "Problem.java", ("java", "-ea", "-cp", ".", "Problem"), ("javac", "-nowarn", "Problem.java")
    ),
    "js": Toolchain("main.js", ("node", "main.js")),
    "php": Toolchain("main.php", ("php", "main.php")),
    "rb": Toolchain("main.rb", ("ruby", "main.rb")),
    "rs": Toolchain("main.rs", ("./main",), ("rustc", "main.rs", "-o", "main")),
    "sh": Toolchain("main.sh", ("bash", "main.sh")),
    "ts": Toolchain(
        "main.ts", ("node", "main.js"), ("tsc", "--target", "es2020", "--types", "node", "main.ts")
    ),
}
VISIBLE = "/usr/local/bin:/usr/bin:/bin"  # the path inside the sandbox

RUNNER = """
import subprocess

with open({file!r}, "w", encoding="utf-8") as handle:
    handle.write({source!r})
for argv in {commands!r}:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 0, (done.stderr or done.stdout)[-300:].decode("utf-8", "replace")
"""


def missing_tools(language: str) -> list[str]:
    """Tools that a language needs and that are not in the sandbox; raises `InputError` for an unknown one."""
    if language not in TOOLCHAINS:
        raise InputError(f"no tool chain for '{language}' (known: {', '.join(sorted(TOOLCHAINS))})")
    return [tool for tool in TOOLCHAINS[language].tools if shutil.which(tool, path=VISIBLE) is None]


def tool_program(language: str, source: str) -> str:
    """A Python program that builds and runs a source in another language and fails where that does."""
    chain = TOOLCHAINS[language]
    commands = [list(argv) for argv in (chain.build, chain.run) if argv]
    return RUNNER.format(file=chain.file, source=source, commands=commands)
