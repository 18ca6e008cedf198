"""Generators over an endpoint: good answers become items, bad ones are refused or fail, all is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opencoder_dag.engine import SerialEngine
from opencoder_dag.instruct import build_instruct_data
from opencoder_dag.instruct.diverse import diverse_items
from opencoder_dag.instruct.formats import Refused
from opencoder_dag.instruct.llm import ChatModel
from opencoder_dag.instruct.prompts import asserts_of, code_of, sections_of
from opencoder_dag.instruct.synthesis import counting_program, read_count
from opencoder_dag.lake import Dataset, Lake
from opencoder_dag.mix import select_held_out
from opencoder_dag.recipe import InstructionSet, Sft, SftStage
from opencoder_dag.sandbox import SandboxOptions, run_programs
from tests.instruct.server import ChatServer
from tests.mix.corpora import code_row, put

OPTIONS = SandboxOptions(kind="process", workers=1)

TESTED = (
    'def confine(value, low, high):\n    """Keep a value between a low and a high bound, both included.\n\n'
    "    >>> confine(5, 1, 3)\n    3\n    >>> confine(0, 1, 3)\n    1\n"
    '    """\n    result = min(max(value, low), high)\n    return result\n'
)
UNTESTED = (
    "def initials(name: str) -> str:\n"
    '    """Return the first letters of the words of a name in upper case."""\n'
    "    letters = [word[0] for word in name.split()]\n    return ''.join(letters).upper()\n"
)
NAMES = (
    "from elsewhere import machinery\n\n\ndef canonicalize_name(name):\n"
    '    """Give a name the one spelling that all share.\n\n'
    "    >>> canonicalize_name('A_b')\n    'a-b'\n"
    '    """\n    value = machinery(name)\n    return value\n'
)
PAGE = """\
# A tool

## How to read many files at once?

To read many files give their folder to the reader, which goes through them one by one and joins what it
finds in the order of their names, so that nothing is lost.

```python
reader.read('folder')
```

## License

```
MIT license text goes here for all of us, as it does in every project that there is and ever was, they say
```
"""

EXERCISE = """\
### Task
Write `triple(x)` that returns three times x.
### Analysis
Multiply by three.
### Solution
```python
def triple(x):
    return {factor} * x
```
### Tests
```python
assert triple(1) == 3
assert triple(0) == 0
assert triple(-2) == -6
```
"""
PACKAGED = """\
### Task
Write `same(a, b)` that tells whether two project names are the same.
### Solution
```python
from packaging.utils import canonicalize_name

def same(a, b):
    return canonicalize_name(a) == canonicalize_name(b)
```
### Tests
```python
assert same("A_b", "a-b")
assert same("x", "X")
assert not same("x", "y")
```
"""
REWRITTEN = """\
### Instruction
Build the initials of a name, in upper case.
### Code
```python
def initials(name: str) -> str:
    return "".join(word[0].upper() for word in name.split())
```
"""
QUESTION = "### Question\nHow are many files read in one go?\n### Answer\nGive the folder to the reader.\n"
REQUEST = "### Request\nSort a list of numbers in Rust.\n### Answer\n```rust\nv.sort();\n```\n"


def answer(request: dict[str, Any]) -> tuple[int, Any]:
    text = request["messages"][-1]["content"]
    if "Make an exercise" in text:
        return 200, EXERCISE.format(factor=3 if "confine" in text else 4)
    if "Rewrite it as clean" in text:
        # The second of the competing rewritings is wrong.
        return 200, REWRITTEN if request["seed"] == 0 else REWRITTEN.replace("word[0]", "word[-1]")
    if "Write a self-contained problem" in text:
        return 200, PACKAGED
    if "a user of a chat" in text.lower():
        return 200, "NO." if "poem" in text else REQUEST
    assert "Below is text from a web page" in text
    return 200, QUESTION


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def built(lake: Lake, url: str | None, sets: list[InstructionSet]) -> Dataset:
    rows = [
        code_row("confine", TESTED, repo="one"),
        code_row("initials", UNTESTED, repo="two"),
        code_row("packaging/utils", NAMES, repo="three"),
    ]
    pages = [code_row("page", PAGE, repo="example.org") | {"language": "markdown", "doc_type": "text"}]
    raw, web = put(lake, "raw_code", rows), put(lake, "web_recall", pages)
    held_out = select_held_out(lake, put(lake, "other_code", []), SerialEngine())
    config = Sft(stage1=SftStage(max_items=50), stage2=SftStage(max_items=50), sets=sets)
    model = ChatModel(url, retries=1, pause=0.01) if url else None
    return build_instruct_data(
        lake, raw, web, held_out, config, ["ladder"], 0, OPTIONS, SerialEngine(), model=model
    )


