"""Which files of a repository a file imports.

Belongs here: the reading of import statements and their resolution to files, for Python, Java, C and C++, C#,
JavaScript and TypeScript, and Go. An import of something outside of the repository resolves to nothing.
Methods page, sections 1.4 and 3.1.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

EXTENSIONS = {
    "python": (".py", ".pyi", ".pyx"),
    "java": (".java",),
    "c": (".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx", ".inl", ".ipp", ".cu", ".cuh"),
    "c#": (".cs",),
    "javascript": (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte"),
    "go": (".go",),
}
_LANGUAGE = {extension: language for language, extensions in EXTENSIONS.items() for extension in extensions}


class Repository:
    """The files of one repository, with the indexes that the resolution of imports needs."""

    def __init__(self, paths: Sequence[str], texts: Sequence[str]) -> None:
        self.paths = [posixpath.normpath(path.replace("\\", "/")).lstrip("/") for path in paths]
        self.texts = texts

    @cached_property
    def by_path(self) -> dict[str, int]:
        """Path to file."""
        return {path: index for index, path in enumerate(self.paths)}

    @cached_property
    def by_suffix(self) -> dict[str, list[int]]:
        """Every trailing part of a path, from the name alone to the whole path, to the files that end so."""
        found: dict[str, list[int]] = defaultdict(list)
        for index, path in enumerate(self.paths):
            parts = path.split("/")
            for start in range(len(parts)):
                found["/".join(parts[start:])].append(index)
        return found

    @cached_property
    def by_folder(self) -> dict[str, list[int]]:
        """Folder to the files in it."""
        found: dict[str, list[int]] = defaultdict(list)
        for index, path in enumerate(self.paths):
            found[posixpath.dirname(path)].append(index)
        return found

    @cached_property
    def folders_by_suffix(self) -> dict[str, list[str]]:
        """Every trailing part of a folder to the folders that end so."""
        found: dict[str, list[str]] = defaultdict(list)
        for folder in sorted(self.by_folder):
            parts = folder.split("/")
            for start in range(len(parts)):
                found["/".join(parts[start:])].append(folder)
        return found

    @cached_property
    def types_by_namespace(self) -> dict[str, list[tuple[int, frozenset[str]]]]:
        """C# namespace to the files that declare types in it, with the names of these types."""
        found: dict[str, list[tuple[int, frozenset[str]]]] = defaultdict(list)
        for index, path in enumerate(self.paths):
            if path.endswith(".cs"):
                types = frozenset(_CSHARP_TYPE.findall(self.texts[index]))
                for namespace in set(_CSHARP_NAMESPACE.findall(self.texts[index])) or {""}:
                    found[namespace].append((index, types))
        return found

    def nearest(self, candidates: Iterable[int], origin: int) -> list[int]:
        """The candidate whose path has most in common with that of `origin`; ties by path."""
        near = self.paths[origin].split("/")

        def distance(candidate: int) -> tuple[int, int, str]:
            parts = self.paths[candidate].split("/")
            common = 0
            while common < min(len(parts), len(near)) and parts[common] == near[common]:
                common += 1
            return -common, len(parts), self.paths[candidate]

        ordered = sorted(candidates, key=distance)
        return ordered[:1]


def import_graph(paths: Sequence[str], texts: Sequence[str]) -> list[list[int]]:
    """For each file the files that it imports, in ascending order; never itself."""
    repository = Repository(paths, texts)
    graph = []
    for index, path in enumerate(repository.paths):
        resolve = _RESOLVERS.get(_LANGUAGE.get(posixpath.splitext(path)[1].lower(), ""))
        imported = set(resolve(repository, index)) if resolve else set()
        imported.discard(index)
        graph.append(sorted(imported))
    return graph


# --- Python ---

_PYTHON_FROM = re.compile(
    r"^[ \t]*+from[ \t]++(\.*+)[ \t]*+(?:(?!c?import\b)([\w.]++)[ \t]++)?c?import[ \t]++"
    r"(\([^)]{0,20000}\)|[^\n#;\\]*+(?:\\\n[^\n#;\\]*+)*+)",
    re.MULTILINE,
)
_PYTHON_IMPORT = re.compile(
    r"^[ \t]*c?import[ \t]+([\w.]+(?:[ \t]+as[ \t]+\w+)?(?:[ \t]*,[ \t]*[\w.]+(?:[ \t]+as[ \t]+\w+)?)*)",
    re.MULTILINE,
)
_COMMENT = re.compile(r"#[^\n]*")


