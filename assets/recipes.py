"""The partitions of everything from `deduped_corpus` on: one a recipe file (and seed)."""

from __future__ import annotations

import dagster as dg

from opencoder_dag.recipe_files import recipe_names
from opencoder_dag.settings import load_settings

RECIPES = dg.StaticPartitionsDefinition(recipe_names(load_settings().recipes, load_settings().seeds))
