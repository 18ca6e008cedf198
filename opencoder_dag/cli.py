"""`opencoder-dag`: every stage alone on your own files, and the front door to the graph.

Belongs here: arguments, and one line when something is wrong. Exit status 0; 1 when work failed; 2 for bad
arguments or input.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opencoder_dag.engine import Engine, open_engine
from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.inputs import OneFolderLake, no_documents, open_input
from opencoder_dag.lake import Dataset, Lake, open_dataset
from opencoder_dag.recipe import Recipe, load_recipe
from opencoder_dag.report.console import console, progress, stage_line
from opencoder_dag.settings import Settings, load_settings

if TYPE_CHECKING:
    from opencoder_dag.sandbox import SandboxOptions

app = typer.Typer(
    help="Build code language models reproducibly: the OpenCoder cookbook as an asset graph and as commands.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Input = Annotated[
    str, typer.Argument(metavar="IN", help="stage folder, Parquet file or folder, or source folder")
]
Out = Annotated[str, typer.Option("--out", metavar="DIR", help="stage folder to write")]
RecipeName = Annotated[str, typer.Option("--recipe", help="recipe whose settings are used")]
AsJson = Annotated[bool, typer.Option("--json", help="print the manifest")]

DEFAULT_RECIPES = ("baseline", "star_filter", "repo_dedup")


# --- the graph ---


@app.command()
def run(
    recipes: Annotated[list[str] | None, typer.Argument(help="recipes, in order; default three")] = None,
) -> None:
    """Materialise the whole graph for recipes; what is ready is reused."""
    from opencoder_dag.graph import materialize_recipes

    materialize_recipes(recipes or DEFAULT_RECIPES)


@app.command()
def ui() -> None:
    """Open the Dagster and MLflow pages on loopback."""
    from opencoder_dag.graph import open_ui

    open_ui()


# --- stages ---


@app.command()
def collect(
    source: Annotated[str, typer.Argument(metavar="SOURCES", help="comma-separated; see OPENCODER_SOURCES")],
    out: Out,
    max_bytes: Annotated[int | None, typer.Option(help="bytes to collect; default all of a folder")] = None,
    json: AsJson = False,
) -> None:
    """Read source files into documents."""
    from opencoder_dag.sources import collect as collect_documents
    from opencoder_dag.sources import sources_from_spec

    with _stage("collect", out, json) as work:
        limit = max_bytes or (work.settings.source_bytes if source == "installed" else 1 << 62)
        work.output = collect_documents(
            work.lake,
            sources_from_spec(source),
            limit,
            work.settings.shard_bytes,
            work.engine,
            work.on_progress,
        )


@app.command()
def recall(
    pages: Annotated[
        str, typer.Argument(metavar="PAGES", help="WARC, WET or Parquet path or glob, or 'installed'")
    ],
    out: Out,
    model: Annotated[
        str | None, typer.Option(help="apply the classifier of this recall stage folder")
    ] = None,
    json: AsJson = False,
) -> None:
    """Find the code-related pages of a crawl."""
    from opencoder_dag.web import RecallConfig, apply_recall, page_source
    from opencoder_dag.web import recall as recall_pages

    with _stage("recall", out, json) as work:
        source = page_source(None if pages == "installed" else pages, work.settings.web_bytes)
        config, size = RecallConfig(), work.settings.shard_bytes
        if model is None:
            work.output = recall_pages(work.lake, source, config, size, work.engine, work.on_progress)
        else:
            work.output = apply_recall(work.lake, model, source, config, size, work.engine, work.on_progress)


@app.command()
def dedup(
    source: Input,
    out: Out,
    level: Annotated[str | None, typer.Option(help="file, repository or chunk")] = None,
    preset: Annotated[str | None, typer.Option(help="opencoder or stack")] = None,
    recipe: RecipeName = "baseline",
    json: AsJson = False,
) -> None:
    """Remove exact and near duplicates."""
    from opencoder_dag.dedup import deduplicate

    changes: dict[str, object] = {
        key: value for key, value in (("level", level), ("preset", preset)) if value is not None
    }
    with _stage("dedup", out, json) as work:
        config = work.recipe(recipe, {"dedup": changes}).dedup
        work.output = deduplicate(work.lake, [work.open(source)], config, work.engine, work.on_progress)


@app.command(name="filter")
def filter_documents(
    source: Annotated[str | None, typer.Argument(metavar="IN", help="documents to filter")] = None,
    out: Annotated[str | None, typer.Option("--out", metavar="DIR", help="stage folder to write")] = None,
    explain: Annotated[
        Path | None, typer.Option(help="print every signal of one file, with its threshold")
    ] = None,
    recipe: RecipeName = "baseline",
    json: AsJson = False,
) -> None:
    """Apply the transformation and the rules, or explain what they say of one file."""
    if explain is not None:
        _explain(explain)
        return
    if source is None or out is None:
        raise InputError("filter needs IN and --out, or --explain FILE")
    from opencoder_dag.rules import filter_corpus

    with _stage("filter", out, json) as work:
        chosen = work.recipe(recipe)
        work.output = filter_corpus(
            work.lake, [work.open(source)], chosen.filter, chosen.seed, work.engine, work.on_progress
        )


def _explain(path: Path) -> None:
    from rich.table import Table

    from opencoder_dag.rules import explain as explain_file

    table = Table("signal", "value", "threshold", "verdict", title=str(path), title_justify="left")
    for row in explain_file(path):
        style = "bold red" if row.hit else None
        table.add_row(row.signal, row.value, row.threshold, "drops" if row.hit else "", style=style)
    typer.echo(_plain(table))


def _plain(table: object) -> str:
    from io import StringIO

    from rich.console import Console

    width = console.width if sys.stdout.isatty() else 140
    out = Console(file=StringIO(), width=width, force_terminal=sys.stdout.isatty())
    out.print(table)
    return out.file.getvalue()  # type: ignore[attr-defined]


@app.command()
def mix(
    source: Input,
    out: Out,
    web: Annotated[str | None, typer.Option(help="recalled web text: stage folder or Parquet")] = None,
    held_out: Annotated[str | None, typer.Option(help="documents not to train on")] = None,
    tokenizer: Annotated[str | None, typer.Option(help="tokenizer folder; default one trained on IN")] = None,
    recipe: RecipeName = "baseline",
    json: AsJson = False,
) -> None:
    """Choose what the model sees in pre-training and in annealing."""
    from opencoder_dag.mix import build_mix
    from opencoder_dag.model import train_tokenizer

    with _stage("mix", out, json) as work:
        chosen = work.recipe(recipe)
        corpus, pages = work.open(source), work.open_or_nothing(web)
        folder = tokenizer
        if folder is None:
            folder = train_tokenizer(work.scratch, [corpus, pages], chosen.tokenizer, chosen.seed).path
        work.output = build_mix(
            work.lake,
            corpus,
            pages,
            work.open_or_nothing(held_out),
            folder,
            chosen.mix,
            chosen.train,
            chosen.seed,
            work.sandbox,
            work.engine,
            work.on_progress,
        )


@app.command()
def train(
    source: Annotated[str, typer.Argument(metavar="MIX", help="stage folder of mix")],
    out: Out,
    tokenizer: Annotated[str, typer.Option(help="stage folder of the tokenizer")],
    held_out: Annotated[str | None, typer.Option(help="documents to measure the loss on")] = None,
    recipe: RecipeName = "baseline",
    json: AsJson = False,
) -> None:
    """Pre-train and anneal a model."""
    from opencoder_dag.train import base_job, publish_model, run_training

    with _stage("train", out, json) as work:
        job = base_job(
            work.lake,
            open_dataset(source),
            work.open_or_nothing(held_out),
            open_dataset(tokenizer),
            work.recipe(recipe),
            work.settings,
        )
        if work.lake.find(job.stage) is None:
            run_training(job, work.settings, work.on_step)
        work.output = publish_model(work.lake, job)


@app.command()
def sft(
    source: Annotated[str, typer.Argument(metavar="ITEMS", help="stage folder of instruction data")],
    out: Out,
    base: Annotated[str, typer.Option(help="stage folder of the base model")],
    tokenizer: Annotated[str, typer.Option(help="stage folder of the tokenizer")],
    recipe: RecipeName = "baseline",
    json: AsJson = False,
) -> None:
    """Tune a base model on instructions."""
    from opencoder_dag.train import publish_model, run_training, sft_job

    with _stage("sft", out, json) as work:
        job = sft_job(
            work.lake,
            open_dataset(source),
            open_dataset(base),
            open_dataset(tokenizer),
            work.recipe(recipe),
            work.settings,
        )
        if work.lake.find(job.stage) is None:
            run_training(job, work.settings, work.on_step)
        work.output = publish_model(work.lake, job)


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="stage folder of a model")],
    out: Out,
    form: Annotated[str, typer.Option(help="base (continues a prompt) or chat (answers a request)")] = "base",
    held_out: Annotated[str | None, typer.Option(help="documents to measure bits per byte on")] = None,
    recipe: RecipeName = "baseline",
    json: AsJson = False,
) -> None:
    """Score a model: pass@k on the recipe's suites, bits per byte on held-out documents."""
    from opencoder_dag.evaluate import evaluate_model

    if form not in ("base", "chat"):
        raise InputError(f"--form: must be base or chat, not '{form}'")
    with _stage("evaluate", out, json) as work:
        chosen = work.recipe(recipe)
        trained = open_dataset(model)
        work.output = evaluate_model(
            work.lake,
            trained,
            trained.path,
            work.open_or_nothing(held_out),
            chosen.evaluate,
            "chat" if form == "chat" else "base",
            chosen.seed,
            work.sandbox,
            work.engine,
            work.on_progress,
        )


