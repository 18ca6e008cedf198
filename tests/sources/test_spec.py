"""The grammar of the setting that lists sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from opencoder_dag.errors import InputError
from opencoder_dag.sources.archive import Archive
from opencoder_dag.sources.folder import Folder
from opencoder_dag.sources.git import GitRepository
from opencoder_dag.sources.installed import InstalledDistributions
from opencoder_dag.sources.parquet import Parquet
from opencoder_dag.sources.remote import RemoteFolder
from opencoder_dag.sources.sdist import SourceDistribution
from opencoder_dag.sources.source import Source
from opencoder_dag.sources.spec import sources_from_spec

CACHE = Path("cache")


@pytest.mark.parametrize(
    ("item", "source"),
    [
        ("installed", InstalledDistributions()),
        ("some/folder", Folder("some/folder")),
        ("/all/packed.tar.gz", Archive("/all/packed.tar.gz")),
        ("git+/a/path@v1.0", GitRepository("/a/path", "v1.0", CACHE)),
        ("git+https://example.org/own/lib.git", GitRepository("https://example.org/own/lib.git", "", CACHE)),
        (
            "git+ssh://git@example.org/own/lib@abc",
            GitRepository("ssh://git@example.org/own/lib", "abc", CACHE),
        ),
        ("git+git@example.org:own/lib", GitRepository("git@example.org:own/lib", "", CACHE)),
        ("git+git@example.org:own/lib@main", GitRepository("git@example.org:own/lib", "main", CACHE)),
        ("parquet:s3://bucket/set", Parquet("s3://bucket/set")),
        ("memory://all/repositories", RemoteFolder("memory://all/repositories")),
        ("sdist:ruff==0.1.2", SourceDistribution("ruff", "0.1.2", CACHE)),
    ],
)
def test_items(item: str, source: Source) -> None:
    assert sources_from_spec(item, CACHE) == [source]


def test_lists() -> None:
    assert sources_from_spec(" installed, /a ,,/b ", CACHE) == [
        InstalledDistributions(), Folder("/a"), Folder("/b"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "empty"),
        (" , ", "empty"),
        ("sdist:ruff", "pinned"),
        ("sdist:ruff>=1", "pinned"),
        ("sdist:==1", "pinned"),
        ("sdist:--help==1", "pinned"),
        ("installed,sdist:../x==1", r"sdist:\.\./x==1"),
        ("https://example.org/own/lib", r"git\+https://example.org/own/lib@COMMIT"),
        ("parquet:", "PATH"),
        ("nonsense://a/b", "nonsense"),
        ("git+", "git"),
        ("git+--upload-pack=x", "REVISION"),
        ("git+/a/path@--output", "REVISION"),
    ],
)
def test_wrong_items_are_named(spec: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        sources_from_spec(spec, CACHE)
