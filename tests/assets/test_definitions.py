"""What `definitions.py` ties together, and the reports that assets make."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from opencoder_dag.recipe_files import recipe_files
from opencoder_dag.settings import Settings

EIGHT = {
    *("raw_code", "web_recall", "deduped_corpus", "filtered_corpus"),
    *("annealing_mix", "base_model", "sft_model", "eval_scores"),
}


@pytest.fixture
def definitions(tmp_path: Path) -> dg.Definitions:
    from definitions import build_definitions

    return build_definitions(Settings(home=tmp_path))


def test_the_eight_assets_and_their_partitions(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    names = {key.path[-1] for key in graph.get_all_asset_keys()}
    assert names >= EIGHT
    for key in graph.get_all_asset_keys():
        partitions = graph.get(key).partitions_def
        if key.path[-1] in ("raw_code", "web_recall", "held_out", "ablation_report"):
            assert partitions is None
        else:
            assert set(partitions.get_partition_keys()) == set(recipe_files())


def test_every_corpus_stage_has_blocking_checks(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    for name in (
        "raw_code",
        "web_recall",
        "deduped_corpus",
        "filtered_corpus",
        "annealing_mix",
        "instruct_data",
    ):
        specs = {
            key.name: graph.get_check_spec(key)
            for key in graph.asset_check_keys
            if key.asset_key == dg.AssetKey(name)
        }
        assert specs["conservation"].blocking and specs["not_empty"].blocking, name


def test_one_training_at_a_time(definitions: dg.Definitions):
    pools = {name: definitions.resolve_assets_def(name).op.pool for name in EIGHT}
    assert pools["base_model"] == pools["sft_model"] == "training"
    assert {pool for name, pool in pools.items() if not name.endswith("_model")} == {None}


def test_jobs_cover_sources_chain_and_everything(definitions: dg.Definitions):
    def assets_of(job: str) -> set[str]:
        layer = definitions.resolve_job_def(job).asset_layer
        return {key.path[-1] for key in layer.executable_asset_keys}

    assert assets_of("shared_upstream") == {"raw_code", "web_recall", "held_out"}
    assert assets_of("recipe_chain") | assets_of("shared_upstream") | {"ablation_report"} == assets_of(
        "everything"
    )
    assert not {name for name in assets_of("corpus_refresh") if name.endswith("_model")}
