"""`opencoder-dag`: every stage alone on your own files, and the front door to the graph.

Belongs here: arguments, and one line when something is wrong. Exit status 0; 1 when work failed; 2 for bad
arguments or input.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, cast

import typer

from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.inputs import OneFolderLake
from opencoder_dag.lake import Dataset, Lake, open_dataset
from opencoder_dag.report.console import console
from opencoder_dag.workbench import stage_command

if TYPE_CHECKING:
    from opencoder_dag.evaluate.generate import Form

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
Web = Annotated[str | None, typer.Option(help="recalled web text: stage folder or Parquet")]
HeldOut = Annotated[str | None, typer.Option(help="documents not to train on")]
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


@app.command()
def serve(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="stage folder of a model")],
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
) -> None:
    """Offer a model over an OpenAI-compatible API on loopback, with a chat page."""
    from opencoder_dag.train.serve import serve as serve_model

    serve_model(model, port)


# --- stages ---


@app.command()
def collect(
    source: Annotated[str, typer.Argument(metavar="SOURCES", help="comma-separated; see OPENCODER_SOURCES")],
    out: Out,
    max_bytes: Annotated[
        int | None, typer.Option(min=1, help="bytes to collect; default all of a folder")
    ] = None,
    json: AsJson = False,
) -> None:
    """Read source files into documents."""
    from opencoder_dag.sources import collect as collect_documents
    from opencoder_dag.sources import sources_from_spec

    with stage_command("collect", out, json) as work:
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
    labels: Annotated[
        Path | None, typer.Option(help="seed: file with columns url and label, not the heuristic")
    ] = None,
    rounds: Annotated[int | None, typer.Option(help="instead of 3")] = None,
    extractor: Annotated[str | None, typer.Option(help="resiliparse or trafilatura")] = None,
    settings: Annotated[
        Path | None, typer.Option(help="YAML file with all settings; default OPENCODER_RECALL")
    ] = None,
    json: AsJson = False,
) -> None:
    """Find the code-related pages of a crawl."""
    if model is not None and (labels is not None or rounds is not None):
        raise InputError("--model: a classifier that is there needs no --labels and no --rounds")
    from opencoder_dag.web import apply_recall, load_recall, page_source
    from opencoder_dag.web import recall as recall_pages

    changes: dict[str, object] = {}
    if labels is not None:
        changes["seed"] = {"by": "labels", "labels": str(labels.absolute())}
    if rounds is not None:
        changes["rounds"] = rounds
    if extractor is not None:
        changes["extraction"] = {"tool": extractor}
    with stage_command("recall", out, json) as work:
        source = page_source(None if pages == "installed" else pages, work.settings.web_bytes)
        file = settings.absolute() if settings else work.settings.recall
        config, size = load_recall(file, work.settings.llm_url, changes), work.settings.shard_bytes
        rest = (source, config, size, work.engine, work.on_progress, Lake(out))
        if model is None:
            work.output = recall_pages(work.lake, *rest)
        else:
            work.output = apply_recall(work.lake, model, *rest)


@app.command()
def dedup(
    source: Input,
    out: Out,
    level: Annotated[str | None, typer.Option(help="file, repository or chunk")] = None,
    preset: Annotated[str | None, typer.Option(help="verified, stack or opencoder")] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR", help="earlier result that remembers; repeat, oldest first"),
    ] = None,
    remember: Annotated[bool, typer.Option(help="keep what a later --against needs")] = False,
    recipe: RecipeName = "baseline",
    json: AsJson = False,
) -> None:
    """Remove exact and near duplicates, within IN and of what earlier results kept."""
    from opencoder_dag.dedup import deduplicate

    changes: dict[str, object] = {
        key: value for key, value in (("level", level), ("preset", preset)) if value is not None
    }
    with stage_command("dedup", out, json) as work:
        config = work.recipe(recipe, {"dedup": changes}).dedup
        work.output = deduplicate(
            work.lake,
            [work.open(source)],
            config,
            work.engine,
            work.on_progress,
            remember=remember,
            against=[open_dataset(folder) for folder in against or ()],
        )


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
        if source is not None or out is not None or recipe != "baseline":
            raise InputError("--explain: shows the default thresholds, without IN, --out or --recipe")
        _explain(explain)
        return
    if source is None or out is None:
        raise InputError("filter needs IN and --out, or --explain FILE")
    from opencoder_dag.rules import filter_corpus

    with stage_command("filter", out, json) as work:
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
    web: Web = None,
    held_out: HeldOut = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="tokenizer folder; default one trained on IN, kept in DIR/tokenizer")
    ] = None,
    recipe: RecipeName = "baseline",
    json: AsJson = False,
) -> None:
    """Choose what the model sees in pre-training and in annealing."""
    from opencoder_dag.mix import build_mix
    from opencoder_dag.model import train_tokenizer

    with stage_command("mix", out, json) as work:
        chosen = work.recipe(recipe)
        corpus, pages = work.open(source), work.open_or_nothing(web)
        folder = tokenizer
        if folder is None:
            kept = OneFolderLake(f"{out}/tokenizer")
            folder = train_tokenizer(kept, [corpus, pages], chosen.tokenizer, chosen.seed).path
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
            model=work.language_model(),
        )


@app.command()
def train(
    source: Annotated[str, typer.Argument(metavar="MIX", help="stage folder of mix")],
    out: Out,
    tokenizer: Annotated[
        str | None, typer.Option(help="stage folder of the tokenizer; default MIX/tokenizer")
    ] = None,
    held_out: Annotated[str | None, typer.Option(help="documents to measure the loss on")] = None,
    recipe: RecipeName = "baseline",
    json: AsJson = False,
) -> None:
    """Pre-train and anneal a model."""
    from opencoder_dag.train import base_job

    with stage_command("train", out, json) as work:
        job = base_job(
            work.lake,
            open_dataset(source),
            work.open_or_nothing(held_out),
            open_dataset(tokenizer or f"{source}/tokenizer"),
            work.recipe(recipe),
            work.settings,
        )
        work.train(job)


@app.command()
def instruct(
    source: Input,
    out: Out,
    web: Web = None,
    held_out: HeldOut = None,
    recipe: RecipeName = "baseline",
    json: AsJson = False,
) -> None:
    """Make instruction data for both stages of tuning."""
    from opencoder_dag.instruct import build_instruct_data

    with stage_command("instruct", out, json) as work:
        chosen = work.recipe(recipe)
        work.output = build_instruct_data(
            work.lake,
            work.open(source),
            work.open_or_nothing(web),
            work.open_or_nothing(held_out),
            chosen.sft,
            chosen.evaluate.suites,
            chosen.seed,
            work.sandbox,
            work.engine,
            work.on_progress,
            model=work.language_model(),
        )


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
    from opencoder_dag.train import sft_job

    with stage_command("sft", out, json) as work:
        job = sft_job(
            work.lake,
            open_dataset(source),
            open_dataset(base),
            open_dataset(tokenizer),
            work.recipe(recipe),
            work.settings,
        )
        work.train(job)


@app.command()
def evaluate(
    out: Out,
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="stage folder of a model, or address of an OpenAI-compatible server (http://HOST:8000/v1); "
            "default $OPENCODER_LLM_URL",
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            help="base (continues a prompt) or chat (answers a request); default base, chat for an address"
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="the model's name at the address; default its first")
    ] = None,
    suite: Annotated[
        list[str] | None, typer.Option(help="a suite instead of the recipe's; repeatable")
    ] = None,
    problems: Annotated[int | None, typer.Option(min=1, help="only the first so many of each suite")] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="completions a problem")] = None,
    temperature: Annotated[float | None, typer.Option(min=0.0, help="0: greedy")] = None,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="go on without suites and languages that are not here")
    ] = False,
    completions: Annotated[
        str | None,
        typer.Option(help="folder whose completions are taken and added to; default that of --out"),
    ] = None,
    held_out: Annotated[str | None, typer.Option(help="documents to measure bits per byte on")] = None,
    recipe: RecipeName = "baseline",
    json: AsJson = False,
) -> None:
    """Score a model: pass@k on the recipe's suites, bits per byte on held-out documents."""
    if form not in (None, "base", "chat"):
        raise InputError(f"--form: must be base or chat, not '{form}'")
    given = {"suites": suite, "problems": problems, "samples": samples, "temperature": temperature}
    changes: dict[str, object] = {key: value for key, value in given.items() if value is not None}
    if skip_missing:
        changes["missing"] = "skip"
    with stage_command("evaluate", out, json) as work:
        chosen = work.recipe(recipe, {"evaluate": changes})
        work.evaluate(model, name, cast("Form | None", form), held_out, chosen, completions or out)
    if work.output is not None and not json:
        _show_scores(work.output)


