"""Repository level: the files of a repository, joined in a stable order, are one text.

Belongs here: dealing documents out by repository, joining them into one unit each, and handing the verdict on
a unit back to its documents. Documents travel through files, as everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from opencoder_dag.dedup.digests import checked_digests
from opencoder_dag.dedup.merit import ORIGIN_COLUMNS
from opencoder_dag.dedup.runs import (
    PartStep,
    Plan,
    Run,
    ShardStep,
    column,
    cut,
    ordinals,
    read_lookup,
    read_partition,
    rows_of,
    run_phase,
    write_lookup,
    write_run,
)
from opencoder_dag.dedup.verify import VERDICT_SCHEMA, verdicts_path
from opencoder_dag.engine import Engine
from opencoder_dag.lake import read_table, write_table

DEALT_COLUMNS = [*ORIGIN_COLUMNS, "source", "repo", "content"]
OWNERS_SCHEMA = pa.schema([pa.field("unit", pa.int64()), pa.field("ordinal", pa.int64())])
UNIT_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("content", pa.large_string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("stars", pa.int64()),
        pa.field("commit_time", pa.timestamp("us", tz="UTC")),
    ]
)


@dataclass(frozen=True)
class SpreadStep:
    """Hand the verdicts on units of some hands back to their documents."""

    plan: Plan
    first: int
    last: int

    @property
    def name(self) -> str:
        """The hands."""
        return f"{self.first:05d}-{self.last:05d}"


def _dealt_path(plan: Plan, shard: int) -> str:
    return f"{plan.work}/dealt/{shard:05d}.arrow"


def _units_path(plan: Plan, hand: int) -> str:
    return f"{plan.work}/units/{hand:05d}.parquet"


def _owners_path(plan: Plan, hand: int) -> str:
    return f"{plan.work}/owners/{hand:05d}.arrow"


def _spread_path(step: SpreadStep) -> str:
    return f"{step.plan.work}/spread/{step.name}.parquet"


def _spreads(plan: Plan) -> list[SpreadStep]:
    cuts = np.linspace(0, plan.shards, min(plan.partitions, plan.shards) + 1).astype(int).tolist()
    return [SpreadStep(plan, first, last) for first, last in pairwise(cuts)]


def gather_steps(plan: Plan) -> int:
    """Steps that the repository level has on top of the search."""
    return 2 * plan.shards + len(_spreads(plan))


def gather_repositories(
    plan: Plan, sources: Sequence[str], engine: Engine, on_step: Callable[[], None]
) -> tuple[list[str], int]:
    """Write one unit a repository, in as many shards as `sources` has; returns paths and number of units."""
    deals = [ShardStep(plan, shard, source) for shard, source in enumerate(sources)]
    run_phase("dealt", deals, deal_shard, engine, on_step)
    joined = run_phase(
        "units", [PartStep(plan, hand) for hand in range(plan.shards)], join_hand, engine, on_step
    )
    paths = [_units_path(plan, hand) for hand in range(plan.shards)]
    return paths, sum(report["units"] for report in joined)


def spread_verdicts(plan: Plan, engine: Engine, on_step: Callable[[], None]) -> list[str]:
    """Write the verdicts on units as verdicts on documents; returns the lookup tables."""
    steps = _spreads(plan)
    run_phase("spread", steps, spread_hands, engine, on_step)
    return [_spread_path(step) for step in steps]


def deal_shard(step: ShardStep) -> dict[str, Any]:
    """Write the documents of one shard, cut by the hash of their repository."""
    plan = step.plan
    table = read_table(step.source, DEALT_COLUMNS)
    _, valid = checked_digests(table)
    rows = np.flatnonzero(valid)
    table = table.take(pa.array(rows)).append_column("ordinal", pa.array(ordinals(step.shard, rows)))
    # A document of no repository stands for itself.
    name = pc.if_else(pc.equal(table["repo"], ""), table["doc_id"], table["repo"])
    unit = pc.binary_join_element_wise(table["source"], name, ":")
    table = table.append_column("unit", unit)
    hands = np.array([_hand(key, plan.shards) for key in unit.to_pylist()], np.int64)
    order = np.argsort(hands, kind="stable")
    parts = cut(table.take(pa.array(order)), hands[order], plan.shards)
    write_run(_dealt_path(plan, step.shard), table.schema, parts, compression="zstd")
    return {"documents": len(rows)}


def _hand(key: str, hands: int) -> int:
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % hands


def join_hand(step: PartStep) -> dict[str, Any]:
    """Write the units of one hand, and which documents each is made of."""
    plan = step.plan
    table = read_partition([_dealt_path(plan, shard) for shard in range(plan.shards)], step.number)
    keys = ["unit", "path", "sha256", "doc_id", "ordinal"]
    order = pc.sort_indices(table.select(keys), sort_keys=[(key, "ascending") for key in keys])
    table = table.take(order)
    names = table["unit"].to_pylist()
    starts = [row for row in range(len(names)) if row == 0 or names[row] != names[row - 1]]
    bounds = [*starts, len(names)]
    units = [_unit(names[low], table.slice(low, high - low)) for low, high in pairwise(bounds)]
    write_table(_units_path(plan, step.number), pa.Table.from_pylist(units, schema=UNIT_SCHEMA))
    number = np.repeat(np.arange(len(units), dtype=np.int64), np.diff(bounds))
    owners = pa.record_batch([pa.array(number), pa.array(column(table, "ordinal"))], schema=OWNERS_SCHEMA)
    write_run(_owners_path(plan, step.number), OWNERS_SCHEMA, [owners])
    return {"units": len(units)}


def _unit(name: str, files: pa.Table) -> dict[str, Any]:
    content = "\n".join(files["content"].to_pylist())
    return {
        "doc_id": name,
        "content": content,
        "sha256": hashlib.sha256(content.encode()).hexdigest(),
        "path": files["repo"][0].as_py() or files["path"][0].as_py(),
        "stars": pc.max(files["stars"]).as_py(),
        "commit_time": pc.max(files["commit_time"]).as_py(),
    }


def spread_hands(step: SpreadStep) -> dict[str, Any]:
    """Write the verdicts on the documents of some hands."""
    plan = step.plan
    tables = [VERDICT_SCHEMA.empty_table()]
    for hand in range(step.first, step.last):
        found = [read_lookup(verdicts_path(plan, part), hand) for part in range(plan.partitions)]
        verdicts = pa.concat_tables(found).sort_by("ordinal")
        units = rows_of(column(verdicts, "ordinal"))
        with Run(_owners_path(plan, hand)) as run:
            owners = run.partition(0)
            unit, ordinal = column(owners, "unit").copy(), column(owners, "ordinal").copy()
        place = np.searchsorted(units, unit)
        gone = np.flatnonzero(np.isin(unit, units))
        spread = verdicts.take(pa.array(place[gone]))
        tables.append(spread.set_column(0, VERDICT_SCHEMA.field(0), pa.array(ordinal[gone])))
    table = pa.concat_tables(tables)
    write_lookup(_spread_path(step), table)
    return {"gone": table.num_rows}
