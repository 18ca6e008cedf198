import dagster as dg
import pytest

from opencoder_dag.errors import InputError
from opencoder_dag.lake import Dataset, Lake, Stage, write_bytes
from opencoder_dag.shards import map_shards
from resources.lake import LakeIOManager, LakeResource
from tests.test_lake import judge_by_length


def test_assets_hand_datasets_on_by_pointer(lake: Lake, dataset_of, engine):
    given = dataset_of(
        [{"content": "long enough", "repo": "r", "path": "p"}, {"content": "x", "repo": "r", "path": "q"}]
    )
    recipes = dg.StaticPartitionsDefinition(["one", "two"])

    @dg.asset
    def upstream() -> Dataset:
        return given

    @dg.asset(partitions_def=recipes)
    def judged(upstream: Dataset) -> Dataset:
        return map_shards(
            lake, Stage("judged", "1", inputs={"given": upstream.digest}), [upstream], judge_by_length, engine
        )

    @dg.asset(partitions_def=recipes)
    def counted(judged: Dataset) -> Dataset:
        assert judged.manifest.counts["removed"] == 1
        return judged

    resource = LakeResource(root=lake.root)
    resources = {"io_manager": LakeIOManager(lake=resource)}
    with dg.DagsterInstance.ephemeral() as instance:
        assert dg.materialize([upstream], instance=instance, resources=resources).success
        for recipe in ("one", "two"):
            done = dg.materialize(
                [upstream.to_source_asset(), judged, counted],
                partition_key=recipe,
                instance=instance,
                resources=resources,
            )
            assert done.success
    latest = resource.latest("counted")
    assert set(latest) == {"one", "two"}
    assert latest["one"].path == latest["two"].path == resource.load("judged", "one").path


def test_a_pointer_to_a_folder_that_is_gone(lake: Lake, dataset_of):
    resource = LakeResource(root=lake.root)
    given = dataset_of([{"content": "text", "repo": "r", "path": "p"}])
    resource.store("raw_code", given)
    write_bytes(f"{given.path}/manifest.json", b"")
    with pytest.raises(InputError, match="damaged manifest"):
        resource.load("raw_code")


def test_an_unchanged_pointer_is_not_written_again(lake: Lake, dataset_of):
    from pathlib import Path

    resource = LakeResource(root=lake.root)
    given = dataset_of([{"content": "text", "repo": "r", "path": "p"}])
    resource.store("raw_code", given)
    before = Path(resource.pointer("raw_code")).stat().st_mtime_ns
    resource.store("raw_code", given)
    assert Path(resource.pointer("raw_code")).stat().st_mtime_ns == before
