"""The setting that lists sources, as text.

Belongs here: its grammar. Items are separated by commas: `installed`, or the path of a folder.
"""

from __future__ import annotations

from opencoder_dag.errors import InputError
from opencoder_dag.sources.folder import Folder
from opencoder_dag.sources.installed import InstalledDistributions
from opencoder_dag.sources.source import Source


def sources_from_spec(spec: str) -> list[Source]:
    """Sources of a comma-separated list; raises `InputError` naming the item that is wrong."""
    items = [item.strip() for item in spec.split(",")]
    if not any(items):
        raise InputError("OPENCODER_SOURCES: empty; give 'installed' or the path of a folder")
    return [_source(item) for item in items if item]


def _source(item: str) -> Source:
    return InstalledDistributions() if item == "installed" else Folder(item)
