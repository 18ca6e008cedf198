"""What a definition needs to stand alone: imports of the standard library and helpers of its own file.

Belongs here: what the names of a file's top level stand for, and gathering those that a definition uses.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
import sys
import warnings
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from opencoder_dag.mix.functions import FunctionNode

# Results of these change from run to run or need what a sandbox does not give.
_UNSTABLE = """
    asyncio concurrent ctypes curses datetime faulthandler gc getpass glob http idlelib locale logging
    mmap multiprocessing nntplib os pathlib pdb platform pty pwd random readline resource secrets select
    selectors shutil signal site smtplib socket socketserver ssl subprocess sys sysconfig syslog
    telnetlib tempfile termios threading time tkinter tracemalloc tty turtle urllib uuid venv webbrowser
    winreg
"""
UNSTABLE_MODULES = frozenset(_UNSTABLE.split())
STABLE_MODULES = frozenset(sys.stdlib_module_names) - UNSTABLE_MODULES


class _Installable(Container[str]):
    """Any module but those whose results change from run to run."""

    def __contains__(self, name: object) -> bool:
        return name not in UNSTABLE_MODULES


INSTALLABLE = _Installable()
BUILTINS = frozenset(dir(builtins)) - {"exit", "quit", "input", "open", "breakpoint", "help"}
MAX_HELPERS = 6
MAX_LINES = 120


@dataclass
class Module:
    """What the names of a file's top level stand for."""

    source: str
    tree: ast.Module
    lines: list[str] = field(default_factory=list)
    imports: dict[str, str | None] = field(default_factory=dict)  # name to statement; None: not to be had
    definitions: dict[str, ast.stmt] = field(default_factory=dict)
    needs: dict[str, frozenset[str]] = field(default_factory=dict)  # definition to global names it uses

    @classmethod
    def read(cls, source: str, tree: ast.Module) -> Module | None:
        """Collect the top level; None when the compiler refuses what the parser took."""
        module = cls(source, tree, re.split(r"\r\n|\r|\n", source))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                table = symtable.symtable(source, "module", "exec")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
        inner: dict[str, set[str]] = {}
        for child in table.get_children():
            inner.setdefault(child.get_name(), set()).update(_globals(child))
        for node in tree.body:
            module._take(node, inner)
        return module

    def _take(self, node: ast.stmt, inner: Mapping[str, set[str]]) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                name = alias.asname or root
                text = f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
                self.imports[name] = text if root in STABLE_MODULES else None
        elif isinstance(node, ast.ImportFrom):
            known = not node.level and (node.module or "").partition(".")[0] in STABLE_MODULES
            for alias in node.names:
                text = f"from {node.module} import {alias.name}" + (
                    f" as {alias.asname}" if alias.asname else ""
                )
                self.imports[alias.asname or alias.name] = text if known and alias.name != "*" else None
        elif isinstance(node, FunctionNode | ast.ClassDef):
            self._define(node.name, node, loaded_names(_outside(node)) | inner.get(node.name, set()))
        elif isinstance(node, ast.Assign) and all(isinstance(target, ast.Name) for target in node.targets):
            for target in node.targets:
                assert isinstance(target, ast.Name)
                self._define(target.id, node, loaded_names([node.value]))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            self._define(node.target.id, node, loaded_names([node.value, node.annotation]))
        else:
            # Bound in a branch or a loop: nothing that could be cut out alone.
            for name in _stored(node):
                self._define(name, None, set())

    def _define(self, name: str, node: ast.stmt | None, needs: set[str]) -> None:
        if name in self.definitions or node is None:
            self.definitions.pop(name, None)
            self.imports[name] = None  # bound twice: which one is meant cannot be told
        elif name not in self.imports:
            self.definitions[name] = node
            self.needs[name] = frozenset(needs)

    def setup(self, name: str) -> str | None:
        """Imports and helpers that `name` needs, in the order of the file; None when they cannot be had."""
        wanted, seen = list(self.needs.get(name, ())), {name}
        imports: set[str] = set()
        helpers: dict[int, ast.stmt] = {}
        while wanted:
            needed = wanted.pop()
            if needed in seen:
                continue
            seen.add(needed)
            if needed in self.definitions:
                node = self.definitions[needed]
                helpers[node.lineno] = node
                wanted.extend(self.needs[needed])
            elif needed in self.imports:
                statement = self.imports[needed]
                if statement is None:
                    return None
                imports.add(statement)
            elif needed not in BUILTINS:
                return None
        if len(helpers) > MAX_HELPERS:
            return None
        parts = ["\n".join(sorted(imports))] if imports else []
        parts += [self._text(helpers[line]) for line in sorted(helpers)]
        text = "\n\n".join(parts)
        return text if text.count("\n") < MAX_LINES else None

    def _text(self, node: ast.stmt) -> str:
        first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
        return "\n".join(self.lines[first - 1 : node.end_lineno])


def _globals(table: symtable.SymbolTable) -> set[str]:
    """Global names that a scope and the scopes inside it refer to."""
    names = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
    for child in table.get_children():
        names |= _globals(child)
    return names


def _outside(node: FunctionNode | ast.ClassDef) -> list[ast.AST]:
    """What is evaluated where a definition stands: decorators, defaults, annotations, bases."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *node.keywords]
    return [*node.decorator_list, node.args, *([node.returns] if node.returns is not None else [])]


def loaded_names(nodes: Sequence[ast.AST]) -> set[str]:
    """Every name that is read somewhere in the nodes."""
    return {
        name.id
        for node in nodes
        for name in ast.walk(node)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Load)
    }


def _stored(node: ast.stmt) -> set[str]:
    names = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Load):
            names.add(inner.id)
        elif isinstance(inner, FunctionNode | ast.ClassDef):
            names.add(inner.name)
        elif isinstance(inner, ast.Import | ast.ImportFrom):
            names.update((alias.asname or alias.name).partition(".")[0] for alias in inner.names)
    return names


def unbound_names(tree: ast.Module) -> set[str]:
    """Names that a program reads and that nothing in it binds; scopes inside it are not told apart."""
    bound = {name for node in tree.body for name in _stored(node)}
    bound |= {argument.arg for argument in ast.walk(tree) if isinstance(argument, ast.arg)}
    return loaded_names([tree]) - bound - BUILTINS
