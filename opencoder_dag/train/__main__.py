"""`python -m opencoder_dag.train JOB.json`: one training process, started by the DeepSpeed launcher.

All output goes to `train.log` in the job's folder; what went wrong goes to `error.json`, for the parent.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from pathlib import Path

from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.train.launch import EXIT_FAILED, EXIT_INPUT, EXIT_STOPPED


def main() -> int:
    """Parse the arguments, train, and turn errors into an exit status and `error.json`."""
    parser = argparse.ArgumentParser(prog="python -m opencoder_dag.train")
    parser.add_argument("job", type=Path)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--parent", type=int, help="process to end with")
    parser.add_argument("--local_rank", type=int, default=0, help="set by the launcher")
    arguments = parser.parse_args()
    folder = arguments.job.parent
    log = os.open(folder / "train.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        from opencoder_dag.train.child import train
        from opencoder_dag.train.job import load_job

        train(load_job(arguments.job), arguments.device, arguments.parent)
        status = 0
    except Exception as error:
        status = _report(folder, error)
    sys.stdout.flush()
    sys.stderr.flush()
    # Libraries of both kinds of communication may hang in their exit handlers once a peer is gone.
    os._exit(status)


def _report(folder: Path, error: Exception) -> int:
    from opencoder_dag.lake import write_bytes

    traceback.print_exc()
    known = isinstance(error, OpencoderError)
    if type(error).__name__ == "StoppedError":
        status, kind = EXIT_STOPPED, "stopped"
    elif isinstance(error, InputError):
        status, kind = EXIT_INPUT, "input"
    else:
        status, kind = EXIT_FAILED, "failed"
    path = folder / "error.json"
    # A peer that died makes the others fail in the next exchange; the first real reason is the one to keep.
    if known or not path.exists():
        message = (
            " ".join(str(error).split())
            if known
            else f"{type(error).__name__}: {' '.join(str(error).split())}"
        )
        write_bytes(str(path), json.dumps({"kind": kind, "message": message, "known": known}).encode())
    return status


if __name__ == "__main__":
    main()
