"""What the stage commands share: where they write, who runs the tasks, what the user's input is.

Belongs here: opening settings, engine and progress bar around one call into the library.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from opencoder_dag.engine import Engine, open_engine
from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.inputs import OneFolderLake, no_documents, open_input
from opencoder_dag.lake import Dataset, Lake, open_dataset
from opencoder_dag.recipe import Recipe
from opencoder_dag.recipe_files import load_recipe
from opencoder_dag.report.console import console, progress, stage_line
from opencoder_dag.sandbox import SandboxOptions
from opencoder_dag.settings import Settings, load_settings

if TYPE_CHECKING:
    from opencoder_dag.evaluate.generate import Form
    from opencoder_dag.instruct.llm import ChatModel
    from opencoder_dag.train import TrainJob  # at run time only by commands that train: it loads torch


class Workbench:
    """One stage command in progress: where it writes, who runs the tasks, what came out."""

    def __init__(self, lake: Lake, scratch: Lake, engine: Engine, settings: Settings) -> None:
        self.lake = lake
        self.scratch = scratch
        self.engine = engine
        self.settings = settings
        self.on_progress: Callable[[int, int], None] = lambda done, total: None
        self.output: Dataset | None = None

    def open(self, path: str) -> Dataset:
        """The input that the user named."""
        return open_input(path, self.scratch, self.engine, self.settings.shard_bytes)

    def open_or_nothing(self, path: str | None) -> Dataset:
        """An optional input; a dataset of no documents when it was not given."""
        return no_documents(self.scratch) if path is None else self.open(path)

    @property
    def sandbox(self) -> SandboxOptions:
        """How programs are contained."""
        return SandboxOptions(kind=self.settings.sandbox, workers=self.settings.dask_workers)

    def language_model(self) -> ChatModel | None:
        """The model at `OPENCODER_LLM_URL`, which writes further items; without one there are none."""
        from opencoder_dag.instruct.llm import ChatModel

        return ChatModel(self.settings.llm_url) if self.settings.llm_url else None

    def train(self, job: TrainJob) -> None:
        """Train a job, or take its model from the lake, as the output."""
        from opencoder_dag.train import publish_model, run_training

        def on_step(point: dict[str, Any]) -> None:
            if "steps" in point:
                self.on_progress(int(point["step"]), int(point["steps"]))

        if self.lake.find(job.stage) is None:
            run_training(job, self.settings, on_step)
        self.output = publish_model(self.lake, job)

    def evaluate(
        self,
        model: str | None,
        name: str | None,
        form: Form | None,
        held_out: str | None,
        recipe: Recipe,
        completions: str,
    ) -> None:
        """Score a model folder, or a model behind an address under a name, as the output.

        Completions are kept in the folder `completions`. Raises `InputError` when there is nothing to score.
        """
        from opencoder_dag.evaluate import evaluate_endpoint, evaluate_model
        from opencoder_dag.instruct.llm import ChatModel

        subject = model or self.settings.llm_url
        if subject is None:
            raise InputError("MODEL: name the folder or the address of a model, or set OPENCODER_LLM_URL")
        config, seed, sandbox = recipe.evaluate, recipe.seed, self.sandbox
        kept = Lake(completions)
        if subject.startswith(("http://", "https://")):
            if held_out is not None:
                raise InputError("--held-out: bits per byte need the model's folder, not an address")
            served = ChatModel(subject, name)
            self.output = evaluate_endpoint(
                self.lake, served, config, seed, sandbox, self.on_progress, form or "chat", kept
            )
            return
        trained = open_dataset(subject)
        self.output = evaluate_model(
            self.lake,
            trained,
            trained.path,
            self.open_or_nothing(held_out),
            config,
            form or "base",
            seed,
            sandbox,
            self.on_progress,
            kept,
        )

    def recipe(self, name: str, changes: dict[str, dict[str, object]] | None = None) -> Recipe:
        """A recipe with the options of the command line over it."""
        base = load_recipe(name, self.settings.scale, self.settings.recipes)
        return base.with_changes(changes or {})


@contextmanager
def stage_command(name: str, out: str, as_json: bool) -> Iterator[Workbench]:
    """Run one stage command: yields the workbench, expects its `output`, prints the line of the stage."""
    settings = load_settings()
    if "://" not in out and Path(out).exists() and not Path(out).is_dir():
        raise InputError(f"--out: {out} is a file; name a folder")
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="opencoder-") as scratch,
        open_engine(settings.dask_address, settings.dask_workers) as engine,
        progress(name) as on_progress,
    ):
        work = Workbench(OneFolderLake(out), Lake(scratch), engine, settings)
        work.on_progress = on_progress
        yield work
    if work.output is None:
        raise OpencoderError(f"{name}: nothing was written")
    console.print(stage_line(name, None, work.output, time.monotonic() - started))
    if as_json:
        typer.echo(work.output.manifest.to_json())
