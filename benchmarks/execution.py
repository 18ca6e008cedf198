"""Throughput of the sandbox on HumanEval's reference solutions: one fresh process state a program.

    OPENCODER_EVAL_DATA=FOLDER python benchmarks/execution.py [--cores 0,1] [--repeats 5]

`program` has solution and test in one process; `examined` has the test in a process of its own.
One line of JSON each: problems a second (median and best of the repeats), problems a CPU second (of this
process and all below it, workers warm), and how many passed, which must be all for the figure to mean
anything. To compare with public executors, run theirs in the same minute on the same cores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time

import psutil

from opencoder_dag.evaluate.suites import load_suite
from opencoder_dag.sandbox import Program, Sandbox, SandboxOptions


def cpu_seconds() -> float:
    """CPU time of this process, of those below it, and of those that they have waited for."""
    me = psutil.Process()
    return sum(sum(process.cpu_times()[:4]) for process in [me, *me.children(recursive=True)])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cores", default="0,1")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sandbox", default="auto", choices=("auto", "bubblewrap", "process"))
    arguments = parser.parse_args()
    cores = [int(core) for core in arguments.cores.split(",")]
    os.sched_setaffinity(0, cores)
    problems = load_suite("humaneval").problems
    forms: dict[str, list[str | Program]] = {
        "program": [f"{problem.prompt}{problem.reference}\n{problem.test}" for problem in problems],
        "examined": [
            Program(problem.prompt + problem.reference, problem.test, (problem.entry_point,), problem.prelude)
            for problem in problems
        ],
    }
    options = SandboxOptions(kind=arguments.sandbox, seconds=10.0, workers=len(cores))
    for form, programs in forms.items():
        walls = []
        with Sandbox(options) as sandbox:
            sandbox.run(["pass", Program("", "pass")] * 8)  # workers are warm before the clocks run
            started = cpu_seconds()
            for _ in range(arguments.repeats):
                begin = time.perf_counter()
                outcomes = sandbox.run(programs)
                walls.append(time.perf_counter() - begin)
            used = cpu_seconds() - started
            kind = sandbox.kind
        record = {
            "form": form,
            "sandbox": kind,
            "cores": len(cores),
            "problems": len(programs),
            "passed": sum(outcome.passed for outcome in outcomes),
            "problems_per_s": round(len(programs) / statistics.median(walls), 1),
            "problems_per_s_best": round(len(programs) / min(walls), 1),
            "problems_per_cpu_s": round(arguments.repeats * len(programs) / used, 1),
            "wall_s_all": [round(wall, 3) for wall in walls],
        }
        print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