def _python(repository: Repository, index: int) -> Iterable[int]:
    text = repository.texts[index]
    for line in _PYTHON_IMPORT.findall(text):
        for item in line.split(","):
            yield from _python_module(repository, index, item.split()[0].replace(".", "/"), 0)
    for dots, module, names in _PYTHON_FROM.findall(text):
        base = module.replace(".", "/")
        whole = False
        for item in _COMMENT.sub("", names).strip("()").replace("\\", " ").split(","):
            name = item.split()[0] if item.split() else ""
            found = (
                list(_python_module(repository, index, f"{base}/{name}".lstrip("/"), len(dots)))
                if name
                else []
            )
            yield from found
            whole = whole or not found
        if whole:
            yield from _python_module(repository, index, base, len(dots))


def _python_module(repository: Repository, index: int, module: str, dots: int) -> Iterable[int]:
    endings = [f"{module}{extension}" for extension in EXTENSIONS["python"]] if module else []
    endings.append(f"{module}/__init__.py".lstrip("/"))
    if dots:
        folder = repository.paths[index]
        for _ in range(dots):
            folder = posixpath.dirname(folder)
        inside = (posixpath.join(folder, ending) for ending in endings)
        return [repository.by_path[path] for path in inside if path in repository.by_path][:1]
    for ending in endings:
        # An absolute import starts at a source root: a folder that is not a package itself.
        roots = [
            candidate
            for candidate in repository.by_suffix.get(ending, ())
            if f"{repository.paths[candidate][: -len(ending)]}__init__.py" not in repository.by_path
        ]
        if roots:
            return repository.nearest(roots, index)
    return []


# --- Java ---

_JAVA_IMPORT = re.compile(r"^[ \t]*import[ \t]+(static[ \t]+)?([\w.]+?)(\.\*)?[ \t]*;", re.MULTILINE)
_TYPE_WORD = re.compile(r"\b[A-Z]\w*")


def _java(repository: Repository, index: int) -> Iterable[int]:
    text = repository.texts[index]
    words = set(_TYPE_WORD.findall(text))
    siblings = repository.by_folder[posixpath.dirname(repository.paths[index])]
    for static, name, star in _JAVA_IMPORT.findall(text):
        path = name.replace(".", "/")
        found = _java_class(repository, index, path if star or not static else posixpath.dirname(path))
        found = found or _java_class(repository, index, posixpath.dirname(path))  # a class inside of a class
        yield from found
        if star and not found:
            for folder in repository.folders_by_suffix.get(path, ())[:1]:
                yield from _named(repository, repository.by_folder[folder], words)
    yield from _named(repository, siblings, words)


def _java_class(repository: Repository, index: int, path: str) -> list[int]:
    return repository.nearest(repository.by_suffix.get(f"{path}.java", ()), index) if path else []


def _named(repository: Repository, files: Iterable[int], words: set[str]) -> Iterable[int]:
    """The Java files whose class is among `words`."""
    for file in files:
        stem, extension = posixpath.splitext(posixpath.basename(repository.paths[file]))
        if extension == ".java" and stem in words:
            yield file


# --- C and C++ ---

_INCLUDE = re.compile(r"^[ \t]*#[ \t]*(?:include|import)[ \t]*([\"<])([^\">\n]{1,300})[\">]", re.MULTILINE)


def _c(repository: Repository, index: int) -> Iterable[int]:
    folder = posixpath.dirname(repository.paths[index])
    for kind, name in _INCLUDE.findall(repository.texts[index]):
        beside = posixpath.normpath(posixpath.join(folder, name))
        if kind == '"' and beside in repository.by_path:
            yield repository.by_path[beside]
        else:
            yield from repository.nearest(
                repository.by_suffix.get(posixpath.normpath(name).lstrip("./"), ()), index
            )


# --- C# ---

