"""Suites as data: a YAML file says what a suite is, a file of rows holds its problems.

Belongs here: finding and reading both, and the one form that every kind of problem takes. What the columns of
a published set mean is in `layouts.py`; how completions are drawn and judged in `generate.py` and `judge.py`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from opencoder_dag.errors import InputError
from opencoder_dag.evaluate.toolchains import missing_tools
from opencoder_dag.lake import canonical_json
from opencoder_dag.recipe import near_miss

SHIPPED = Path(str(resources.files("opencoder_dag.evaluate") / "suites"))
DATA_VARIABLE = "OPENCODER_EVAL_DATA"

# Where a base model that completes one function has gone on to something else, and where one that writes a
# whole module has (OpenCoder, section 10.1).
STOPS = {
    "function": (
        "\nif __name__",
        "\ndef ",
        "\nclass ",
        "\nimport ",
        "\nfrom ",
        "\nassert ",
        "\nprint(",
        "\n```",
        "\n@",
    ),
    "module": ("\nif __name__", "\ndef main(", "\nassert ", "\nprint(", "\n```", '\n"""'),
    "fence": ("\n```", "[DONE]"),
    "line": ("\n",),
    "answer": ("\nQ:", "\nQuestion:", "\n\n\n"),
}

Row = dict[str, Any]  # of a published file
Task = Literal["python", "program", "choice", "answer"]


class MissingDataError(InputError):
    """A suite's file or tools are not here; the message says what to fetch and where to put it."""


@dataclass(frozen=True)
class Problem:
    """One problem of any kind.

    Programming problems: `beginning + completion` is the solution, `test` examines its `entry_point` after
    `prelude`, and `beginning + reference` passes. Multiple choice: one of `choices` follows the prompt, and
    `answer` is its index. Questions: `answer` is what the completion must come to.
    """

    task_id: str
    prompt: str
    reference: str = ""
    entry_point: str = ""
    test: str = ""
    prelude: str = ""
    stem: str | None = None
    group: str = ""  # what scores are broken down by, such as a level or a subject
    choices: tuple[str, ...] = ()
    answer: str = ""
    seconds: float | None = None  # time limit, where the suite's is not enough for the reference
    language: str = "python"
    stops: tuple[str, ...] = ()  # where a problem has its own
    request: str = ""  # what a chat model is asked, where the set says so itself

    @property
    def beginning(self) -> str:
        """What a completion continues, as far as it belongs to the solution."""
        return self.prompt if self.stem is None else self.stem


class Spec(BaseModel):
    """The YAML file of a suite."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    task: Task = "python"
    file: str
    layout: str
    origin: str = Field("", description="where the file comes from, for the message when it is missing")
    shots: int = Field(0, ge=0)
    examples: str | None = Field(None, description="file of the examples shown as shots")
    template: str | None = Field(None, description="prompt of one problem, with {fields} of its row")
    chat: str | None = Field(None, description="what a chat model is asked, with {prompt}")
    stops: str | list[str] = "function"
    metric: Literal["pass@k", "accuracy"] = "pass@k"
    seconds: float = Field(3.0, gt=0)
    memory_gib: float = Field(1.0, gt=0)
    max_new_tokens: int | None = Field(None, gt=0, description="at least so many, whatever the recipe says")
    trusted: bool = Field(False, description="may run without namespaces without being asked for")
    options: dict[str, Any] = Field(default_factory=dict, description="what the layout wants to know")


@dataclass(frozen=True)
class Suite:
    """A set of problems and how they are put to a model."""

    name: str
    spec: Spec
    problems: tuple[Problem, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)  # language to why it is not run

    @property
    def stops(self) -> tuple[str, ...]:
        """Strings that end a completion of a base model."""
        return STOPS[self.spec.stops] if isinstance(self.spec.stops, str) else tuple(self.spec.stops)

    @cached_property
    def digest(self) -> str:
        """Digest of all that decides on a score, for fingerprints."""
        identity = [
            self.name,
            self.spec.model_dump(mode="json"),
            [asdict(problem) for problem in self.problems],
        ]
        return hashlib.sha256(canonical_json(identity).encode("utf-8", "surrogatepass")).hexdigest()

    def first(self, problems: int | None) -> Suite:
        """The suite with only its first so many problems."""
        return replace(self, problems=self.problems[:problems])


def known_suites() -> dict[str, Path]:
    """Name of each shipped suite to its file."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def load_suite(name: str, skip_missing: bool = False) -> Suite:
    """Read a suite by name, or by the path of a YAML file of the user's own.

    Raises `InputError` for an unknown name or a wrong file, and `MissingDataError` when the problems or the
    tools of a language are not here; with `skip_missing` the languages without tools are left out and
    `Suite.left_out` says why, as long as one language remains.
    """
    from opencoder_dag.evaluate.layouts import LAYOUTS

    path = spec_file(name)
    spec = read_spec(path)
    if spec.layout not in LAYOUTS:
        raise InputError(f"{path}: layout: no layout '{spec.layout}'{near_miss(spec.layout, LAYOUTS)}")
    where = data_file(spec.file, path, spec)
    shown = list(read_rows(data_file(spec.examples, path, spec))) if spec.examples else []
    try:
        problems = tuple(LAYOUTS[spec.layout](list(read_rows(where)), shown, spec))
    except (KeyError, TypeError, IndexError, ValueError) as error:
        message = f"column {error} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{where}: not in the layout '{spec.layout}': {message}") from None
    if not problems:
        raise InputError(f"{where}: no problem in it")
    languages = sorted({problem.language for problem in problems if spec.task == "program"})
    absent = {language: tools for language in languages if (tools := missing_tools(language))}
    runnable = tuple(problem for problem in problems if problem.language not in absent)
    if absent and not (skip_missing and runnable):
        words = [f"{', '.join(tools)} (for {language})" for language, tools in absent.items()]
        raise MissingDataError(f"suite '{path.stem}': not installed: {'; '.join(words)}")
    left_out = {language: f"not installed: {', '.join(tools)}" for language, tools in absent.items()}
    return Suite(path.stem, spec, runnable, left_out)


