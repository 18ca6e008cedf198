"""Training under DeepSpeed as a Dagster resource: a child process that reports through Dagster Pipes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dagster as dg

from opencoder_dag.settings import load_settings
from opencoder_dag.train import TrainJob, run_training


class DeepSpeedResource(dg.ConfigurableResource):
    """Runs training jobs with the ranks, hosts and device of the settings, or those given here."""

    ranks: int | None = None
    device: str | None = None

    def train(
        self,
        context: dg.AssetExecutionContext,
        job: TrainJob,
        on_metric: Callable[[dict[str, Any]], None] = lambda line: None,
    ) -> None:
        """Train a job to its end; `on_metric` sees every new line of its metrics.

        The child's output is in `train.log` of the job's folder, not on the terminal. When the run is
        terminated the child writes a checkpoint first. Raises `OpencoderError` with the child's last word and
        the path of the log.
        """
        given = {"ranks": self.ranks, "device": self.device}
        settings = load_settings().model_copy(update={key: value for key, value in given.items() if value})
        with dg.open_pipes_session(
            context=context,
            context_injector=dg.PipesTempFileContextInjector(),
            message_reader=dg.PipesTempFileMessageReader(),
        ) as session:
            run_training(job, settings, on_metric, session.get_bootstrap_env_vars())