_CSHARP_NAMESPACE = re.compile(r"^[ \t]*namespace[ \t]+([\w.]+)", re.MULTILINE)
_CSHARP_TYPE = re.compile(
    r"\b(?:class|struct|interface|enum|record|delegate[ \t]+[\w<>\[\],.]+)[ \t]+([A-Za-z_]\w*)"
)
_CSHARP_USING = re.compile(
    r"^[ \t]*(?:global[ \t]+)?using[ \t]+(?:static[ \t]+)?(?:\w+[ \t]*=[ \t]*)?([\w.]+)[ \t]*;", re.MULTILINE
)
_WORD = re.compile(r"\b[A-Za-z_]\w*")


def _csharp(repository: Repository, index: int) -> Iterable[int]:
    text = repository.texts[index]
    words = set(_WORD.findall(text))
    own = set(_CSHARP_TYPE.findall(text))
    visible = set(_CSHARP_USING.findall(text)) | set(_CSHARP_NAMESPACE.findall(text))
    visible |= {name.rpartition(".")[0] for name in visible}
    for namespace in visible | {""}:
        for file, types in repository.types_by_namespace.get(namespace, ()):
            if (types - own) & words:
                yield file


# --- JavaScript and TypeScript ---

_JAVASCRIPT_IMPORT = re.compile(
    r"""(?:\bfrom|\bimport|\brequire[ \t]*\(|\bimport[ \t]*\()[ \t\n]*(['"])([^'"\n]{1,300})\1"""
)


def _javascript(repository: Repository, index: int) -> Iterable[int]:
    folder = posixpath.dirname(repository.paths[index])
    for _, name in _JAVASCRIPT_IMPORT.findall(repository.texts[index]):
        if name.startswith("."):
            bases = [posixpath.normpath(posixpath.join(folder, name))]
        elif name.startswith(("@/", "~/")):
            bases = [f"src/{name[2:]}", name[2:]]
        else:
            bases = [name, f"src/{name}"]
        for base in bases:
            found = _javascript_file(repository, base)
            if found is not None:
                yield found
                break


def _javascript_file(repository: Repository, base: str) -> int | None:
    stem, extension = posixpath.splitext(base)
    stems = [base, stem] if extension in EXTENSIONS["javascript"] else [base]  # "./x.js" may stand for x.ts
    for candidate in (
        base,
        *(f"{one}{end}" for one in stems for end in (*EXTENSIONS["javascript"], ".d.ts")),
        *(posixpath.join(base, f"index{end}") for end in EXTENSIONS["javascript"]),
    ):
        if candidate in repository.by_path:
            return repository.by_path[candidate]
    return None


# --- Go ---

_GO_BLOCK = re.compile(
    r"^import[ \t]*\(([^)]{0,20000})\)|^import[ \t]+([\w.]*[ \t]*\"[^\"\n]+\")", re.MULTILINE
)
_GO_PATH = re.compile(r"\"([^\"\n]+)\"")
_GO_MODULE = re.compile(r"^module[ \t]+(\S+)", re.MULTILINE)


def _go(repository: Repository, index: int) -> Iterable[int]:
    modules = {
        match[1]: posixpath.dirname(path)
        for path, text in zip(repository.paths, repository.texts, strict=True)
        if posixpath.basename(path) == "go.mod" and (match := _GO_MODULE.search(text))
    }
    for block, single in _GO_BLOCK.findall(repository.texts[index]):
        for name in _GO_PATH.findall(block or single):
            for file in repository.by_folder.get(_go_folder(repository, name, modules) or "\0", ()):
                if repository.paths[file].endswith(".go") and not repository.paths[file].endswith("_test.go"):
                    yield file


def _go_folder(repository: Repository, name: str, modules: dict[str, str]) -> str | None:
    for module, root in modules.items():
        if name == module or name.startswith(f"{module}/"):
            return (
                posixpath.normpath(posixpath.join(root, name[len(module) + 1 :]))
                .removeprefix(".")
                .lstrip("/")
            )
    parts = name.split("/")
    for start in range(len(parts) - 1):  # without a go.mod: two parts in common, or it could be anything
        found = repository.folders_by_suffix.get("/".join(parts[start:]))
        if found:
            return found[0]
    return None


_RESOLVERS: dict[str, Callable[[Repository, int], Iterable[int]]] = {
    "python": _python,
    "java": _java,
    "c": _c,
    "c#": _csharp,
    "javascript": _javascript,
    "go": _go,
}
