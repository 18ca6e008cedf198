"""The partitions of everything from `deduped_corpus` on: one a recipe file."""

from __future__ import annotations

import dagster as dg

from opencoder_dag.recipe import recipe_files
from opencoder_dag.settings import load_settings

RECIPES = dg.StaticPartitionsDefinition(list(recipe_files(load_settings().recipes)))
