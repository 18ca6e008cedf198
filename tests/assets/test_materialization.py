"""An interrupt ends a run: nothing is tried again, nothing else is started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import os, signal, sys, time
import dagster as dg
from assets.materialization import RETRY, stage_of

@dg.asset(retry_policy=RETRY)
def long_work(context: dg.AssetExecutionContext) -> None:
    with stage_of(context):
        print("started", flush=True)
        os.kill(os.getpid(), int(sys.argv[1]))
        time.sleep(60)

@dg.asset(retry_policy=RETRY)
def zz_other_work(context: dg.AssetExecutionContext) -> None:
    with stage_of(context):
        print("other", flush=True)

with dg.DagsterInstance.ephemeral() as instance:
    job = dg.define_asset_job("all", executor_def=dg.in_process_executor)
    every = dg.Definitions([long_work, zz_other_work], jobs=[job]).resolve_job_def("all")
    result = every.execute_in_process(instance=instance, raise_on_error=False)
for event in result.all_node_events:
    if event.is_step_failure:
        print(event.step_key, event.step_failure_data.user_failure_data.description)
"""


def test_an_interrupt_is_no_failed_work():
    for number in (2, 15):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(number)], cwd=ROOT, capture_output=True, text=True, timeout=50
        )
        lines = [
            line for line in done.stdout.splitlines() if line.startswith(("started", "other", "long", "zz"))
        ]
        assert sorted(lines) == [
            "long_work long_work: interrupted; run again to go on from there",
            "started",
            "zz_other_work zz_other_work: not started, because the run was interrupted",
        ], done.stderr[-2000:]