report = typer.Typer(
    help="Tables of what was built; without a further word, of the recipes evaluated so far."
)
app.add_typer(report, name="report")


@report.callback(invoke_without_command=True)
def report_recipes(context: typer.Context) -> None:
    """Print the table of the recipes evaluated so far."""
    if context.invoked_subcommand is None:
        from opencoder_dag.graph import print_results

        print_results()


@report.command()
def compare(
    first: Annotated[
        str, typer.Argument(metavar="A", help="a corpus: stage folder, Parquet or source folder")
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="another one")],
    out: Out,
    sample: Annotated[int, typer.Option(min=10, help="documents of each")] = 1500,
    json: AsJson = False,
) -> None:
    """Put two corpora into one picture, with their spread, outliers and overlap."""
    from opencoder_dag.report.compare import compare_corpora, sides_of

    with _stage("compare", out, json) as work:
        corpora = work.open(first), work.open(second)
        names = (Path(first).stem, Path(second).stem) if Path(first).stem != Path(second).stem else ("A", "B")
        work.output = compare_corpora(work.lake, *corpora, names, sample)
        for side in sides_of(work.output):
            typer.echo(
                f"{side.name}: {side.documents:,} documents, spread {side.spread:.3f}, "
                f"outliers {side.outliers:.1%}, shared {side.shared:.1%}"
            )
        typer.echo(f"picture: {work.output.file('comparison.png')}")


