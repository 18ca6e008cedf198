"""The stage "instruct_data": items from corpus and web, verified, decontaminated, each meaning once.

Belongs here: the order of the steps over all shards and the verdict on every item. What an item looks like
is in `broad.py` and `practical.py`, the tests are in `contamination.py` and `similar.py`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from opencoder_dag.document import judge_rows, one_line
from opencoder_dag.engine import Engine
from opencoder_dag.errors import OpencoderError
from opencoder_dag.instruct.broad import broad_items, is_worthwhile
from opencoder_dag.instruct.contamination import Contamination
from opencoder_dag.instruct.diverse import diverse_items
from opencoder_dag.instruct.items import CANDIDATE_SCHEMA, ITEM_SCHEMA, item_row
from opencoder_dag.instruct.judging import UNREADABLE, Judging, Verdict
from opencoder_dag.instruct.package import package_items
from opencoder_dag.instruct.practical import practical_items
from opencoder_dag.instruct.readers import digest_of
from opencoder_dag.instruct.references import references_digest, references_of, suites_in
from opencoder_dag.instruct.semi import semi_items
from opencoder_dag.instruct.sets import SetTask, read_set
from opencoder_dag.instruct.synthesis import synthesise
from opencoder_dag.lake import (
    Dataset,
    Lake,
    Stage,
    canonical_json,
    exists,
    read_table,
    read_text,
    sha256_text,
    write_bytes,
    write_table,
)
from opencoder_dag.mix.draw import draw
from opencoder_dag.mix.functions import documented_functions, parse
from opencoder_dag.mix.held_out import HeldOut
from opencoder_dag.mix.mining import checked_functions
from opencoder_dag.mix.standalone import Module
from opencoder_dag.shards import ShardReport, finish, run_shards, write_shard

if TYPE_CHECKING:
    from opencoder_dag.instruct.llm import ChatModel
    from opencoder_dag.recipe import Sft
    from opencoder_dag.sandbox import SandboxOptions

VERSION = "4"
POOL = 8  # candidates judged for every item wanted
BYTES_PER_TOKEN = 3  # of code with a small vocabulary; longer items would lose their end in training


def build_instruct_data(
    lake: Lake,
    corpus: Dataset,
    web: Dataset,
    held_out: Dataset,
    config: Sft,
    suites: list[str],
    seed: int,
    sandbox: SandboxOptions,
    engine: Engine,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    model: ChatModel | None = None,
    model_items: int = 200,
) -> Dataset:
    """Stage "instruct_data": kept items in `ITEM_SCHEMA`, at most `max_items` of each of the two stages.

    Stage 1 asks about every documented function (write, explain, locate) and lets the pages of `web` answer
    their own headings (diverse); stage 2 is made of self-contained functions whose own tests passed in the
    sandbox (educational) or that were run to see what they return (semi_instruct), and of functions of
    installed packages whose examples pass (package). The public sets of `config.sets` and the answers of a
    language `model` (at most `model_items` of each generator) go through the same steps. Removed, with
    evidence, are `held_out`, `over_pool` (not judged: enough others),
    `unusable` and `not_code` (of sets and models), `rewritten`, `not_verifiable`, `too_long`, `test_failed`,
    `duplicate`, `contaminated`, `similar`, `over_quota`.
    """
    references = references_of(suites)
    limits = {1: config.stage1.max_items, 2: config.stage2.max_items}
    set_digests = [digest_of(given.source) for given in config.sets]
    settings = {
        "max_items": {str(stage): limit for stage, limit in limits.items()},
        "sequence": config.sequence,
        "embedding_similarity": config.embedding_similarity,
        "embedding_model": config.embedding_model,
        "suites": references_digest(references),
        "sets": [given.config() for given in config.sets],
        "set_digests": set_digests,
        "model": None if model is None else {"name": model.model, "items": model_items},
        "seed": seed,
    }
    inputs = {"corpus": corpus.digest, "web": web.digest, "held_out": held_out.digest}
    stage = Stage("instruct_data", VERSION, settings, inputs)
    if (ready := lake.find(stage)) is not None:
        return ready
    started = time.monotonic()
    folder = lake.folder(stage)
    held = HeldOut.read(held_out).to_json()
    write_bytes(f"{folder}/work/held_out.json", held.encode())
    tasks = [
        MineTask(
            source=path,
            edition=dataset.manifest.created,
            pages=dataset is web,
            seed=seed,
            held_out=f"{folder}/work/held_out.json",
            held_out_digest=sha256_text(held),
            work=f"{folder}/work",
        )
        for dataset in (corpus, web)
        for path in dataset.shards()
    ]
    sets = [
        SetTask(
            given.source,
            given.format,
            given.stage,
            given.code_only,
            given.real_users,
            digest,
            seed,
            f"{folder}/work",
        )
        for given, digest in zip(config.sets, set_digests, strict=True)
    ]
    all_tasks: list[MineTask | SetTask] = [*tasks, *sets]
    steps = 2 * len(all_tasks) + 1
    for done, _ in enumerate(chain(engine.map(mine, tasks), engine.map(read_set, sets)), 1):
        on_progress(done, steps)

    mined = [task.mined for task in all_tasks]
    if model is not None:
        model.cache = model.cache or f"{lake.root}/answers"
        mined.append(_ask_model(mined, model, model_items, seed, f"{folder}/work"))
    tables = [read_table(path) for path in mined]
    judging = Judging([row for table in tables for row in table.to_pylist()])
    if model is not None:
        judging.drop_rewritten()
    judging.drop_held_out(_held_subjects(held_out))
    judging.limit({number: POOL * limit for number, limit in limits.items()}, "over_pool")
    judging.record(sandbox)
    if model is not None:
        judging.rewrite(model, sandbox, model_items)
    judging.drop_long(BYTES_PER_TOKEN * config.sequence)
    judging.run_tests(sandbox)
    judging.drop_copies()
    judging.drop_contaminated(Contamination(references))
    judging.drop_similar(config.embedding_similarity, seed, config.embedding_model)
    judging.limit(limits, "over_quota")
    on_progress(len(all_tasks) + 1, steps)
    writes = []
    start = 0
    for index, (path, table) in enumerate(zip(mined, tables, strict=True)):
        end = start + table.num_rows
        plan = canonical_json(
            {"verdicts": judging.verdicts[start:end], "recorded": judging.recorded(start, end)}
        )
        plan_file = f"{folder}/work/{sha256_text(plan)[:24]}.json"
        write_bytes(plan_file, plan.encode())
        writes.append(WriteTask(path, folder, f"part-{index:05d}.parquet", plan_file))
        start = end

    def on_shards(done: int, total: int) -> None:
        on_progress(len(all_tasks) + 1 + done, steps)

    reports = run_shards(folder, writes, _write, engine, on_shards)
    facts = {
        "run": judging.outcomes,
        "rewritings": judging.rewritings,
        "suites": suites_in(references),
    }
    return finish(lake, stage, reports, time.monotonic() - started, facts)


def _ask_model(mined: list[str], model: ChatModel, items: int, seed: int, work: str) -> str:
    """Write what a language model made of the candidates of lowest hash; its answers are kept on the way."""
    seeds = [row for path in mined for row in read_table(path).to_pylist()]
    rows = sorted(synthesise(seeds, model, items, seed), key=lambda row: row["doc_id"])
    path = f"{work}/synthesised.parquet"
    write_table(path, pa.Table.from_pylist(rows, schema=CANDIDATE_SCHEMA))
    return path


# --- mining, a task a shard ---


@dataclass(frozen=True)
class MineTask:
    """One shard of the corpus or of the web to mine; its output is named by its identity."""

    source: str
    edition: str
    pages: bool  # of the web, else code
    seed: int
    held_out: str  # file
    held_out_digest: str
    work: str  # folder

    @property
    def name(self) -> str:
        """Stem of the output."""
        return sha256_text(canonical_json(asdict(self)))[:24]

    @property
    def mined(self) -> str:
        """File with a row a candidate, in the order of `doc_id`."""
        return f"{self.work}/{self.name}.mined.parquet"


def mine(task: MineTask) -> MineTask:
    """Write the candidates of one shard, unless an interrupted run left them."""
    if exists(task.mined):
        return task
    table = read_table(task.source, ["doc_id", "content", "sha256", "repo", "path", "language"])
    held_out = _held_out(task.held_out, task.held_out_digest)
    if not task.pages:
        table = table.filter(pc.equal(pc.utf8_lower(table["language"]), "python"))
    rows: list[dict[str, Any]] = []
    for document in table.to_pylist():
        if held_out.why(document["doc_id"], document["repo"], document["sha256"]) is None:
            rows += items_of(
                document["content"], document["repo"], document["path"], task.seed, pages=task.pages
            )
    rows.sort(key=lambda row: row["doc_id"])
    write_table(task.mined, pa.Table.from_pylist(rows, schema=CANDIDATE_SCHEMA))
    return task


def items_of(content: str, repo: str, path: str, seed: int, *, pages: bool = False) -> list[dict[str, Any]]:
    """All candidates of one Python file or web page, in the columns of `CANDIDATE_SCHEMA`.

    A file that cannot be mined gives one row with the error, which ends up in quarantine.
    """
    try:
        found = diverse_items(content, repo, path) if pages else _of_python(content, repo, path, seed)
        unique = {row["doc_id"]: row for row in found}
        return [{**row, "order": draw(seed, "instruct", row["doc_id"])} for row in unique.values()]
    except Exception as error:
        failed = item_row(path, "", stage=1, kind="unreadable", repo=repo, path=path)
        return [{**failed, "subject": failed["doc_id"], "order": 0, "error": one_line(error)}]


def _of_python(content: str, repo: str, path: str, seed: int) -> list[dict[str, Any]]:
    if '"""' not in content and "'''" not in content:
        return []
    tree = parse(content)
    if tree is None:
        return []
    functions = list(documented_functions(content, tree))
    checked = list(checked_functions(content, tree))
    found = [*practical_items(checked, repo, path), *broad_items(functions, repo, path, seed)]
    names = {with_tests.function.name for with_tests in checked}
    untested = [function for function in functions if function.name not in names]
    found += package_items(untested, repo, path)
    worthwhile = any(is_worthwhile(function) for function in untested)
    if worthwhile and (module := Module.read(content, tree)) is not None:
        found += semi_items(untested, module, repo, path, seed)
    return found


