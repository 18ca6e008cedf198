"""The shelf of recipes: a partition key in, a validated recipe out."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from opencoder_dag.recipe import Recipe
from opencoder_dag.recipe_files import load_recipe


class RecipeBook(dg.ConfigurableResource):
    """Reads recipe files at one scale."""

    scale: str
    folder: str | None = None

    def get(self, name: str) -> Recipe:
        """One recipe; raises `InputError` naming the file and the key that is wrong."""
        return load_recipe(name, self.scale, self._folder)

    @property
    def _folder(self) -> Path | None:
        return Path(self.folder) if self.folder else None
