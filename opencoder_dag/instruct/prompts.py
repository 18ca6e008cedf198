"""What a language model is asked for each generator, and how its answer is taken apart.

Belongs here: the questions and the parsing of the sections that they ask for. Does not belong here: which
seeds are used and what becomes of an item (`synthesis.py`).

The paper's own prompts are in an appendix that these do not follow; they ask for the parts that OpenCoder,
section 8.1, and Semi-Instruct (methods page, section 5) describe.
"""

from __future__ import annotations

import ast
import re

from opencoder_dag.instruct.formats import Refused

SYSTEM = "You write training material for programmers: exact, self-contained, tested."

EDUCATIONAL = """\
Here is a piece of Python code:

```python
{code}
```

Make an exercise of the idea behind it. Answer with exactly four sections under these headings:

### Task
What has to be programmed, complete in itself, with the function's signature.
### Analysis
The way to the solution, step by step.
### Solution
One self-contained Python code block. Standard library only.
### Tests
One Python code block of ten assert statements, one a line, that call the solution.
"""

PACKAGE = """\
The Python package `{package}` has this function:

{documentation}

Write a self-contained problem that is best solved with it, and its solution. Follow the documentation.
Answer with exactly three sections under these headings:

### Task
### Solution
One Python code block that imports what it needs and defines a function.
### Tests
One Python code block of at least three assert statements.
"""

DIVERSE = """\
Below is text from a web page about programming.

{text}

First keep only the sentences that teach something. Then ask one question about programming that they inspire
({kind}, {difficulty}), understandable without the page, and answer it fully, with commented code where code
helps. Answer with exactly two sections under these headings:

### Question
### Answer
"""
KINDS = ("writing code", "explaining a concept", "finding a bug", "improving code", "choosing a design")
DIFFICULTIES = ("for a beginner", "for an experienced programmer", "for an expert")

SEMI = """\
Somebody wrote this Python code:

```python
{code}
```

Rewrite it as clean, well formatted Python with the same behaviour and the same signature, and say as an
instruction what it does. Answer with exactly two sections under these headings:

### Instruction
### Code
One Python code block.
"""

REAL_USER = """\
A user of a chat assistant wrote this:

{question}

Is it a request about programming? If not, answer with the one word NO. If it is, answer with exactly two
sections under these headings:

### Request
The request, cleaned of names, greetings and slips of the pen, otherwise unchanged.
### Answer
A complete and correct answer, with code in fenced blocks.
"""

SNIPPET = """\
Here is a program:

```python
{code}
```

With its idea as a starting point write another, self-contained piece of Python: one or more functions with
docstrings, standard library only. Answer with exactly two sections under these headings:

### Code
One Python code block.
### Tests
One Python code block of at least five assert statements, one a line, that call the functions.
"""

TEXTBOOK = """\
Here is a program:

```python
{code}
```

Write a section of a textbook about the knowledge behind it: what problem it solves, which idea it uses, where
that idea comes up again, what goes wrong without it. Show the idea with Python code in fenced blocks, which
run one after the other, with asserts for what they should give. Answer with one section under this heading:

### Lesson
"""

_HEADING = re.compile(r"^\s{0,3}#{1,4}\s*\**([A-Za-z ]+?)\**\s*:?\s*$", re.MULTILINE)
_BLOCK = re.compile(r"^[ \t]*```[\w+-]*[^\n]*\n(.*?)^[ \t]*```", re.MULTILINE | re.DOTALL)


def sections_of(answer: str, *names: str) -> dict[str, str]:
    """The named sections of an answer; raises `Refused` when one is missing or empty."""
    marks = [
        (match.group(1).strip().lower(), match.start(), match.end()) for match in _HEADING.finditer(answer)
    ]
    wanted = {name.lower() for name in names}
    marks = [mark for mark in marks if mark[0] in wanted]
    found: dict[str, str] = {}
    for position, (name, _, start) in enumerate(marks):
        end = marks[position + 1][1] if position + 1 < len(marks) else len(answer)
        found.setdefault(name, answer[start:end].strip())
    for name in names:
        if not found.get(name.lower()):
            raise Refused(f"no section '{name}'")
    return {name: found[name.lower()] for name in names}


def code_of(section: str) -> str:
    """The Python of a section: its fenced blocks, or all of it; raises `Refused` when it does not parse."""
    blocks = _BLOCK.findall(section)
    code = "\n".join(block.rstrip() for block in blocks) if blocks else section
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Refused("code that is not Python") from None
    return code.strip()


def blocks_of(section: str) -> list[str]:
    """The fenced blocks of a section."""
    return [block.rstrip() for block in _BLOCK.findall(section)]


def asserts_of(section: str, minimum: int) -> list[str]:
    """The assert statements of a section; raises `Refused` when there are fewer than `minimum`."""
    tree = ast.parse(code_of(section))
    found = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Assert)]
    telling = [
        text for text in found if any(isinstance(node, ast.Call) for node in ast.walk(ast.parse(text)))
    ]
    if len(telling) < minimum:
        raise Refused(f"{len(telling)} asserts that call something, {minimum} needed")
    return telling
