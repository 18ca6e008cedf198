"""Textbook lessons found on documentation pages: prose that explains, with Python sessions that run.

Belongs here: cutting a page into sections, and turning the interactive sessions of a section into a program
whose asserts say what the page says. Does not belong here: running it (only a lesson whose program passed
enters the mix), and how many lessons are used.

OpenCoder's textbooks were written by a language model (section 5); these are what can be had without one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from opencoder_dag.mix.doctests import docstring_tests
from opencoder_dag.mix.standalone import INSTALLABLE, unbound_names

MIN_WORDS, MAX_CHARACTERS = 30, 6000
_HEADING = re.compile(r"^(#{1,4}\s+\S.*|\S.{2,80}\n(?:={3,}|-{3,}|~{3,}|\^{3,}))\s*$", re.MULTILINE)
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_IMPORT = re.compile(r"^(?:\s*>>> )?\s*((?:import|from) [\w. ,]+(?: import [\w ,*]+)?)\s*$", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z]{2,}|[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Lesson:
    """A section of a page and the program that checks what its sessions show."""

    text: str
    program: str


def lessons(page: str) -> Iterator[Lesson]:
    """The sections of a page that explain something and show at least one result of running Python.

    A section stands on the imports of the page up to its end, and on the packages that it uses by name.
    """
    if ">>>" not in page:
        return
    read = ""
    for section in sections(page):
        read += f"{section}\n"
        if ">>>" not in section or not _explains(section):
            continue
        tests = docstring_tests("\n".join(_unfenced(section)), frozenset(), INSTALLABLE)
        if any(test.startswith("assert ") for test in tests):
            program = "\n".join(tests)
            yield Lesson(section, f"{_imports(read, program)}{program}\n")


def _imports(read: str, program: str) -> str:
    """Tries to import what the page imports, and what the program uses without having it."""
    tree = ast.parse(program)
    wanted = [f"import {name}" for name in sorted(unbound_names(tree))]
    for line in _IMPORT.findall(read):
        try:
            node = ast.parse(line).body[0]
        except (SyntaxError, ValueError):
            continue
        modules = (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [a.name for a in getattr(node, "names", [])]
        )
        if all(module.partition(".")[0] in INSTALLABLE for module in modules):
            wanted.append(line)
    return "".join(f"try:\n    {line}\nexcept ImportError:\n    pass\n" for line in dict.fromkeys(wanted))


def sections(page: str) -> Iterator[str]:
    """A page cut at its headings; a section that is too long is cut at blank lines."""
    fences = _fenced(page)
    marks = [
        match.start()
        for match in _HEADING.finditer(page)
        if not any(start <= match.start() < end for start, end in fences)
    ]
    edges = [0, *(mark for mark in marks if mark > 0), len(page)]
    for start, end in pairwise(edges):
        text = page[start:end].strip("\n")
        while len(text) > MAX_CHARACTERS:
            cut = text.rfind("\n\n", 0, MAX_CHARACTERS)
            cut = cut if cut > 0 else MAX_CHARACTERS
            yield text[:cut].strip("\n")
            text = text[cut:].strip("\n")
        if text:
            yield text


def _fenced(page: str) -> list[tuple[int, int]]:
    """Where fenced blocks begin and end; what looks like a heading there is a comment."""
    marks = [match.start() for match in _FENCE.finditer(page)]
    return list(zip(marks[::2], marks[1::2], strict=False))


def _explains(section: str) -> bool:
    """Whether enough of a section is prose, and not a table of sessions."""
    prose = [
        line for line in section.splitlines() if not line.lstrip().startswith((">>>", "...", "```", "~~~"))
    ]
    return len(_WORD.findall("\n".join(prose))) >= MIN_WORDS


def _unfenced(section: str) -> Iterator[str]:
    """Lines of a section in which the end of a fenced block also ends a session's output."""
    for line in section.splitlines():
        yield "" if re.match(r"[ \t]*(```|~~~)", line) else line
