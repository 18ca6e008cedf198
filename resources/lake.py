"""The lake as a Dagster resource, and the I/O manager that hands a finished dataset to the next asset.

An asset's value is a stage folder of the lake. What is stored for Dagster is a pointer: a small JSON file
that names the folder of the asset's (and partition's) newest materialisation.
"""

from __future__ import annotations

import json

import dagster as dg
import fsspec

from opencoder_dag.lake import Dataset, Lake, exists, open_dataset, read_text, write_bytes

UNPARTITIONED = "all"


class LakeResource(dg.ConfigurableResource):
    """Where stage outputs live."""

    root: str

    def open(self) -> Lake:
        """The lake of the library."""
        return Lake(self.root)

    def pointer(self, asset: str, partition: str = UNPARTITIONED) -> str:
        """Path of the pointer to an asset's newest output."""
        return f"{self.root}/assets/{asset}/{partition}.json"

    def latest(self, asset: str) -> dict[str, Dataset]:
        """Newest output of every partition of an asset that has one, by partition."""
        fs, folder = fsspec.core.url_to_fs(f"{self.root}/assets/{asset}")
        found = {}
        for path in sorted(fs.glob(f"{folder}/*.json")):
            partition = path.rsplit("/", 1)[-1].removesuffix(".json")
            found[partition] = self.load(asset, partition)
        return found

    def load(self, asset: str, partition: str = UNPARTITIONED) -> Dataset:
        """Newest output of an asset; raises `InputError` when its folder is gone or unfinished."""
        pointer = json.loads(read_text(self.pointer(asset, partition)))
        return open_dataset(f"{self.root}/{pointer['folder']}")

    def store(self, asset: str, dataset: Dataset, partition: str = UNPARTITIONED) -> None:
        """Point to a new output; a pointer that says the same already is not touched."""
        path = self.pointer(asset, partition)
        # Relative to the lake, so that a lake can be copied or moved whole.
        folder = dataset.path.removeprefix(f"{self.root}/")
        text = json.dumps({"folder": folder, "content_digest": dataset.digest}, indent=1)
        if not exists(path) or read_text(path) != text:
            write_bytes(path, text.encode())


class LakeIOManager(dg.ConfigurableIOManager):
    """Passes datasets between assets by pointer; the manifest is verified to be there at load."""

    lake: LakeResource

    def handle_output(self, context: dg.OutputContext, obj: Dataset) -> None:
        """Store the pointer of the asset that was just materialised."""
        self.lake.store(context.asset_key.path[-1], obj, _partition(context))

    def load_input(self, context: dg.InputContext) -> Dataset:
        """Open the newest output of an upstream asset."""
        return self.lake.load(context.asset_key.path[-1], _partition(context))


def _partition(context: dg.OutputContext | dg.InputContext) -> str:
    return context.asset_partition_key if context.has_asset_partitions else UNPARTITIONED
