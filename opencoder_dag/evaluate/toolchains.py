"""Programs in other languages: which tools they need, and how they are built and run inside the sandbox.

Such a program passes when it ends with status 0: the test stands behind the solution in one file, as
MultiPL-E and McEval have it, so unlike a Python solution it could leave early and pass.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cache

from opencoder_dag.errors import InputError
from opencoder_dag.sandbox import SandboxOptions, run_programs

# What braces do not count in, for languages with C's comments and for those with the shell's.
C_LIKE = r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*(?:.|\n)*?\*/'
SHELL_LIKE = r'"(?:\\.|[^"\\])*"|\'[^\']*\'|(?:^|(?<=\s))#[^\n]*'

# Node only prints when an assertion of this kind fails.
STRICT_CONSOLE = (
    'console.assert = (good, ...words) => { if (!good) throw new Error("assertion: " + words.join(" ")); };\n'
)


@dataclass(frozen=True)
class Toolchain:
    """File name, and the commands that build and run it.

    `before` goes ahead of every program. `trial` is a source that has to pass before the tools count as
    present, where being on the path is not enough. How an answer is put together with a prompt and a test:
    `imports` and `opening` are patterns of a prompt's lines that the test needs (see `extract.framed`), and
    `unbraced` what is not looked at when braces are counted (see `extract.balanced`; None: no braces).
    """

    file: str
    run: tuple[str, ...]
    build: tuple[str, ...] = ()
    before: str = ""
    trial: str | None = None
    imports: str | None = None
    opening: str | None = None
    unbraced: str | None = None

    @property
    def tools(self) -> tuple[str, ...]:
        """Programs that must be on the path."""
        return tuple(argv[0] for argv in (self.build, self.run) if argv and not argv[0].startswith("./"))


INCLUDES = r"#include.*|using namespace .*;"
CLASS = r"(?:(?:public|final|abstract|static|internal) )*class \w+.*\{"
JAVA_MEMORY = (
    *("-Xmx1g", "-XX:+UseSerialGC", "-XX:CompressedClassSpaceSize=64m", "-XX:ReservedCodeCacheSize=64m"),
    *("-XX:TieredStopAtLevel=1", "-Xshare:auto"),
)
REQUIRES = r"(?:const|let|var) .*\brequire\(.*|import .*"

TOOLCHAINS = {
    "c": Toolchain(
        "main.c",
        ("./main",),
        ("gcc", "-O0", "-w", "main.c", "-o", "main", "-lm", "-pthread"),
        imports=INCLUDES,
        unbraced=C_LIKE,
    ),
    "coffee": Toolchain("main.coffee", ("coffee", "main.coffee")),
    "common_lisp": Toolchain("main.lisp", ("sbcl", "--script", "main.lisp")),
    "cpp": Toolchain(
        "main.cpp",
        ("./main",),
        ("g++", "-std=c++17", "-O0", "-w", "main.cpp", "-o", "main", "-pthread"),
        imports=INCLUDES,
        unbraced=C_LIKE,
    ),
    "cs": Toolchain(
        "main.cs",
        ("mono", "main.exe"),
        ("csc", "/nologo", "/debug", "main.cs", "/out:main.exe"),
        imports=r"using .*;",
        opening=CLASS,
        unbraced=C_LIKE,
    ),
    "dart": Toolchain("main.dart", ("dart", "run", "--enable-asserts", "main.dart"), unbraced=C_LIKE),
    "elixir": Toolchain("main.exs", ("elixir", "main.exs")),
    "emacs_lisp": Toolchain("main.el", ("emacs", "--batch", "-l", "cl-lib", "-l", "main.el")),
    "go": Toolchain("main_test.go", ("go", "test", "main_test.go"), unbraced=C_LIKE),
    "groovy": Toolchain("main.groovy", ("groovy", "main.groovy"), unbraced=C_LIKE),
    "haskell": Toolchain("main.hs", ("runghc", "main.hs")),
    # Java takes a source file by itself: its first class is run, whatever the file is called.
    # It reserves far more addresses than it uses unless told, and reads its settings from /etc.
    "java": Toolchain(
        "Main.java",
        ("java", *JAVA_MEMORY, "-ea", "Main.java"),
        trial="class Trial { public static void main(String[] words) {} }",
        imports=r"import .*;",
        opening=CLASS,
        unbraced=C_LIKE,
    ),
    "js": Toolchain("main.js", ("node", "main.js"), before=STRICT_CONSOLE, imports=REQUIRES, unbraced=C_LIKE),
    "julia": Toolchain("main.jl", ("julia", "main.jl")),
    "kotlin": Toolchain("main.kts", ("kotlinc", "-script", "main.kts"), unbraced=C_LIKE),
    "lua": Toolchain("main.lua", ("lua", "main.lua")),
    "pascal": Toolchain("main.pas", ("./main",), ("fpc", "-MObjfpc", "-Sa", "main.pas")),
    "perl": Toolchain("main.pl", ("perl", "main.pl"), imports=r"use .*;"),
    "php": Toolchain(
        "main.php",
        ("php", "-d", "zend.assertions=1", "-d", "assert.exception=1", "main.php"),
        imports=r"<\?php",
        unbraced=C_LIKE,
    ),
    "powershell": Toolchain("main.ps1", ("pwsh", "-File", "main.ps1")),
    "r": Toolchain("main.R", ("Rscript", "main.R")),
    "rb": Toolchain("main.rb", ("ruby", "main.rb"), imports=r"require .*"),
    "rs": Toolchain(
        "main.rs", ("./main",), ("rustc", "main.rs", "-o", "main"), imports=r"use .*;", unbraced=C_LIKE
    ),
    "scala": Toolchain(
        "main.scala",
        ("scala", "main.scala"),
        imports=r"import .*",
        opening=r"object \w+.*\{",
        unbraced=C_LIKE,
    ),
    "sh": Toolchain("main.sh", ("bash", "main.sh"), imports=r"#!.*", unbraced=SHELL_LIKE),
    "swift": Toolchain("main.swift", ("swift", "main.swift"), imports=r"import .*"),
    "tcl": Toolchain("main.tcl", ("tclsh", "main.tcl"), imports=r"package .*"),
    "ts": Toolchain(
        "main.ts",
        ("node", "main.js"),
        ("tsc", "--target", "es2020", "--types", "node", "main.ts"),
        before=STRICT_CONSOLE,
        imports=REQUIRES,
        unbraced=C_LIKE,
    ),
    "vim": Toolchain("main.vim", ("vim", "-N", "-u", "NONE", "-es", "-S", "main.vim", "-c", "qa!")),
}
TRIAL_SECONDS = 20.0
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
    if language.startswith("python"):
        return []
    if language not in TOOLCHAINS:
        raise InputError(f"no tool chain for '{language}' (known: {', '.join(sorted(TOOLCHAINS))})")
    absent = [tool for tool in TOOLCHAINS[language].tools if shutil.which(tool, path=VISIBLE) is None]
    return absent or _failed_trial(language)


@cache
def _failed_trial(language: str) -> list[str]:
    """The tool that is installed but does not start in the sandbox; that would score as wrong answers."""
    chain = TOOLCHAINS[language]
    if chain.trial is None:
        return []
    options = SandboxOptions(seconds=TRIAL_SECONDS, memory_bytes=4 << 30, workers=1)
    (outcome,) = run_programs([tool_program(language, chain.trial)], options)
    return [] if outcome.passed else [f"{chain.run[0]} (it is, but does not start in the sandbox)"]


def tool_program(language: str, source: str) -> str:
    """A Python program that builds and runs a source in another language and fails where that does."""
    chain = TOOLCHAINS[language]
    commands = [list(argv) for argv in (chain.build, chain.run) if argv]
    return RUNNER.format(file=chain.file, source=chain.before + source, commands=commands)
