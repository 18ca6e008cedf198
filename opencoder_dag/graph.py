"""The front door to the asset graph: materialise recipes in this process, or open the web pages.

The one module of the library that reaches for Dagster and for `definitions.py`, and only when called.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
from rich.table import Table

from opencoder_dag.engine import connect
from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.recipe import seed_names, split_seed
from opencoder_dag.recipe_files import load_recipe
from opencoder_dag.report.console import console
from opencoder_dag.report.scores import plain_number, recipe_rows
from opencoder_dag.settings import Settings, load_settings

SHUTDOWN_SECONDS = 15
PID_TAG = "opencoder/process"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def project_root() -> Path:
    """Folder of `definitions.py`: the working directory, or the checkout this package was installed from."""
    candidates = [Path.cwd(), Path(__file__).resolve().parent.parent]
    for candidate in candidates:
        if (candidate / "definitions.py").exists() and (candidate / "workspace.yaml").exists():
            return candidate
    raise InputError("no definitions.py and workspace.yaml here; run this in a checkout of the project")


def prepare_home(settings: Settings) -> None:
    """Make the home folder and Dagster's folder in it, and switch telemetry off."""
    dagster_home = Path(os.environ.setdefault("DAGSTER_HOME", str(settings.home / "dagster")))
    try:
        dagster_home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"OPENCODER_HOME: {settings.home} cannot be written ({error.strerror})") from None
    if not (dagster_home / "dagster.yaml").exists():
        shutil.copy(project_root() / "resources" / "dagster.yaml", dagster_home / "dagster.yaml")
    for name in ("DAGSTER_DISABLE_TELEMETRY", "MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        os.environ.setdefault(name, "true")
    # Eight more processes for evaluations of chats, which nobody asks of it here.
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    # Models and data come by path; nothing may ask a hub on its own.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")


def load_definitions(settings: Settings) -> ModuleType:
    """Import `definitions.py` with everything set up for it."""
    prepare_home(settings)
    # Dagster announces which of its parts may still change; that is for us to follow, not for a terminal.
    warnings.filterwarnings("ignore", module="dagster")
    root = str(project_root())
    if root not in sys.path:
        sys.path.insert(0, root)
    import definitions

    return definitions


def materialize_recipes(recipes: Sequence[str]) -> None:
    """Materialise the shared assets, then the chain of each recipe, then the report; print the table.

    Raises `InputError` for wrong recipes or settings before anything runs, and `OpencoderError` with the
    failed asset's one line when work fails; what was finished before stays and is reused next time.
    """
    from opencoder_dag.web import load_recall

    settings = load_settings()
    recipes = [name for recipe in recipes for name in seed_names(recipe, settings.seeds)]
    for name in recipes:
        load_recipe(name, settings.scale, settings.recipes)
    load_recall(settings.recall, settings.llm_url)
    if settings.dask_address:
        connect(settings.dask_address).close()
    module = load_definitions(settings)
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        _bury_dead_runs(instance)
        _run_job(module, instance, "shared_upstream", None)
        for name in recipes:
            _run_job(module, instance, "recipe_chain", name)
        _run_job(module, instance, "report", None)
    print_results(recipes)


def _run_job(module: ModuleType, instance: Any, job: str, partition: str | None) -> None:
    result = module.defs.resolve_job_def(job).execute_in_process(
        instance=instance,
        partition_key=partition,
        run_config=QUIET,
        raise_on_error=False,
        tags={PID_TAG: process_identity(os.getpid())},
    )
    if result.success:
        return
    for event in result.all_node_events:
        if event.is_step_failure:
            raise _explain(event.step_failure_data, event.step_key)
    failed = [event for event in result.all_events if event.is_failure]
    raise OpencoderError(failed[-1].message if failed else f"job {job} failed")


def _explain(failure: Any, step: str) -> OpencoderError:
    user = failure.user_failure_data
    if user is not None:
        kind = getattr(user.metadata.get("kind"), "value", "")
        return InputError(user.description) if kind == "InputError" else OpencoderError(user.description)
    error = failure.error
    while error.cause is not None:
        error = error.cause
    return OpencoderError(f"{step}: {' '.join(error.message.split())}")


# --- runs of processes that were killed ---


def process_identity(pid: int) -> str:
    """Host, process id and start time: enough to tell a process from a later one of the same number."""
    return f"{socket.gethostname()}:{pid}:{psutil.Process(pid).create_time():.0f}"


def _bury_dead_runs(instance: Any) -> None:
    """Mark runs whose process was killed as failed, and free their pool slots."""
    from dagster import DagsterRunStatus, RunsFilter

    unfinished = RunsFilter(statuses=[DagsterRunStatus.STARTED, DagsterRunStatus.STARTING])
    for run in instance.get_runs(unfinished):
        identity = run.tags.get(PID_TAG)
        if identity and not _alive(identity):
            instance.report_run_failed(run, "its process was killed")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _alive(identity: str) -> bool:
    host, pid, _ = identity.split(":")
    if host != socket.gethostname():
        return True  # another machine's run is not ours to judge
    return psutil.pid_exists(int(pid)) and process_identity(int(pid)) == identity


# --- what people see at the end ---


def print_results(recipes: Sequence[str] = ()) -> None:
    """Print the table of these recipes (or of all) and the addresses of the web pages."""
    settings = load_settings()
    module = load_definitions(settings)
    from assets.ablation_report import gather

    rows = recipe_rows(gather(module.defs.resources["lake"]))
    if recipes:
        wanted = list(dict.fromkeys(split_seed(name)[0] for name in recipes))
        rows = [row for name in wanted for row in rows if row["recipe"] == name]
    table = Table(title="Recipes", title_justify="left")
    for column in rows[0] if rows else ():
        table.add_column(column, justify="left" if column == "recipe" else "right")
    for row in rows:
        table.add_row(*(plain_number(value) for value in row.values()))
    console.print()
    console.print(table)
    runs = module.defs.resources["mlflow"].table_link(
        load_recipe("baseline", settings.scale, settings.recipes)
    )
    console.print(f"\nTo look at it: make ui, then open\n  {settings.dagster_page}\n  {runs}")


def open_ui() -> None:
    """Serve Dagster (web server and daemon) and MLflow on loopback until interrupted."""
    settings = load_settings()
    load_definitions(settings)
    for name, port in (
        ("OPENCODER_DAGSTER_PORT", settings.dagster_port),
        ("OPENCODER_MLFLOW_PORT", settings.mlflow_port),
    ):
        if _port_taken(port):
            raise InputError(f"{name}: port {port} is in use; set another one")

    def interrupted(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    # Before the servers start: a shell that put us into the background made us ignore interrupts, and what we
    # ignore our children would ignore as well.
    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    commands = {"dagster": dagster_command(settings)}
    if not settings.mlflow_page.startswith(settings.mlflow_uri or "\0"):
        commands["mlflow"] = mlflow_command(settings)
    processes = [_serve(name, command, settings) for name, command in commands.items()]
    console.print(
        f"Dagster  {settings.dagster_page}   (answers in some 20 seconds)\n"
        f"MLflow   {settings.mlflow_page}\n"
        f"Ctrl-C ends both. Logs are in {settings.home / 'logs'}"
    )

    try:
        while all(process.poll() is None for process in processes):
            time.sleep(0.5)
        raise OpencoderError(f"a server ended by itself; see {settings.home / 'logs'}")
    except KeyboardInterrupt:
        pass
    finally:
        for process in processes:
            _end(process)


def _serve(name: str, command: list[str], settings: Settings) -> subprocess.Popen[bytes]:
    log = settings.home / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        return subprocess.Popen(command, cwd=project_root(), stdout=out, stderr=out, start_new_session=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let a server shut down in order, then end whatever of its process group is left."""
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=SHUTDOWN_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def dagster_command(settings: Settings) -> list[str]:
    """The command that serves Dagster's pages and runs its daemon, on loopback."""
    return [
        *(str(Path(sys.executable).parent / "dagster"), "dev"),
        *("-w", str(project_root() / "workspace.yaml")),
        *("-h", "127.0.0.1", "-p", str(settings.dagster_port)),
        *("--log-level", "warning", "--code-server-log-level", "warning"),
    ]


def mlflow_command(settings: Settings) -> list[str]:
    """The command that serves this home's MLflow on loopback."""
    return [
        sys.executable,
        *("-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(settings.mlflow_port)),
        *("--backend-store-uri", settings.tracking_uri),
        *("--artifacts-destination", (settings.home / "mlflow" / "artifacts").as_uri()),
        *("--workers", "1"),
    ]


def _port_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
