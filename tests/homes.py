"""A home folder of its own for tests that run the whole graph at the smoke scale: real code of this machine,
real training."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RECIPES = ("baseline", "star_filter", "repo_dedup")
# Enough shards for a kill to fall between them, small enough for minutes.
SMOKE = {
    "OPENCODER_SCALE": "smoke",
    "OPENCODER_SOURCE_BYTES": "3000000",
    "OPENCODER_SHARD_BYTES": "300000",
    "OPENCODER_WEB_BYTES": "3000000",
}


@dataclass
class Home:
    """A home folder and the command line working in it."""

    path: Path
    env: dict[str, str] = field(default_factory=dict)

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a command in this home."""
        clean = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("OPENCODER_", "DAGSTER_HOME"))
        }
        return {**clean, **SMOKE, **self.env, **more, "OPENCODER_HOME": str(self.path)}

    def run(self, *arguments: str, timeout: float = 500, **more: str) -> subprocess.CompletedProcess[str]:
        """Run `opencoder-dag` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "opencoder_dag.cli", *arguments],
            cwd=ROOT,
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def run_until(
        self, condition: Callable[[], bool], *arguments: str, timeout: float = 400, **more: str
    ) -> None:
        """Start `opencoder-dag`, and `kill -9` its whole process group as soon as `condition` holds."""
        log = self.path / "killed.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "opencoder_dag.cli", *arguments],
                cwd=ROOT,
                env=self.environment(**more),
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        deadline = time.monotonic() + timeout
        try:
            while not condition():
                assert process.poll() is None, f"ended before the condition held: {log.read_text()[-2000:]}"
                assert time.monotonic() < deadline, f"the condition never held: {log.read_text()[-2000:]}"
                time.sleep(0.01)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def folder(self, asset: str, recipe: str = "all") -> Path:
        """Stage folder of an asset's newest output."""
        pointer = json.loads((self.path / "lake" / "assets" / asset / f"{recipe}.json").read_text())
        return self.path / "lake" / pointer["folder"]

    def manifest(self, asset: str, recipe: str = "all") -> dict:
        """Manifest of an asset's newest output."""
        return json.loads((self.folder(asset, recipe) / "manifest.json").read_text())

    def files(self) -> dict[str, int]:
        """Every file of the lake with its time of last change."""
        lake = self.path / "lake"
        return {
            str(path.relative_to(lake)): path.stat().st_mtime_ns for path in lake.rglob("*") if path.is_file()
        }


SHARED_ASSETS = ("raw_code", "web_recall", "held_out")
CORPUS_ASSETS = ("deduped_corpus", "filtered_corpus")
CHAIN_ASSETS = (
    *CORPUS_ASSETS,
    *("tokenizer", "annealing_mix", "base_model", "base_scores", "instruct_data", "sft_model", "eval_scores"),
)


MATERIALIZE = """
import sys
from opencoder_dag.graph import load_definitions
from opencoder_dag.settings import load_settings
if __name__ == "__main__":
    module = load_definitions(load_settings())
    import dagster as dg
    names = [dg.AssetKey(name) for name in sys.argv[1].split(",")]
    with dg.DagsterInstance.get() as instance:
        result = module.defs.resolve_job_def("everything").execute_in_process(
            instance=instance, partition_key="baseline", raise_on_error=False, asset_selection=names,
            run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}})
    sys.exit(0 if result.success else 1)
"""


def materialize(home: Home, assets: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Materialise some assets for the baseline as `dagster asset materialize` does."""
    home.path.joinpath("dagster").mkdir(parents=True, exist_ok=True)
    script = home.path / "materialize.py"
    script.write_text(MATERIALIZE)

    return subprocess.run(
        [sys.executable, str(script), assets],
        cwd=ROOT,
        env=home.environment(PYTHONPATH=str(ROOT), **more),
        capture_output=True,
        text=True,
        timeout=500,
    )