def chats(tmp_path: Path) -> list[InstructionSet]:
    def row(question: str) -> dict[str, Any]:
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": "weak"}]
        return {"conversation": turns, "toxic": False}

    path = tmp_path / "chats.jsonl"
    rows = [row("hi, can u sort a list of numbers in rust plz"), row("Write a poem about Python code.")]
    path.write_text("\n".join(map(json.dumps, rows)))
    return [InstructionSet(source=str(path), real_users=True)]


def test_every_generator_gives_verified_items(lake: Lake, tmp_path: Path) -> None:
    with ChatServer(answer) as server:
        data = built(lake, server.url, chats(tmp_path))
        kept = {row["kind"]: row for row in data.read().to_pylist()}
        removed = data.read("removed").to_pylist()
        reasons = {(row["path"], row["reason"]) for row in removed}
        asked = len(server.requests)
        # An interrupted run does not ask again.
        Path(data.path, "manifest.json").unlink()
        assert built(lake, server.url, chats(tmp_path)).digest == data.digest
        assert len(server.requests) == asked
    assert set(kept) >= {
        "educational_llm",
        "package_llm",
        "diverse_llm",
        "real_user",
        "semi_instruct",
        "diverse",
    }
    assert (
        "triple" in kept["educational_llm"]["instruction"]
        and "Multiply by three." in kept["educational_llm"]["output"]
    )
    assert kept["real_user"]["instruction"] == "Sort a list of numbers in Rust."
    assert kept["diverse_llm"]["stage"] == kept["real_user"]["stage"] == 1
    # The rewriting replaced the tidied original, because it passes what the original returned.
    assert "word[0].upper()" in kept["semi_instruct"]["output"]
    assert kept["semi_instruct"]["instruction"].startswith("Build the initials of a name")
    assert data.manifest.facts["rewritings"] == {"asked": 1, "parsed": 2, "all_passed": 1, "some_failed": 0}
    # The exercise made of the other seed fails its own tests; the poem is refused; originals are replaced.
    assert ("initials.py", "test_failed") in reasons
    assert ("chats.jsonl:1", "unusable") in reasons
    assert ("chats.jsonl:0", "rewritten") in reasons


def test_a_model_that_answers_nonsense_adds_nothing(lake: Lake, tmp_path: Path) -> None:
    with ChatServer(lambda request: (200, "I am a teapot.")) as server:
        data = built(lake, server.url, chats(tmp_path))
    kinds = set(data.read()["kind"].to_pylist())
    assert not any(kind.endswith("_llm") for kind in kinds) and "semi_instruct" in kinds
    why = [
        json.loads(row["evidence"])["why"]
        for row in data.read("removed").to_pylist()
        if row["reason"] == "unusable"
    ]
    assert sum("no section" in text for text in why) >= 4


def test_without_a_model_the_graph_is_offline(lake: Lake) -> None:
    data = built(lake, None, [])
    assert {"educational", "semi_instruct", "package", "diverse"} <= set(data.read()["kind"].to_pylist())
    assert data.manifest.facts["rewritings"] == {}


def test_headings_that_say_something_are_questions() -> None:
    (item,) = diverse_items(PAGE, "example.org", "/reader")
    assert item["instruction"] == "How to read many files at once? (about: A tool)"
    assert item["output"].startswith("To read many files") and "License" not in item["output"]
    assert not list(diverse_items(PAGE.replace("# ", ""), "example.org", "/unmarked"))
    marked = PAGE.replace("How to", "[Use `read_many`](x.html) ![a](b.svg)<br> to")
    (item,) = diverse_items(marked, "example.org", "/marked")
    assert item["instruction"].startswith("Use read_many to read many files")


def test_sections_are_found_however_they_are_marked() -> None:
    text = "Sure!\n\n## **Task**\nDo it.\n#### Solution:\n```python\nx = 1\n```\n"
    assert sections_of(text, "Task", "Solution") == {"Task": "Do it.", "Solution": "```python\nx = 1\n```"}
    with pytest.raises(Refused, match="no section 'Tests'"):
        sections_of(text, "Task", "Tests")


def test_code_and_asserts_are_checked_before_they_are_run() -> None:
    assert code_of("Here:\n```py\na = 1\n```\nand\n```\nb = 2\n```") == "a = 1\nb = 2"
    with pytest.raises(Refused, match="not Python"):
        code_of("```python\nlet x = 1;\n```")
    assert asserts_of("```python\nassert f(1)==2\nx = 3\nassert f(2) == x\n```", 2) == [
        "assert f(1) == 2",
        "assert f(2) == x",
    ]
    with pytest.raises(Refused, match="0 asserts that call something, 1 needed"):
        asserts_of("assert True", 1)


def test_rewritings_are_ranked_by_the_cases_they_pass() -> None:
    tests = ["assert f(1) == 1", "assert f(2) == 4", "assert f(3) == 9", "assert f('x') == 1"]
    codes = ["def f(x): return x * x", "def f(x): return x", "def f(x): raise SystemExit"]
    details = [run.detail for run in run_programs([counting_program(code, tests) for code in codes], OPTIONS)]
    assert [read_count(detail) for detail in details] == [3, 1, 0]
