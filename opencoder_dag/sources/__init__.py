"""Raw code in: where repositories come from, and the stage that collects them.

Belongs here: everything between the outside world and the first Parquet shard of documents. A source lists
repositories, the stage chooses within its budget, and tasks read, decode and name the language of each file.
"""

from opencoder_dag.sources.collect import collect
from opencoder_dag.sources.folder import Folder
from opencoder_dag.sources.installed import InstalledDistributions
from opencoder_dag.sources.source import Entry, RawFile, Repository, Source, Tree
from opencoder_dag.sources.spec import sources_from_spec

__all__ = [
    "Entry",
    "Folder",
    "InstalledDistributions",
    "RawFile",
    "Repository",
    "Source",
    "Tree",
    "collect",
    "sources_from_spec",
]