def spec_file(name: str) -> Path:
    """The YAML file of a suite; raises `InputError` with a near miss."""
    if name.endswith((".yaml", ".yml")):
        path = Path(name).expanduser()
        if not path.is_file():
            raise InputError(f"evaluate.suites: no file {path}")
        return path
    files = known_suites()
    if name not in files:
        raise InputError(f"evaluate.suites: no suite '{name}'{near_miss(name, files)}")
    return files[name]


def read_spec(path: Path) -> Spec:
    """The YAML file of a suite, checked; raises `InputError` naming file and key."""
    try:
        spec = Spec.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML ({' '.join(str(error).split())})") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "suite"
        raise InputError(f"{path}: {key}: {first['msg']}") from None
    if isinstance(spec.stops, str) and spec.stops not in STOPS:
        raise InputError(f"{path}: stops: no set '{spec.stops}'{near_miss(spec.stops, STOPS)}")
    return spec


def data_folder() -> Path:
    """Where the files of published suites are: $OPENCODER_EVAL_DATA, else `eval` in the home folder."""
    if DATA_VARIABLE in os.environ:
        return Path(os.environ[DATA_VARIABLE]).expanduser()
    from opencoder_dag.settings import load_settings

    return load_settings().home / "eval"


def data_file(name: str, beside: Path, spec: Spec) -> str:
    """A suite's file: an address, a file beside its YAML, or one in the data folder.

    Raises `MissingDataError` saying what to fetch.
    """
    if "://" in name:
        return name
    for candidate in (beside.parent / name, data_folder() / name):
        if candidate.is_file():
            return str(candidate)
    origin = f"; fetch {spec.origin}" if spec.origin else ""
    raise MissingDataError(
        f"suite '{beside.stem}': no file {data_folder() / name}{origin} (the folder is ${DATA_VARIABLE})"
    )


def read_rows(path: str | Path) -> Iterator[dict[str, Any]]:
    """Rows of a JSON Lines (packed or not) or Parquet file; raises `InputError` naming file and line."""
    path = str(path)
    try:
        if path.endswith(".parquet"):
            with fsspec.open(path, "rb") as handle:
                yield from pq.read_table(handle).to_pylist()
            return
        with fsspec.open(path, "rt", encoding="utf-8", compression="infer") as handle:
            for number, line in enumerate(handle, 1):
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise InputError(f"{path}: line {number}: not JSON ({error})") from None
                if not isinstance(row, dict):
                    raise InputError(f"{path}: line {number}: not an object")
                yield row
    except (OSError, EOFError, UnicodeDecodeError, pa.ArrowInvalid) as error:
        raise InputError(f"{path}: cannot be read ({' '.join(str(error).split())})") from None


def load_suites(
    names: Sequence[str], problems: int | None, skip_missing: bool = False
) -> tuple[list[Suite], dict[str, str]]:
    """Several suites, each cut to its first `problems` problems (None: all), and the reasons why others are
    missing: with `skip_missing` a suite, or a language of one, that cannot be run here is left out."""
    suites = []
    missing = {}
    for name in names:
        try:
            suite = load_suite(name, skip_missing).first(problems)
        except MissingDataError as error:
            if not skip_missing:
                raise
            missing[name] = str(error)
            continue
        suites.append(suite)
        missing |= {f"{suite.name}.{language}": why for language, why in suite.left_out.items()}
    return suites, missing
