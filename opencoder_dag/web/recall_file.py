"""The settings of a web recall as users give them: a YAML file, and options of the command line over it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from opencoder_dag.errors import InputError
from opencoder_dag.lake import canonical_json
from opencoder_dag.recipe import describe, merge
from opencoder_dag.recipe_files import read_yaml
from opencoder_dag.web.config import NAMED_FILES, RecallConfig


def load_recall(
    file: Path | None, llm_url: str | None = None, changes: Mapping[str, Any] | None = None
) -> RecallConfig:
    """The defaults, a file over them, and `changes` (section to key to value) over both.

    Paths in the file are relative to its folder. A judge without an address is the endpoint `llm_url`.
    Raises `InputError` with the file and the key for what is wrong.
    """
    given: dict[str, Any] = _absolute(_read(file), file.parent) if file else {}
    given = merge(given, changes or {})
    seed = given.get("seed")
    if llm_url and isinstance(seed, Mapping) and seed.get("by") == "judge":
        given = merge({"seed": {"judge": {"url": llm_url}}}, given)
    try:
        return RecallConfig.model_validate_json(canonical_json(given))
    except ValidationError as error:
        where = f"{file}: " if file else ""
        raise InputError(f"{where}{describe(error, RecallConfig, 'recall')}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_yaml(path)
    except OSError as error:
        raise InputError(f"settings of the recall: {path}: {error.strerror}") from None


def _absolute(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The same with the paths of files absolute."""
    for section, key in NAMED_FILES:
        keys = given.get(section)
        if isinstance(keys, Mapping) and isinstance(keys.get(key), str):
            given = merge(given, {section: {key: str(folder / Path(keys[key]).expanduser())}})
    return given
