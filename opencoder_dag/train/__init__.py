"""Training: packing, schedules, the loop on DeepSpeed, checkpoints, export.

The parent describes a job (`base_job`, `sft_job`), runs it in child processes (`run_training`) and publishes
the result (`publish_model`). Only the child imports torch.
"""

from opencoder_dag.train.job import TrainJob, base_job, load_job, sft_job
from opencoder_dag.train.launch import launch_command, run_training
from opencoder_dag.train.publish import publish_model

__all__ = ["TrainJob", "base_job", "launch_command", "load_job", "publish_model", "run_training", "sft_job"]