# --- what the stage commands share ---


class _Work:
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
        from opencoder_dag.sandbox import SandboxOptions

        return SandboxOptions(kind=self.settings.sandbox, workers=self.settings.dask_workers)

    def on_step(self, point: dict[str, Any]) -> None:
        """Move the progress bar by a line of training metrics."""
        if "steps" in point:
            self.on_progress(int(point["step"]), int(point["steps"]))

    def recipe(self, name: str, changes: dict[str, dict[str, object]] | None = None) -> Recipe:
        """A recipe with the options of the command line over it."""
        base = load_recipe(name, self.settings.scale, self.settings.recipes)
        return base.with_changes(changes or {})


@contextmanager
def _stage(name: str, out: str, as_json: bool) -> Iterator[_Work]:
    import tempfile
    import time

    settings = load_settings()
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="opencoder-") as scratch,
        open_engine(settings.dask_address, settings.dask_workers) as engine,
        progress(name) as on_progress,
    ):
        work = _Work(OneFolderLake(out), Lake(scratch), engine, settings)
        work.on_progress = on_progress
        yield work
    if work.output is None:
        raise OpencoderError(f"{name}: nothing was written")
    console.print(stage_line(name, None, work.output, time.monotonic() - started))
    if as_json:
        typer.echo(work.output.manifest.to_json())


def main() -> None:
    """Entry point: errors meant for users become one line on standard error and an exit status."""
    try:
        app(standalone_mode=True)
    except InputError as error:
        sys.exit(_complain(error, 2))
    except OpencoderError as error:
        sys.exit(_complain(error, 1))
    except KeyboardInterrupt:
        sys.exit(130)


def _complain(error: OpencoderError, status: int) -> int:
    print(f"opencoder-dag: {' '.join(str(error).split())}", file=sys.stderr)
    return status


if __name__ == "__main__":
    main()
