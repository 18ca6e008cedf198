"""The stage "annealing_mix": which documents the model sees, and how often in each of its two phases.

Belongs here: gathering what was measured, running the candidates for snippets and textbooks, deciding over
the whole corpus and writing the shards. The arithmetic is in `budget.py`, the parts are in `parts.py`.

Pre-training draws code (parts corpus and algorithmic, as they come) and web pages; annealing draws the four
parts of OpenCoder, section 5, by their shares. Without `high_quality` it draws the code alone (section 9.3).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from opencoder_dag.document import DOCUMENT_SCHEMA, document_row, judge_rows
from opencoder_dag.engine import Engine
from opencoder_dag.errors import InputError
from opencoder_dag.lake import (
    Dataset,
    Lake,
    ShardReport,
    Stage,
    exists,
    finish,
    read_table,
    read_text,
    run_shards,
    sha256_text,
    write_bytes,
    write_shard,
    write_table,
)
from opencoder_dag.mix.budget import cap_limits, choose, over_cap
from opencoder_dag.mix.draw import draws
from opencoder_dag.mix.held_out import HeldOut
from opencoder_dag.mix.measure import MEASURED_SCHEMA, UNREADABLE, MeasureTask, count_tokens, lowest, measure
from opencoder_dag.mix.parts import ALGORITHMIC, CORPUS, PARTS, SNIPPETS, TEXTBOOKS, WEB

if TYPE_CHECKING:
    from opencoder_dag.recipe import Mix, Train
    from opencoder_dag.sandbox import SandboxOptions

VERSION = "1"
CANDIDATES = 300  # of each generated part, that are run
GENERATED = (SNIPPETS, TEXTBOOKS)
PLAN_COLUMNS = ["verdict", "evidence", "part", "tokens", "pretrain", "anneal"]


def build_mix(
    lake: Lake,
    corpus: Dataset,
    web: Dataset,
    held_out: Dataset,
    tokenizer_folder: str,
    config: Mix,
    train: Train,
    seed: int,
    sandbox: SandboxOptions,
    engine: Engine,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Dataset:
    """Stage "annealing_mix": kept documents with `part`, `tokens`, `pretrain` and `anneal` (times seen).

    Input is corpus, web and the documents generated here (source "snippets" or "textbooks"). Removed are
    `held_out`, `language_cap`, `empty` and `over_budget`. `manifest.facts["parts"]` is the table of tokens
    asked, available and used, a row for each part in each phase; `manifest.facts["generated"]` counts the
    candidates that were run. Raises `InputError` when the folder holds no fast tokenizer.
    """
    tokenizer = f"{tokenizer_folder}/tokenizer.json"
    if not exists(tokenizer):
        raise InputError(f"{tokenizer_folder}: no tokenizer.json; a fast Hugging Face tokenizer is needed")
    tokenizer_digest = sha256_text(read_text(tokenizer))
    stage = Stage(
        "annealing_mix",
        VERSION,
        {"mix": config.config(), "tokens": train.tokens, "anneal_tokens": train.anneal_tokens, "seed": seed},
        {
            "corpus": corpus.digest,
            "web": web.digest,
            "held_out": held_out.digest,
            "tokenizer": tokenizer_digest,
        },
    )
    if (ready := lake.find(stage)) is not None:
        return ready
    started = time.monotonic()
    folder = lake.folder(stage)
    sources = [(dataset, path) for dataset in (corpus, web) for path in dataset.shards()]
    steps = 2 * len(sources) + 2

    held = HeldOut.read(held_out).to_json()
    write_bytes(f"{folder}/work/held_out.json", held.encode())
    tasks = [
        MeasureTask(
            source=path,
            edition=dataset.manifest.created,
            web=dataset is web,
            seed=seed,
            candidates=CANDIDATES,
            tokenizer=tokenizer,
            tokenizer_digest=tokenizer_digest,
            held_out=f"{folder}/work/held_out.json",
            held_out_digest=sha256_text(held),
            work=f"{folder}/work",
        )
        for dataset, path in sources
    ]
    for done, _ in enumerate(engine.map(measure, tasks), 1):
        on_progress(done, steps)

    generated, facts = _generate(tasks, tokenizer, sandbox, config.high_quality)
    write_table(f"{folder}/work/generated.parquet", generated)
    on_progress(len(sources) + 1, steps)

    measured = [read_table(task.measured) for task in tasks]
    measured.append(
        generated.select([name for name in MEASURED_SCHEMA.names if name in generated.column_names])
    )
    table = pa.concat_tables(measured, promote_options="default")
    plan, parts = plan_mix(table, config, train, seed)
    writes = []
    start = 0
    for index, (path, rows) in enumerate(
        zip(
            [*(task.source for task in tasks), f"{folder}/work/generated.parquet"],
            map(len, measured),
            strict=True,
        )
    ):
        mine = plan.slice(start, rows)
        digest = sha256_text(repr(mine.to_pydict()))
        plan_path = f"{folder}/work/plan-{digest[:24]}.parquet"
        write_table(plan_path, mine)
        writes.append(WriteTask(path, folder, f"part-{index:05d}.parquet", plan_path, digest))
        start += rows

    def on_shards(done: int, total: int) -> None:
        on_progress(len(sources) + 1 + done, steps)

    reports = run_shards(folder, writes, _write, engine, on_shards)
    facts = {"parts": parts, "generated": facts}
    return finish(lake, stage, reports, time.monotonic() - started, facts)


# --- generated documents ---


def _generate(
    tasks: Sequence[MeasureTask], tokenizer: str, sandbox: SandboxOptions, wanted: bool
) -> tuple[pa.Table, dict[str, Any]]:
    """The candidates that passed, as measured documents, and how many were mined, run and passed."""
    from tokenizers import Tokenizer

    schema = DOCUMENT_SCHEMA
    for name in ("part", "tokens"):
        schema = schema.append(MEASURED_SCHEMA.field(name))
    rows: list[dict[str, Any]] = []
    facts: dict[str, Any] = {}
    if wanted:
        mined = [row for task in tasks for row in read_table(task.mined).to_pylist()]
        facts = {part: {"mined": sum(row["part"] == part for row in mined)} for part in GENERATED}
        facts[UNREADABLE] = sum(row["part"] == UNREADABLE for row in mined)
        chosen = [
            row
            for part in GENERATED
            for row in lowest([row for row in mined if row["part"] == part], CANDIDATES)
        ]
        for row, verdict in zip(chosen, _verdicts(chosen, sandbox), strict=True):
            counts = facts[row["part"]]
            counts[verdict] = counts.get(verdict, 0) + 1
            if verdict == "passed":
                rows.append(_generated_row(row))
    rows.sort(key=lambda row: row["doc_id"])
    tokens: list[int] = []
    if rows:
        contents = pa.chunked_array([pa.array([row["content"] for row in rows], pa.large_string())])
        tokens, _ = count_tokens(Tokenizer.from_str(read_text(tokenizer)), contents)
    table = pa.Table.from_pylist(
        [{**row, "tokens": count} for row, count in zip(rows, tokens, strict=True)], schema
    )
    return table, facts


def _verdicts(candidates: list[dict[str, Any]], sandbox: SandboxOptions) -> list[str]:
    from opencoder_dag.sandbox import run_programs

    if not candidates:
        return []
    return [outcome.verdict for outcome in run_programs([row["program"] for row in candidates], sandbox)]


def _generated_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return document_row(
        row["content"],
        source=row["part"],
        repo=row["repo"],
        path=row["path"],
        language=row["language"],
        doc_type="code" if row["part"] == SNIPPETS else "text",
        license=row["license"],
        part=row["part"],
    )


# --- the plan ---


def plan_mix(table: pa.Table, config: Mix, train: Train, seed: int) -> tuple[pa.Table, list[dict[str, Any]]]:
    """Decide over the whole corpus; the plan has a row for each row of `table` (`MEASURED_SCHEMA`).

    Where a part cannot give what its share asks, the code of the corpus gives it instead; where that is
    exhausted too, the phase stays short. The second result is the table that says so.
    """
    part = np.array(table["part"].to_pylist(), object)
    tokens = table["tokens"].to_numpy().astype(np.int64)
    ids = table["doc_id"].to_pylist()
    rows = table.num_rows
    verdict = np.full(rows, None, object)
    evidence = np.full(rows, None, object)
    for reason, column in (("held_out", "held_out"), ("error", "error")):
        for row in np.flatnonzero(~pc.is_null(table[column]).to_numpy(zero_copy_only=False)):
            verdict[row], evidence[row] = reason, table[column][int(row)].as_py()
    verdict[(verdict == None) & (tokens == 0)] = "empty"  # noqa: E711 - elementwise
    _apply_caps(table, config.caps, draws(seed, "cap", ids), part, verdict, evidence)

    usable = verdict == None  # noqa: E711 - elementwise
    code = usable & ((part == CORPUS) | (part == ALGORITHMIC))
    pretrain = {
        CORPUS: (code, 1 - config.web),
        WEB: (usable & (part == WEB), config.web),
    }
    shares = config.shares.config() if config.high_quality else {CORPUS: 1.0}
    anneal = {name: (usable & (part == name), share) for name, share in shares.items()}
    if not config.high_quality:
        anneal[CORPUS] = (code, 1.0)
    seen: dict[str, NDArray[np.int32]] = {}
    facts: list[dict[str, Any]] = []
    for phase, pools, budget in (
        ("pretrain", pretrain, train.tokens),
        ("anneal", anneal, train.anneal_tokens),
    ):
        order = draws(seed, phase, ids)
        seen[phase], rows_of_phase = share_out(pools, tokens, order, budget, config.max_repeats)
        facts += [{"phase": phase, **row} for row in rows_of_phase]
    unseen = usable & (seen["pretrain"] == 0) & (seen["anneal"] == 0)
    verdict[unseen] = "over_budget"
    columns = [
        pa.array(verdict.tolist(), pa.string()),
        pa.array(evidence.tolist(), pa.string()),
        pa.array(part.tolist(), pa.string()),
        pa.array(tokens, pa.int32()),
        pa.array(seen["pretrain"], pa.int32()),
        pa.array(seen["anneal"], pa.int32()),
    ]
    return pa.table(columns, PLAN_COLUMNS), facts


def _apply_caps(
    table: pa.Table,
    caps: Mapping[str, float],
    order: NDArray[np.uint64],
    part: NDArray[Any],
    verdict: NDArray[Any],
    evidence: NDArray[Any],
) -> None:
    """Mark the documents of capped languages that have to go; caps hold for the code of the corpus."""
    if not caps:
        return
    languages = np.array([language.lower() for language in table["language"].to_pylist()], object)
    sizes = table["size"].to_numpy().astype(np.int64)
    code = (verdict == None) & ((part == CORPUS) | (part == ALGORITHMIC))  # noqa: E711 - elementwise
    totals = {language: int(sizes[code & (languages == language)].sum()) for language in set(languages[code])}
    for language, limit in cap_limits(totals, {name.lower(): cap for name, cap in caps.items()}).items():
        rows = np.flatnonzero(code & (languages == language))
        gone = rows[over_cap(sizes[rows], order[rows], limit)]
        verdict[gone] = "language_cap"
        evidence[gone] = f'{{"language": "{language}", "limit_bytes": {limit}}}'


def share_out(
    pools: Mapping[str, tuple[NDArray[np.bool_], float]],
    tokens: NDArray[np.int64],
    order: NDArray[np.uint64],
    budget: int,
    max_repeats: float,
) -> tuple[NDArray[np.int32], list[dict[str, Any]]]:
    """Times each document is seen in one phase, and a row of facts for each part.

    `pools` maps a part to its documents and its share; shares are normalised. `CORPUS` comes last and
    takes over what the others could not give; `shortfall` is what a part stayed below its own share.
    """
    whole = sum(share for _, share in pools.values()) or 1.0
    repeats = np.zeros(len(tokens), np.int32)
    facts: dict[str, dict[str, Any]] = {}
    missing = 0
    for name in [*(name for name in pools if name != CORPUS), CORPUS]:
        mask, share = pools[name]
        asked = round(budget * share / whole)
        choice = choose(tokens[mask], order[mask], asked + (missing if name == CORPUS else 0), max_repeats)
        repeats[mask] += choice.repeats
        missing += asked - choice.used
        facts[name] = {
            "part": name,
            "asked_share": round(share / whole, 6),
            "used_share": round(choice.used / budget, 6) if budget else 0.0,
            "asked_tokens": asked,
            "used_tokens": choice.used,
            "available_tokens": choice.available,
            "used_documents": choice.documents,
            "available_documents": int(np.count_nonzero(mask)),
            "most_repeats": int(choice.repeats.max(initial=0)),
            "mean_repeats": round(choice.used / choice.available, 3) if choice.available else 0.0,
            "shortfall": max(asked - choice.used, 0),
        }
    return repeats, [facts[name] for name in PARTS if name in facts]


# --- writing ---


@dataclass(frozen=True)
class WriteTask:
    """One shard of documents and the part of the plan that is about it."""

    source: str
    folder: str
    name: str
    plan: str
    plan_digest: str


def _write(task: WriteTask) -> ShardReport:
    table = read_table(task.source)
    plan = read_table(task.plan)
    verdicts: list[tuple[str, Mapping[str, Any]] | Exception | None] = []
    for verdict, evidence, tokens in zip(
        *(plan[name].to_pylist() for name in ("verdict", "evidence", "tokens")), strict=True
    ):
        if verdict is None:
            verdicts.append(None)
        elif verdict == "error":
            verdicts.append(ValueError(f"cannot be tokenised: {evidence}"))
        else:
            verdicts.append((verdict, json.loads(evidence) if evidence else {"tokens": tokens}))
    documents = table.select(DOCUMENT_SCHEMA.names)
    for name in PLAN_COLUMNS[2:]:
        documents = documents.append_column(name, plan[name])
    judged = judge_rows(documents, verdicts, _facts(documents.filter(pc.equal(_kept(plan), True))))
    return write_shard(task.folder, task, judged, table.num_rows, pc.sum(table["size"]).as_py() or 0)


def _kept(plan: pa.Table) -> pa.ChunkedArray:
    return pc.is_null(plan["verdict"])


def _facts(kept: pa.Table) -> dict[str, Any]:
    """Documents and tokens kept, by part and by language."""
    facts: dict[str, Any] = {"documents": {}, "tokens": {}, "languages": {}}
    for part, language, tokens in zip(
        *(kept[name].to_pylist() for name in ("part", "language", "tokens")), strict=True
    ):
        facts["documents"][part] = facts["documents"].get(part, 0) + 1
        facts["tokens"][part] = facts["tokens"].get(part, 0) + tokens
        facts["languages"][language] = facts["languages"].get(language, 0) + tokens
    return facts
