"""A tick of the weekly schedule after one repository changed: only what depends on it changes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.homes import CORPUS_ASSETS, ROOT, Home

pytestmark = [pytest.mark.graph, pytest.mark.timeout(600)]

TICK = """
import datetime, sys
from opencoder_dag.graph import load_definitions
from opencoder_dag.settings import load_settings

if __name__ == "__main__":
    defs = load_definitions(load_settings()).defs
    import dagster as dg

    context = dg.build_schedule_context(
        scheduled_execution_time=datetime.datetime.fromisoformat(sys.argv[1]),
        resources={"lake": defs.resources["lake"]},
        repository_def=defs.get_repository_def(),
    )
    requests = defs.resolve_schedule_def("weekly_corpus_refresh").evaluate_tick(context).run_requests
    with dg.DagsterInstance.get() as instance:
        for request in requests:
            result = defs.resolve_job_def("corpus_refresh").execute_in_process(
                instance=instance, partition_key=request.partition_key, raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}})
            assert result.success
"""


def tick(home: Home, moment: str, **settings: str) -> None:
    """Evaluate the schedule as the daemon does, and run what it asks for."""
    script = home.path / "tick.py"
    script.write_text(TICK)
    done = subprocess.run(
        [sys.executable, str(script), moment],
        cwd=ROOT,
        env=home.environment(PYTHONPATH=str(ROOT), **settings),
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_tick_after_one_repository_changed(tmp_path: Path):
    """Repositories are packages of the standard library; a line is added to one file of one of them."""
    repositories, library = tmp_path / "repositories", Path(sysconfig.get_path("stdlib"))
    packages = sorted(path.parent for path in library.glob("*/__init__.py") if path.parent.name != "test")
    chosen = [path for path in packages if 2 <= len(list(path.glob("*.py"))) <= 40][:24]
    for package in chosen:
        (repositories / package.name).mkdir(parents=True)
        for file in package.glob("*.py"):
            shutil.copy(file, repositories / package.name)
    home = Home(tmp_path / "home")
    home.path.mkdir()
    settings = {
        "OPENCODER_SOURCES": str(repositories),
        "OPENCODER_SHARD_BYTES": "60000",
        "OPENCODER_WEB_BYTES": "400000",
        "OPENCODER_DASK_WORKERS": "1",
        "OPENCODER_SOURCE_BYTES": "100000000",
    }
    tick(home, "2026-01-04T03:00:00+00:00", **settings)
    first = {asset: home.manifest(asset, "baseline") for asset in CORPUS_ASSETS}
    raw, web = home.manifest("raw_code"), home.manifest("web_recall")
    assert raw["facts"]["refresh"]["repositories_read"] == len(chosen)

    with (repositories / "json" / "decoder.py").open("a") as file:
        file.write("\n\ndef changed():\n    return 'changed'\n")
    tick(home, "2026-01-11T03:00:00+00:00", **settings)

    now = home.manifest("raw_code")
    refresh = now["facts"]["refresh"]
    assert refresh["repositories_read"] == 1 and refresh["repositories_reused"] == len(chosen) - 1
    assert home.manifest("web_recall") == web, "it does not depend on the repository"
    shards = {"raw_code": refresh} | {
        asset: home.manifest(asset, "baseline")["facts"]["refresh"] for asset in CORPUS_ASSETS
    }
    for asset, counts in shards.items():
        assert 1 <= counts["shards_changed"] <= 3, (asset, counts)
        assert counts["shards_changed"] + counts["shards_unchanged"] >= 20, (asset, counts)
    for asset, before in first.items():
        assert home.manifest(asset, "baseline")["content_digest"] != before["content_digest"], asset
