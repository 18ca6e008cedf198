"""Every mined item has a verdict, only what passed enters, and cutting the corpus changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opencoder_dag.engine import SerialEngine
from opencoder_dag.instruct import build_instruct_data
from opencoder_dag.instruct.items import ITEM_SCHEMA
from opencoder_dag.lake import Dataset, Lake
from opencoder_dag.mix import select_held_out
from opencoder_dag.recipe import InstructionSet, Sft, SftStage
from opencoder_dag.sandbox import SandboxOptions
from tests.mix.corpora import WORDS, code_row, put, some_code

OPTIONS = SandboxOptions(kind="process", workers=1)
CONFIG = Sft(stage1=SftStage(max_items=30), stage2=SftStage(max_items=30))


def documented(name: str, number: int) -> str:
    words = " ".join(WORDS[(number * 7 + i * i) % len(WORDS)] for i in range(12))
    body = some_code(name, 3 + number % 5).split("\n", 1)[1]
    return f'def {name}(argument):\n    """Compute the {words} of the argument number {number}."""\n{body}'


def checked(name: str, number: int, result: int) -> str:
    return (
        f'def {name}(value):\n    """Add {number} to the {WORDS[number]} and multiply by {number + 1}.\n\n'
        f'    >>> {name}(1)\n    {result}\n    """\n'
        f"    total = value + {number}\n    return total * {number + 1}\n"
    )


def corpus_rows() -> list[dict[str, Any]]:
    rows = []
    for number in range(60):
        name = f"item_{number}"
        rows.append(code_row(name, documented(name, number)))
    for number in range(12):
        name = f"right_{number}"
        rows.append(code_row(name, checked(name, number, (1 + number) * (number + 1))))
    rows.append(code_row("wrong", checked("wrong", 20, -1)))
    rows.append(
        code_row(
            "ladder",
            'def zero():\n    """Return zero whatever else may happen."""\n    x = 0\n    return x\n',
        )
    )
    rows.append(code_row("copy", documented("item_5", 5)))
    rows.append(code_row("no_python", documented("java", 1)) | {"language": "Java"})
    return rows


@pytest.fixture
def lake(tmp_path: Any) -> Lake:
    return Lake(str(tmp_path / "lake"))


def built(lake: Lake, rows: list[dict[str, Any]], per_shard: int = 1000, config: Sft = CONFIG) -> Dataset:
    raw = put(lake, "raw_code", rows, per_shard)
    held_out = select_held_out(lake, raw, SerialEngine())
    web = put(lake, "web_recall", [])
    return build_instruct_data(lake, raw, web, held_out, config, ["ladder"], 0, OPTIONS, SerialEngine())


def test_every_item_has_a_verdict_and_a_reason(lake: Lake) -> None:
    data = built(lake, corpus_rows())
    kept, removed = data.read(), data.read("removed")
    assert kept.schema.names == ITEM_SCHEMA.names
    assert kept.num_rows + removed.num_rows == data.manifest.counts["in"] > 60
    ids = [*kept["doc_id"].to_pylist(), *removed["doc_id"].to_pylist()]
    assert len(set(ids)) == len(ids)
    stages = kept["stage"].to_pylist()
    assert stages.count(1) == 30 and 5 <= stages.count(2) <= 12
    reasons = data.manifest.reasons
    assert reasons["test_failed"] == 1 and reasons["contaminated"] == 1 and reasons["over_quota"] > 0
    assert all(isinstance(json.loads(text), dict) for text in removed["evidence"].to_pylist())
    assert "no_python.py" not in [row["path"] for row in [*kept.to_pylist(), *removed.to_pylist()]]


def test_stage_two_answers_run(lake: Lake) -> None:
    for row in built(lake, corpus_rows()).read().to_pylist():
        if row["stage"] == 2:
            blocks = row["output"].split("```python\n")[1:]
            program = "\n".join(block.split("```")[0] for block in blocks)
            exec(compile(program, row["path"], "exec"), {})


def test_a_function_with_passing_tests_is_not_asked_for_twice(lake: Lake) -> None:
    data = built(lake, corpus_rows())
    paths = [row["path"] for row in data.read().to_pylist()]
    assert len(paths) == len(set(paths))


def test_held_out_functions_stay_out_even_as_copies(lake: Lake) -> None:
    rows = corpus_rows()
    raw = put(lake, "raw_code", rows)
    kept = select_held_out(lake, raw, SerialEngine()).read().to_pylist()
    secret = next(row for row in kept if row["path"].startswith("item"))
    other = next(row["repo"] for row in rows if row["repo"] not in {row["repo"] for row in kept})
    copy = code_row("copied", "# a new head\n" + secret["content"], repo=other)
    data = built(lake, [*rows, copy])
    held = {row["repo"] for row in kept}
    assert not held & set(data.read()["repo"].to_pylist())
    removed = data.read("removed").to_pylist()
    assert [row["reason"] for row in removed if row["path"] == "copied.py"] == ["held_out"]


