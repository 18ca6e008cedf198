"""From what a model said to a program: cutting a completion, finding code, fitting it to a test."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence

LONGEST_LINES = 100
PYTHON = ("python", "py", "python3", "")
FENCE = re.compile(r"```[ \t]*([\w+#-]*)[^\n]*\n(.*?)(?:\n?```|\Z)", re.DOTALL)


def cut_at_stops(text: str, stops: Sequence[str]) -> str:
    """Text up to the first stop string."""
    ends = [found for stop in stops if (found := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text


def parses(source: str) -> bool:
    """Whether source is Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def complete_function(prompt: str, completion: str, stops: Sequence[str]) -> str:
    """The program that a base model made of a prompt: cut at stop strings, then the longest beginning of at
    most 100 lines that parses (a completion that was cut short ends in the middle of a line)."""
    body = cut_at_stops(completion, stops)
    lines = body.splitlines(keepends=True)[:LONGEST_LINES]
    while lines:
        program = prompt + "".join(lines)
        if parses(program):
            return program if program.endswith("\n") else program + "\n"
        lines.pop()
    return prompt + body  # does not parse: let the interpreter say so


def fenced_code(answer: str, languages: Sequence[str] | None = PYTHON) -> str | None:
    """Code of the longest fenced block in one of `languages` (None: any); an open block runs to the end."""
    found = FENCE.findall(answer)
    blocks = [code for language, code in found if languages is None or language.lower() in languages]
    return max(blocks, key=len) if blocks else None


def answered_program(prompt: str, entry_point: str, answer: str) -> str:
    """The program in a chat model's answer.

    Code that defines the entry point stands by itself, after the imports and helpers of the prompt; other
    code is taken as the body of the prompt's function.
    """
    code = fenced_code(answer)
    code = (answer if code is None else code).rstrip() + "\n"
    if not prompt.strip():
        return code
    if re.search(rf"^(?:(?:async )?def|class) {re.escape(entry_point)}\b", code, re.M):
        before = prompt[: _start_of(prompt, entry_point)]
        return f"{before.rstrip()}\n\n{code}" if before.strip() else code
    indented = (
        code if code.startswith((" ", "\t")) else "".join(f"    {line}" for line in code.splitlines(True))
    )
    return complete_function(prompt, indented, ())


def framed(prompt: str, answer: str, imports: str | None, opening: str | None) -> str:
    """An answer in another language with what its test needs of the prompt: lines that import something, and
    the line that opens a class, unless the answer has them."""
    top: list[str] = []
    body: list[str] = []
    for line in answer.splitlines():
        (top if imports and re.fullmatch(imports, line.strip()) else body).append(line)
    begun: list[str] = []
    for line in map(str.strip, prompt.splitlines()):
        if imports and re.fullmatch(imports, line):
            begun.append(line)
        elif opening and re.fullmatch(opening, line) and not _declares(answer, line):
            body.insert(0, line)
    return "\n".join(dict.fromkeys([*begun, *map(str.strip, top)])) + "\n" + "\n".join(body) + "\n"


def _declares(answer: str, opening: str) -> bool:
    found = re.search(r"\b(?:class|object) \w+", opening)
    return found is not None and re.search(rf"\b{found[0]}\b", answer) is not None


def balanced(solution: str, test: str, unbraced: str) -> str:
    """A solution that leaves open just the braces that its test closes.

    Tests of MultiPL-E close the function, those of Java the class; a model that was asked for all of it has
    closed them itself, and one that was stopped at a brace may have left one open too many.
    """
    surplus = -_open_braces(test, unbraced) - _open_braces(solution, unbraced)
    if surplus < 0:
        return solution.rstrip("\n") + "\n" + "}" * -surplus + "\n"
    for _ in range(surplus):
        bare = solution.rstrip()
        if not bare.endswith("}"):
            break
        solution = bare[:-1]
    return solution


def _open_braces(source: str, unbraced: str) -> int:
    bare = re.sub(unbraced, "", source, flags=re.M)
    return bare.count("{") - bare.count("}")


def _start_of(prompt: str, entry_point: str) -> int:
    found = re.search(rf"^def {re.escape(entry_point)}\b", prompt, re.M)
    return found.start() if found else 0
