"""`python -m opencoder_dag.train.host`: DeepSpeed's launcher of one host."""

from __future__ import annotations

from opencoder_dag.train.lean import without_mlflow

if __name__ == "__main__":
    with without_mlflow():
        from deepspeed.launcher import launch
    launch.main()