@pytest.mark.parametrize("per_shard", [9, 31])
def test_shards_and_the_order_of_arrival_do_not_matter(lake: Lake, per_shard: int) -> None:
    rows = corpus_rows()
    one = built(lake, rows)
    many = built(Lake(f"{lake.root}-other"), rows[::-1], per_shard)
    assert one.digest == many.digest
    assert one.manifest.facts == many.manifest.facts


def test_only_what_it_reads_decides_on_reuse(lake: Lake) -> None:
    rows = corpus_rows()
    first = built(lake, rows)
    faster = CONFIG.model_copy(update={"stage1": SftStage(max_items=30, learning_rate=0.5)})
    assert built(lake, rows, config=faster).reused
    stricter = built(lake, rows, config=CONFIG.model_copy(update={"embedding_similarity": 0.7}))
    assert not stricter.reused and stricter.manifest.reasons["similar"] > first.manifest.reasons.get(
        "similar", 0
    )


def test_a_file_that_breaks_the_miner_is_quarantined(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    from opencoder_dag.instruct import stage

    genuine = stage.documented_functions

    def fragile(source: str, tree: Any) -> Any:
        if "item_7(" in source:
            raise RecursionError("too deep")
        return genuine(source, tree)

    monkeypatch.setattr(stage, "documented_functions", fragile)
    data = built(lake, corpus_rows())
    quarantined = data.read("quarantined").to_pylist()
    assert [row["path"] for row in quarantined] == ["item_7.py"]
    assert "RecursionError: too deep" in quarantined[0]["error"]


def test_an_empty_corpus_gives_no_items(lake: Lake) -> None:
    assert built(lake, []).manifest.counts["in"] == 0


def test_public_sets_go_through_the_same_steps(lake: Lake, tmp_path: Any) -> None:
    tested = {"instruction": "Double a number in Python.", "code": "def twice(x):\n    return 2 * x"}
    tested |= {"output": f"```python\n{tested['code']}\n```", "entry_point": "twice"}
    wrong = {"instruction": "Triple a number in Python.", "code": "def thrice(x):\n    return 2 * x"}
    wrong |= {"output": f"```python\n{wrong['code']}\n```"}
    folder = tmp_path / "sets"
    folder.mkdir()
    rows = [
        tested | {"testcase": ["assert twice(2) == 4"]},
        wrong | {"testcase": ["assert thrice(2) == 6"]},
        wrong | {"testcase": 5},
    ]
    (folder / "opc.jsonl").write_text("\n".join(map(json.dumps, rows)))
    chat = [
        {"instruction": "Write a poem about rain.", "output": "Rain falls."},
        {
            "instruction": "Write a Python function that reads a file.",
            "output": "def r(p): return open(p).read()",
        },
        {
            "instruction": "Write a Python function that reads a file.",
            "output": "def r(p): return open(p).read()",
        },
        {"instruction": "Use Python.", "output": "def always_true():\n    return True"},
    ]
    (folder / "chat.jsonl").write_text("\n".join(map(json.dumps, chat)))
    sets = [
        InstructionSet(source=str(folder / "opc.jsonl"), stage=2),
        InstructionSet(source=str(folder / "chat.jsonl")),
    ]
    data = built(lake, [], config=CONFIG.model_copy(update={"sets": sets}))
    kept = {(row["repo"], row["path"]) for row in data.read().to_pylist()}
    assert ("opc.jsonl", "opc.jsonl:0") in kept and len(kept) == 2
    reasons = {row["path"]: row["reason"] for row in data.read("removed").to_pylist()}
    assert reasons["opc.jsonl:1"] == "test_failed"
    assert reasons["opc.jsonl:2"] == "unusable"
    assert reasons["chat.jsonl:0"] == "not_code"
    assert {reasons.get("chat.jsonl:1"), reasons.get("chat.jsonl:2")} == {None, "duplicate"}
    assert reasons["chat.jsonl:3"] == "contaminated"
    assert data.manifest.counts["in"] == 7
    # Another edition of the file is another data set.
    (folder / "chat.jsonl").write_text(json.dumps(chat[1]))
    again = built(lake, [], config=CONFIG.model_copy(update={"sets": sets}))
    assert not again.reused and again.manifest.counts["in"] == 4
