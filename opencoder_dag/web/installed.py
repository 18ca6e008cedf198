"""The pages that are on every machine: the documentation of what is installed.

Project descriptions, README and documentation files, and the documentation strings of modules (laid out as
`pydoc` does, without importing anything) are about code; licences, notices, changelogs and lists of
authors are not. Each page has the URL of its project from the metadata plus a path.
"""

from __future__ import annotations

import ast
import hashlib
import re
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from opencoder_dag.document import one_line
from opencoder_dag.lake import canonical_json, sha256_text
from opencoder_dag.web.pages import Damaged, Page, PageSource, Skipped

Kind = Literal["description", "manual", "pydoc", "legal"]
KIND_SHARES: dict[Kind, float] = {"description": 0.15, "manual": 0.1, "pydoc": 0.62, "legal": 0.13}
GROUP_BYTES = 2_500_000  # raw bytes a task
SMALLEST, LARGEST = 200, 400_000  # bytes of a file that is taken
STANDARD_LIBRARY = "https://docs.python.org/3/library"
OWN_NAME = "opencoder_dag"

LEGAL = re.compile(
    r"licen[cs]|copying|copyright|notice|author|contributor|credits|thanks|patents|changelog|changes|history|news\b"
    r"|release|code_of_conduct|security|third.?party",
    re.IGNORECASE,
)
MANUAL_SUFFIXES = {".md": "markdown", ".rst": "restructuredtext", ".html": "html", ".htm": "html"}
TEXT_SUFFIXES = {"", ".txt", ".md", ".rst"}
READ_SUFFIXES = {".py", *MANUAL_SUFFIXES, *TEXT_SUFFIXES}
DESCRIPTIONS = ("METADATA", "PKG-INFO")  # of an installed and of a source distribution
DATA_NAMES = frozenset({"top_level.txt", "entry_points.txt", "requires.txt", "sources.txt", "api_tests.txt"})
NOT_DOCUMENTED = re.compile(
    r"(?:^|/)(?:tests?|testing|idlelib|lib2to3|_vendor|vendor|site-packages|\.[^/]*)/|(?:^|/)test_"
)


@dataclass(frozen=True, order=True)
class DocumentFile:
    """One file to be read: where it is, what it is, and the page that it makes."""

    path: str
    kind: Kind
    url: str
    size: int


@dataclass(frozen=True)
class InstalledGroup:
    """A group of files that is one task."""

    label: str
    digest: str
    files: tuple[DocumentFile, ...]

    def pages(self) -> Iterator[Page | Damaged | Skipped]:
        """Read the group."""
        for file in self.files:
            try:
                page = _page(file)
            except (OSError, UnicodeDecodeError, SyntaxError, ValueError, RecursionError) as error:
                yield Damaged(file.url, file.size, one_line(error))
            else:
                yield page or Skipped("no_documentation")


def installed_pages(limit: int) -> PageSource:
    """Pages of the installed distributions and the standard library: `limit` raw bytes, chosen by hash."""
    by_project: dict[str, list[DocumentFile]] = {STANDARD_LIBRARY: list(_standard_library())}
    for distribution in metadata.distributions():
        name = _canonical(distribution.name or "")
        if name and name != _canonical(OWN_NAME):
            by_project.setdefault(name, []).extend(_distribution(distribution))
    files = [
        file
        for kind, share in KIND_SHARES.items()
        for file in _choose(by_project.values(), kind, limit * share)
    ]
    return PageSource("documentation of what is installed", list(_groups(files)))


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _choose(projects: Iterable[Sequence[DocumentFile]], kind: Kind, limit: float) -> list[DocumentFile]:
    """Files of one kind in turns, one from each project, so that no project crowds out the rest."""
    ranked: list[tuple[int, str, DocumentFile]] = []
    for project in projects:
        hashed = sorted((_order(file), file) for file in project if file.kind == kind)
        ranked += [(rank, key, file) for rank, (key, file) in enumerate(hashed)]
    chosen: list[DocumentFile] = []
    total = 0
    for _, _, file in sorted(ranked, key=lambda item: item[:2]):
        total += file.size
        if total > limit:
            break
        chosen.append(file)
    return chosen


def _order(file: DocumentFile) -> str:
    return sha256_text(f"{file.url} {file.size}")


def _groups(files: Iterable[DocumentFile]) -> Iterator[InstalledGroup]:
    group: list[DocumentFile] = []
    number = 0
    for file in [*sorted(files, key=_order), None]:
        if group and (file is None or sum(member.size for member in group) + file.size > GROUP_BYTES):
            digest = hashlib.sha256()
            for member in group:
                digest.update(hashlib.sha256(_bytes(member.path)).digest())
            what = sha256_text(canonical_json([(member.url, member.kind) for member in group]))
            yield InstalledGroup(f"installed-{number:04d}", f"{what}{digest.hexdigest()}", tuple(group))
            number += 1
            group = []
        if file is not None:
            group.append(file)


