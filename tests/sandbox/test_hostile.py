"""Programs that cheat, break out, hang or blow up: none passes, and nothing of them is left.

Each file of `hostile/` defines `solve(a, b)`, which is asked for sums. It answers wrongly, or rightly only if
its attack has worked, so a pass is a hole. A program runs in two forms: its test behind it in one module, and
its test in the process of an examiner. Programs named `examined_*` compare or read what the first form
cannot hide, so they run in the second form only; what only hangs or blows up runs in the first form only.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from opencoder_dag.sandbox import Outcome, Program, SandboxOptions, bubblewrap_problem, run_programs

HOSTILE = sorted((Path(__file__).parent / "hostile").glob("*.py"))
TEST = "assert solve(2, 3) == 5\nassert solve(-1, 1) == 0\n"
HONEST = "def solve(a, b):\n    return a + b\n"
PROJECT = Path(__file__).parents[2]
SECRET = "CANARY_SECRET_7f3a"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A home folder with a canary, a secret in the environment, and two servers to be reached."""
    home = tmp_path_factory.mktemp("home")
    (home / "CANARY").write_text("alive")
    name = f"hostile-test-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(f"\0{name}")
        local.listen()
        os.environ["OPENCODER_CANARY"] = SECRET
        yield {
            "HOST_HOME": str(home),
            "HOST_PROJECT": str(PROJECT),
            "HOST_PORT": str(server.getsockname()[1]),
            "HOST_SOCKET": name,
        }
        del os.environ["OPENCODER_CANARY"]


def source_of(path: Path, host: dict[str, str]) -> str:
    text = path.read_text(encoding="utf-8")
    for word, value in host.items():
        text = text.replace(word, value)
    return text


def fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path).encode() + path.read_bytes())
    return digest.hexdigest()


def descendants() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


def run_among_honest(
    programs: list[str | Program], honest: str | Program, options: SandboxOptions
) -> list[Outcome]:
    """Outcomes of the programs; between them honest ones run, which must all pass."""
    batch: list[str | Program] = [honest]
    for program in programs:
        batch += [program, honest]
    outcomes = run_programs(batch, options)
    assert [outcome.verdict for outcome in outcomes[::2]] == ["passed"] * (len(programs) + 1)
    return outcomes[1::2]


def test_there_are_enough_of_them() -> None:
    assert len(HOSTILE) >= 60
    namespace: dict[str, object] = {}
    exec(HONEST + TEST, namespace)


@pytest.mark.skipif(bubblewrap_problem() is not None, reason=f"bubblewrap: {bubblewrap_problem()}")
@pytest.mark.parametrize("examined", [False, True], ids=["one process", "examined"])
def test_none_passes_and_nothing_is_left(examined: bool, host: dict[str, str]) -> None:
    before = descendants()
    tree = fingerprint(PROJECT / "opencoder_dag" / "sandbox")
    options = SandboxOptions(kind="bubblewrap", seconds=0.3, memory_bytes=512 << 20, workers=2)
    other_form = ("bomb_", "hang_") if examined else ("examined_",)
    paths = [path for path in HOSTILE if not path.name.startswith(other_form)]
    sources = [source_of(path, host) for path in paths]
    if examined:
        programs: list[str | Program] = [Program(source, TEST, ("solve",)) for source in sources]
        outcomes = run_among_honest(programs, Program(HONEST, TEST, ("solve",)), options)
    else:
        outcomes = run_among_honest([f"{source}\n{TEST}" for source in sources], HONEST + TEST, options)
    passed = [path.stem for path, outcome in zip(paths, outcomes, strict=True) if outcome.passed]
    assert passed == []
    broken = [
        (path.stem, outcome.detail)
        for path, outcome in zip(paths, outcomes, strict=True)
        if outcome.verdict == "error"
    ]
    assert broken == []
    # The clock of each program stopped at its limit; what is above is the last look of the guard.
    assert max(outcome.seconds for outcome in outcomes) < options.seconds * 12
    assert descendants() == before
    home = Path(host["HOST_HOME"])
    assert [path.name for path in home.iterdir()] == ["CANARY"]
    assert (home / "CANARY").read_text() == "alive"
    assert fingerprint(PROJECT / "opencoder_dag" / "sandbox") == tree


@pytest.mark.parametrize("examined", [False, True], ids=["one process", "examined"])
def test_the_verdict_holds_without_namespaces(examined: bool, host: dict[str, str]) -> None:
    """Limits only: the host is open, so only what tries to forge or to leave early runs."""
    paths = [path for path in HOSTILE if path.name.startswith(("forge_", "exit_"))]
    paths += [path for path in HOSTILE if examined and path.name.startswith("examined_")]
    if os.getuid() == 0 and not examined:  # root may read the memory of any process, its own at least
        paths = [path for path in paths if path.stem != "forge_secret_by_memory_file"]
    sources = [source_of(path, host) for path in paths]
    options = SandboxOptions(kind="process", seconds=0.3, memory_bytes=512 << 20)
    before = descendants()
    if examined:
        programs: list[str | Program] = [Program(source, TEST, ("solve",)) for source in sources]
        outcomes = run_among_honest(programs, Program(HONEST, TEST, ("solve",)), options)
    else:
        outcomes = run_among_honest([f"{source}\n{TEST}" for source in sources], HONEST + TEST, options)
    assert [path.stem for path, outcome in zip(paths, outcomes, strict=True) if outcome.passed] == []
    assert descendants() == before
