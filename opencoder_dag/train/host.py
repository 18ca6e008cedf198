"""`python -m opencoder_dag.train.host`: DeepSpeed's launcher of one host, started in half the time.

Belongs here: nothing else. Its autotuner, which nobody uses here, would import all of MLflow.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_mlflow() -> Iterator[None]:
    """Inside it `import mlflow` fails, which DeepSpeed expects; where it is imported already it stays."""
    absent = "mlflow" not in sys.modules
    if absent:
        sys.modules["mlflow"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if absent:
            del sys.modules["mlflow"]


if __name__ == "__main__":
    with without_mlflow():
        from deepspeed.launcher import launch
    launch.main()