def _show_scores(scored: Dataset) -> None:
    from rich.table import Table

    from opencoder_dag.report.scores import plain_number, scores_of

    table = Table("score", "value", "95 % interval")
    for name, value in sorted(scores_of(scored).items()):
        low, high = scored.manifest.facts["intervals"][name]
        table.add_row(name, plain_number(value), f"{plain_number(low)} to {plain_number(high)}")
    typer.echo(_plain(table))


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

    with stage_command("compare", out, json) as work:
        corpora = work.open(first), work.open(second)
        names = (Path(first).stem, Path(second).stem) if Path(first).stem != Path(second).stem else ("A", "B")
        work.output = compare_corpora(work.lake, *corpora, names, sample)
        if json:
            return
        for side in sides_of(work.output):
            typer.echo(
                f"{side.name}: {side.documents:,} documents, spread {side.spread:.3f}, "
                f"outliers {side.outliers:.1%}, shared {side.shared:.1%}"
            )
        typer.echo(f"picture: {work.output.file('comparison.png')}")


def main() -> None:
    """Entry point: errors meant for users become one line on standard error and an exit status."""
    try:
        app(standalone_mode=True)
    except InputError as error:
        _leave(_complain(error, 2))
    except OpencoderError as error:
        _leave(_complain(error, 1))
    except KeyboardInterrupt:
        _leave(130)
    except SystemExit as done:
        if not isinstance(done.code, int | None):
            raise
        _leave(done.code or 0)


def _leave(status: int) -> NoReturn:
    """Exit as the interpreter does, but for the threads of libraries.

    The interpreter unwinds those that still run, and now and then one stands in C++ that allows no unwinding:
    the process then aborts (status 134) although its work is done.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads that are no daemons
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError):  # a reader that has gone
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def _complain(error: OpencoderError, status: int) -> int:
    print(f"opencoder-dag: {' '.join(str(error).split())}", file=sys.stderr)
    return status


if __name__ == "__main__":
    main()
