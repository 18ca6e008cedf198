"""Recipe files: which there are, how one extends its parent, and the scales laid over them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from opencoder_dag.errors import InputError
from opencoder_dag.lake import canonical_json
from opencoder_dag.recipe import Recipe, describe, merge, near_miss, seed_names, split_seed

SHIPPED = Path(str(resources.files("opencoder_dag") / "recipes"))


def recipe_files(extra: Path | None = None) -> dict[str, Path]:
    """Recipe name to file: the shipped ones, then those of the folder `extra`, which may not redefine any."""
    files = {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}
    if extra is not None:
        if not extra.is_dir():
            raise InputError(f"OPENCODER_RECIPES: {extra} is not a folder")
        for path in sorted(extra.glob("*.yaml")):
            if path.stem in files:
                raise InputError(f"{path}: a recipe named '{path.stem}' is shipped already; rename the file")
            files[path.stem] = path
    return files


def load_recipe(name: str, scale: str = "laptop", extra: Path | None = None) -> Recipe:
    """Read a recipe file with its parents and the overlay of a scale.

    `NAME-seed3` is the recipe NAME with seed 3. Raises `InputError` with the file and the key for anything
    unknown, ill-typed or impossible, for a parent that does not exist and for a cycle of parents.
    """
    files = recipe_files(extra)
    base, seed = split_seed(name)
    chain = _chain(base, files)
    merged: dict[str, Any] = {}
    for _path, content in reversed(chain):
        # The scale goes over the root, so that what an ablation changes still wins.
        merged = merge(merged, content) if merged else merge(content, read_yaml(scale_file(scale)))
    merged["name"] = name
    merged.pop("extends", None)
    if seed is not None:
        merged["seed"] = seed
    try:
        return Recipe.model_validate_json(canonical_json(merged))
    except ValidationError as error:
        raise InputError(f"{chain[0][0]}: {describe(error)}") from None


def recipe_names(extra: Path | None = None, seeds: int = 1) -> list[str]:
    """Names of all recipes; with several seeds also `NAME-seed1` and so on."""
    return [name for base in recipe_files(extra) for name in seed_names(base, seeds)]


def scale_file(scale: str) -> Path:
    """File of a scale overlay; raises `InputError` listing the known ones."""
    path = SHIPPED / "scales" / f"{scale}.yaml"
    if not path.exists():
        known = ", ".join(sorted(found.stem for found in path.parent.glob("*.yaml")))
        raise InputError(f"OPENCODER_SCALE: no scale '{scale}' (known: {known})")
    return path


def _chain(name: str, files: Mapping[str, Path]) -> list[tuple[Path, dict[str, Any]]]:
    chain: list[tuple[Path, dict[str, Any]]] = []
    seen: list[str] = []
    current: str | None = name
    while current is not None:
        if current not in files:
            where = f"{chain[-1][0]}: extends" if chain else "recipe"
            raise InputError(f"{where}: no recipe '{current}'{near_miss(current, files)}")
        if current in seen:
            raise InputError(f"{files[name]}: extends: cycle {' -> '.join([*seen, current])}")
        seen.append(current)
        content = read_yaml(files[current])
        chain.append((files[current], content))
        current = content.get("extends")
        if current is not None and not isinstance(current, str):
            raise InputError(f"{chain[-1][0]}: extends: must be the name of a recipe, not {current!r}")
    return chain


@cache
def _parse(path: Path, mtime_ns: int) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not YAML ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: must be a mapping of sections")
    return content


def read_yaml(path: Path) -> dict[str, Any]:
    """The sections of a file; raises `InputError` when it is not YAML or no mapping."""
    return _parse(path, path.stat().st_mtime_ns)