def _bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def _standard_library() -> Iterator[DocumentFile]:
    root = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(root.rglob("*.py")):
        inside = path.relative_to(root).as_posix()
        if not NOT_DOCUMENTED.search(inside):
            yield from _pydoc(path, STANDARD_LIBRARY, inside)


def _distribution(distribution: metadata.Distribution) -> Iterator[DocumentFile]:
    project = project_url(distribution)
    for packed in distribution.files or []:
        inside = packed.as_posix()
        if inside.startswith("..") or packed.name.lower() in DATA_NAMES:
            continue
        suffix = packed.suffix.lower()
        if suffix not in READ_SUFFIXES:  # most files, before paths are made of them
            continue
        in_metadata = ".dist-info/" in inside or ".egg-info/" in inside
        path = Path(str(packed.locate()))
        if in_metadata and packed.name in DESCRIPTIONS:
            yield from _sized(path, "description", project)
        elif suffix in TEXT_SUFFIXES and LEGAL.search(inside if in_metadata else packed.name):
            folder = "" if in_metadata else f"{Path(inside).parent.as_posix()}/"
            yield from _sized(path, "legal", f"{project}/{folder}{_last(inside, in_metadata)}")
        elif in_metadata or NOT_DOCUMENTED.search(inside):
            continue
        elif suffix in MANUAL_SUFFIXES:
            yield from _sized(path, "manual", f"{project}/{inside}")
        elif suffix == ".py":
            yield from _pydoc(path, project, inside)


def _last(inside: str, in_metadata: bool) -> str:
    """The path below `*.dist-info/`, which names a version, or the file name."""
    return re.sub(r"^.*?\.(?:dist|egg)-info/", "", inside) if in_metadata else inside.rsplit("/", 1)[-1]


def _sized(path: Path, kind: Kind, url: str) -> Iterator[DocumentFile]:
    try:
        size = path.stat().st_size
    except OSError:
        return
    if SMALLEST <= size <= LARGEST:
        yield DocumentFile(str(path), kind, url, size)


def _pydoc(path: Path, project: str, inside: str) -> Iterator[DocumentFile]:
    module = inside.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    if module.rsplit(".", 1)[-1].startswith("_"):
        return
    yield from _sized(path, "pydoc", f"{project}/pydoc/{module}")


def project_url(distribution: metadata.Distribution) -> str:
    """Home page of a distribution: what its metadata names, source repositories before chat rooms."""
    fields = distribution.metadata
    named = {}
    for entry in fields.get_all("Project-URL") or []:
        label, _, url = entry.partition(",")
        named[label.strip().lower().replace("-", "")] = url.strip()
    home = (fields.get_all("Home-page") or [""])[0]
    candidates = [home, *(named.get(label, "") for label in PREFERRED_LABELS), *named.values()]
    url = next((url for url in candidates if url.startswith(("http://", "https://"))), None)
    if url is None:
        return f"https://{_canonical(distribution.name)}.invalid"
    return url.split("#")[0].split("?")[0].rstrip("/")


PREFERRED_LABELS = (
    "homepage",
    "home",
    "documentation",
    "docs",
    "source",
    "sourcecode",
    "repository",
    "github",
)


def _page(file: DocumentFile) -> Page | None:
    raw = Path(file.path).read_bytes()
    if file.path.endswith((".html", ".htm")):
        return Page(file.url, html=raw)
    text = raw.decode("utf-8")
    if file.kind == "description":
        header, _, body = text.partition("\n\n")
        kind = "markdown" if "text/markdown" in header.lower() else "restructuredtext"
        return Page(file.url, text=body.strip(), language=kind) if len(body.strip()) >= SMALLEST else None
    if file.kind == "pydoc":
        documented = module_documentation(text, file.url.rsplit("/", 1)[-1])
        return Page(file.url, text=documented) if len(documented) >= SMALLEST else None
    language = MANUAL_SUFFIXES.get(Path(file.path).suffix.lower(), "text")
    return Page(file.url, text=text.strip(), language=language)


def module_documentation(source: str, module: str) -> str:
    """Documentation strings of a module with the signatures they belong to, indented as in the source."""
    if source.count('"""') + source.count("'''") < 2:
        return ""
    tree = ast.parse(source)
    parts = [f"module {module}", ast.get_docstring(tree) or "", *_documented(tree, "")]
    return "\n\n".join(part for part in parts if part) if len(parts) > 2 or parts[1] else ""


def _documented(node: ast.Module | ast.ClassDef, indent: str) -> Iterator[str]:
    for child in node.body:
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        text = ast.get_docstring(child)
        inner = list(_documented(child, f"{indent}    ")) if isinstance(child, ast.ClassDef) else []
        if text or inner:
            yield f"{indent}{_signature(child)}\n{_indented(text or '', indent + '    ')}".rstrip()
            yield from inner


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> str:
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(ast.unparse(base) for base in node.bases)
        return f"class {node.name}({bases}):" if bases else f"class {node.name}:"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"def {node.name}({ast.unparse(node.args)}){returns}:"


def _indented(text: str, indent: str) -> str:
    return "\n".join(f"{indent}{line}" if line.strip() else "" for line in text.split("\n"))
