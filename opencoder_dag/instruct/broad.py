"""Stage 1 items: broad ability, from every documented function of a file.

Belongs here: what may be asked of a documented function without running it (write it, explain it, tell where
it is) and which functions are worth asking about.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from opencoder_dag.instruct.items import fenced, item_row, subject_of
from opencoder_dag.mix.draw import draw
from opencoder_dag.mix.functions import Function, without_examples

MIN_SUMMARY_WORDS = 5
MIN_EXPLANATION_WORDS = 15
MAX_CODE_LINES = 60
MAX_TEXT = 900  # characters of a docstring that are passed on

REQUESTS = (
    "Write a Python function with the signature `{signature}`.\n\n{text}",
    "Implement `{signature}` in Python.\n\n{text}",
    "I need a Python function named `{name}`.\n\n{text}\n\nIts signature is `{signature}`.",
    'Complete this Python function:\n\n```python\n{signature}:\n    """{summary}"""\n```',
)
EXPLAIN = (
    "Explain what this Python function does.\n\n{code}",
    "What is the purpose of the following function?\n\n{code}",
    "Describe this Python code in a few sentences.\n\n{code}",
)
LOCATE = (
    "Which function of the Python package `{package}` does this: {summary}",
    "I work with the Python package `{package}`. What should I call for the following? {summary}",
)

# A section of a docstring that is a table of parameters rather than an explanation.
_SECTION = re.compile(
    r"^\s*(:\w+|@\w+|\.\. |(Args|Arguments|Parameters?|Returns?|Yields?|Raises|Keyword|Notes?|References?"
    r"|See Also|Warnings?|Attributes|Examples?|Usage)\b.{0,20}$)",
    re.MULTILINE,
)
_MARKUP = re.compile(r":\w+(?::\w+)?:`~?([^`<]+?)(?:\s*<[^`]*>)?`")
_TRIVIAL = re.compile(r"^\s*(pass|\.\.\.|raise NotImplementedError.*|return|return NotImplemented)\s*$")


def plain(text: str) -> str:
    """Docstring text without the markup of documentation tools."""
    return _MARKUP.sub(r"`\1`", text).replace("``", "`").strip()


def summary_of(docstring: str) -> str:
    """The first sentence or paragraph, on one line."""
    first = plain(without_examples(docstring)).split("\n\n")[0]
    return " ".join(first.split())


def explanation_of(docstring: str) -> str:
    """The paragraphs before the first table of parameters."""
    text = plain(without_examples(docstring))
    cut = _SECTION.search(text)
    return (text[: cut.start()] if cut else text).strip()


def shorten(text: str, limit: int = MAX_TEXT) -> str:
    """The first whole paragraphs that fit; the first one in any case."""
    paragraphs = re.split(r"\n{2,}", text)
    while len(paragraphs) > 1 and len("\n\n".join(paragraphs)) > limit:
        paragraphs.pop()
    return "\n\n".join(paragraphs)


def is_worthwhile(function: Function) -> bool:
    """Whether a function has a public name, a sentence about it in plain letters and some body."""
    if function.name.startswith(("_", "test")):
        return False
    summary = summary_of(function.docstring)
    letters = sum(character.isascii() for character in summary)
    body = [line for line in function.bare_code.splitlines()[1:] if line.strip()]
    return (
        len(summary.split()) >= MIN_SUMMARY_WORDS
        and not summary.startswith((":", "@", "-", "."))
        and letters >= 0.95 * len(summary)
        and "deprecated" not in summary.lower()
        and 2 <= len(body) <= MAX_CODE_LINES
        and not _TRIVIAL.match(body[-1])
    )


def broad_items(functions: list[Function], repo: str, path: str, seed: int) -> Iterator[dict[str, Any]]:
    """One stage 1 item a function; its kind and wording are decided by the function's hash."""
    for function in functions:
        if not is_worthwhile(function):
            continue
        subject = subject_of(function.bare_code)
        number = draw(seed, "instruct_kind", subject)
        kind, wording = number % 100, number // 100
        if kind < 25 and len(explanation_of(function.docstring).split()) >= MIN_EXPLANATION_WORDS:
            item = explain_item(function, repo, path, wording)
        elif 25 <= kind < 40 and (module := module_of(path)) is not None:
            item = locate_item(function, module, repo, path, wording)
        else:
            item = write_item(function, repo, path, wording)
        yield {**item, "subject": subject, "program": None}


def write_item(function: Function, repo: str, path: str, wording: int = 0) -> dict[str, Any]:
    """From signature and docstring to the function."""
    instruction = REQUESTS[wording % len(REQUESTS)].format(
        signature=function.signature,
        name=function.name,
        text=shorten(plain(without_examples(function.docstring))),
        summary=summary_of(function.docstring),
    )
    return item_row(instruction, fenced(function.bare_code), stage=1, kind="write", repo=repo, path=path)


def explain_item(function: Function, repo: str, path: str, wording: int = 0) -> dict[str, Any]:
    """From the function to what its docstring explains."""
    instruction = EXPLAIN[wording % len(EXPLAIN)].format(code=fenced(function.bare_code))
    output = shorten(explanation_of(function.docstring))
    return item_row(instruction, output, stage=1, kind="explain", repo=repo, path=path)


def locate_item(function: Function, module: str, repo: str, path: str, wording: int = 0) -> dict[str, Any]:
    """From what is wanted to the module that has it."""
    summary = summary_of(function.docstring)
    instruction = LOCATE[wording % len(LOCATE)].format(package=module.partition(".")[0], summary=summary)
    output = (
        f"Use `{function.name}` of the module `{module}`:\n\n"
        f"{fenced(f'from {module} import {function.name}')}\n\n"
        f"It is defined as `{function.signature}`."
    )
    return item_row(instruction, output, stage=1, kind="locate", repo=repo, path=path)


def module_of(path: str) -> str | None:
    """The dotted name of a file's module when all of it is public, such as `networkx.algorithms.dag`."""
    parts = list(PurePosixPath(path.removesuffix(".py")).parts)
    if parts and parts[0] in ("src", "lib"):
        parts = parts[1:]
    if parts and parts[-1] == "__init__":
        parts = parts[:-1]
    public = all(part.isidentifier() and not part.startswith("_") for part in parts)
    if (
        not parts
        or not public
        or any(part in ("test", "tests", "setup", "conftest", "docs") for part in parts)
    ):
        return None
    return ".".join(parts)


def functions_called(node: ast.AST) -> set[str]:
    """Names of the functions that code calls by a plain name."""
    return {
        call.func.id
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    }