@lru_cache(maxsize=2)
def _held_out(path: str, digest: str) -> HeldOut:
    return HeldOut.from_json(read_text(path))


def _held_subjects(held_out: Dataset) -> frozenset[str]:
    """Digests of the functions that held-out documents define: copies of them stay out as well."""
    subjects: set[str] = set()
    for table in held_out.tables(columns=["content", "language"]):
        for content, language in zip(
            table["content"].to_pylist(), table["language"].to_pylist(), strict=True
        ):
            if language.lower() == "python":
                subjects.update(row["subject"] for row in items_of(content, "held_out", "held_out.py", 0))
    return frozenset(subjects)


# --- writing ---


@dataclass(frozen=True)
class WriteTask:
    """The candidates of one shard, the verdicts on them, and the texts that were made since."""

    mined: str
    folder: str
    name: str
    plan: str


def _write(task: WriteTask) -> ShardReport:
    plan = json.loads(read_text(task.plan))
    table = read_table(task.mined)
    if plan["recorded"]:
        rows = table.to_pylist()
        for position, row in plan["recorded"].items():
            rows[int(position)].update(row)
        table = pa.Table.from_pylist(rows, schema=CANDIDATE_SCHEMA)
    verdicts: list[Verdict | None] = [tuple(verdict) if verdict else None for verdict in plan["verdicts"]]
    judged = judge_rows(
        table.select(ITEM_SCHEMA.names),
        [_final(verdict) for verdict in verdicts],
        _facts(table, verdicts),
    )
    return write_shard(task.folder, task, judged, table.num_rows, pc.sum(table["size"]).as_py() or 0)


def _final(verdict: Verdict | None) -> Verdict | Exception | None:
    if verdict is not None and verdict[0] == UNREADABLE:
        return OpencoderError(f"could not be mined ({verdict[1]['error']})")
    return verdict


def _facts(table: pa.Table, verdicts: Sequence[Verdict | None]) -> dict[str, Any]:
    """Items mined and kept, and the reasons against the others, by stage and kind."""
    kinds: dict[str, Any] = {}
    rows = zip(table["stage"].to_pylist(), table["kind"].to_pylist(), verdicts, strict=True)
    for stage, kind, verdict in rows:
        counts = kinds.setdefault(f"stage{stage}/{kind}", {"mined": 0, "kept": 0})
        counts["mined"] += 1
        reason = "kept" if verdict is None else verdict[0]
        counts[reason] = counts.get(reason, 0) + 1
    return {"kinds": kinds}
