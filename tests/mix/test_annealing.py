"""The mix meets its shares by tokens, loses nothing, and does not depend on how the work was cut."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from opencoder_dag.engine import SerialEngine
from opencoder_dag.errors import InputError
from opencoder_dag.instruct.llm import ChatModel
from opencoder_dag.lake import Dataset, Lake
from opencoder_dag.mix import build_mix, select_held_out
from opencoder_dag.mix import measure as measuring
from opencoder_dag.mix.generated import instruction_documents
from opencoder_dag.recipe import InstructionSet, Mix, Shares, Train
from opencoder_dag.sandbox import SandboxOptions
from tests.instruct.server import ChatServer
from tests.mix.corpora import code_row, corpus_rows, put, some_code, web_row

OPTIONS = SandboxOptions(kind="process", workers=1)
MIX = Mix()
TRAIN = Train(tokens=9000, anneal_tokens=4000)
TOPICS = [
    f"{verb} {noun}" for verb in ("sort", "join", "split", "count") for noun in ("words", "rows", "files")
]


def mixed(
    lake: Lake,
    tokenizer_folder: str,
    rows: list[dict[str, Any]] | None = None,
    per_shard: int = 1000,
    config: Mix = MIX,
    train: Train = TRAIN,
    seed: int = 0,
) -> Dataset:
    rows = corpus_rows() if rows is None else rows
    raw = put(lake, "raw_code", rows, per_shard)
    web = put(lake, "web_recall", [web_row(topic) for topic in TOPICS], per_shard)
    held_out = select_held_out(lake, raw, SerialEngine())
    return build_mix(lake, raw, web, held_out, tokenizer_folder, config, train, seed, OPTIONS, SerialEngine())


def tokens_seen(table: pa.Table, phase: str) -> dict[str, int]:
    seen: dict[str, int] = {}
    for part, tokens, times in zip(
        *(table[name].to_pylist() for name in ("part", "tokens", phase)), strict=True
    ):
        seen[part] = seen.get(part, 0) + tokens * times
    return seen


def parts_of(mix: Dataset, phase: str) -> dict[str, dict[str, Any]]:
    return {row["part"]: row for row in mix.manifest.facts["parts"] if row["phase"] == phase}


def test_shares_are_met_by_tokens(lake: Lake, tokenizer_folder: str) -> None:
    mix = mixed(lake, tokenizer_folder)
    table = mix.read()
    pretrain, anneal = tokens_seen(table, "pretrain"), tokens_seen(table, "anneal")
    smallest = max(table["tokens"].to_pylist())
    assert set(pretrain) >= {"corpus", "web"}
    assert pretrain["web"] == pytest.approx(900, abs=smallest)
    assert sum(pretrain.values()) == pytest.approx(9000, abs=smallest)
    assert sum(anneal.values()) == pytest.approx(4000, abs=smallest)
    assert anneal["algorithmic"] == pytest.approx(4000 * 0.124, abs=smallest)
    assert anneal["web"] == 0
    used = {name: row["used_tokens"] for name, row in parts_of(mix, "anneal").items()}
    assert used == {name: anneal.get(name, 0) for name in used}
    code = pretrain["corpus"] + pretrain["algorithmic"]
    assert parts_of(mix, "pretrain")["corpus"]["used_tokens"] == code


def test_every_document_is_in_one_place_and_the_generated_ones_count_as_input(
    lake: Lake, tokenizer_folder: str
) -> None:
    rows = corpus_rows()
    mix = mixed(lake, tokenizer_folder, rows)
    generated = mix.manifest.facts["generated"]
    passed = generated["snippets"]["passed"] + generated["textbooks"]["passed"]
    assert passed > 0
    assert mix.manifest.counts["in"] == len(rows) + len(TOPICS) + passed
    kept, removed = mix.read()["doc_id"].to_pylist(), mix.read("removed")["doc_id"].to_pylist()
    assert len({*kept, *removed}) == len(kept) + len(removed) == mix.manifest.counts["in"]
    assert mix.manifest.reasons["held_out"] == sum(
        row["repo"]
        in select_held_out(lake, put(lake, "raw_code", rows), SerialEngine()).manifest.facts["repositories"]
        for row in rows
    )
    for times in zip(mix.read()["pretrain"].to_pylist(), mix.read()["anneal"].to_pylist(), strict=True):
        assert sum(times) > 0


def test_only_snippets_whose_tests_pass_enter(lake: Lake, tokenizer_folder: str) -> None:
    wrong = 'def f(x):\n    """Increase.\n\n    >>> f(1)\n    3\n    """\n    y = x + 1\n    return y\n'
    rows = [*corpus_rows(), code_row("wrong", wrong)]
    mix = mixed(lake, tokenizer_folder, rows, train=Train(tokens=100, anneal_tokens=100_000))
    assert mix.manifest.facts["generated"]["snippets"]["failed"] == 1
    table = mix.read()
    snippets = table.filter(pa.compute.equal(table["part"], "snippets"))
    assert snippets.num_rows == mix.manifest.facts["generated"]["snippets"]["passed"] > 5
    assert set(snippets["source"].to_pylist()) == {"snippets"}
    for content in snippets["content"].to_pylist():
        exec(compile(content, "snippet", "exec"), {})
        assert "assert" in content


@pytest.mark.parametrize("per_shard", [13, 40])
def test_shards_and_the_order_of_arrival_do_not_matter(
    lake: Lake, tokenizer_folder: str, per_shard: int
) -> None:
    rows = corpus_rows()
    one = mixed(lake, tokenizer_folder, rows)
    other = Lake(f"{lake.root}-other")
    many = mixed(other, tokenizer_folder, rows[::-1], per_shard)
    assert one.digest == many.digest
    assert one.manifest.facts == many.manifest.facts
    assert one.manifest.reasons == many.manifest.reasons


def test_another_seed_is_another_mix(lake: Lake, tokenizer_folder: str) -> None:
    assert mixed(lake, tokenizer_folder).digest != mixed(lake, tokenizer_folder, seed=1).digest


def test_an_interrupted_run_goes_on(
    lake: Lake, tokenizer_folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = mixed(Lake(f"{lake.root}-undisturbed"), tokenizer_folder, per_shard=20)
    mix = mixed(lake, tokenizer_folder, per_shard=20)
    # As if killed while the second half of the shards was written.
    Path(mix.path, "manifest.json").unlink()
    half = sorted(Path(mix.path, "reports").glob("*.json"))[3:]
    for report in half:
        report.unlink()
    shutil.rmtree(Path(mix.path, "quarantined"))
    untouched = {path: path.stat().st_mtime_ns for path in Path(mix.path, "kept").glob("part-0000[012]*")}

    def refuse(*args: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(measuring, "count_tokens", refuse)
    again = mixed(lake, tokenizer_folder, per_shard=20)
    assert again.digest == undisturbed.digest
    assert {path: path.stat().st_mtime_ns for path in untouched} == untouched


def test_a_part_that_is_short_is_repeated_and_then_made_up_by_the_corpus(
    lake: Lake, tokenizer_folder: str
) -> None:
    rows = [row for row in corpus_rows() if "LeetCode" not in row["content"]]
    rows.append(code_row("only", "# leetcode\n" + some_code("only")))
    mix = mixed(
        lake,
        tokenizer_folder,
        rows,
        config=Mix(max_repeats=2.0),
        train=Train(tokens=2000, anneal_tokens=9000),
    )
    parts = parts_of(mix, "anneal")
    short = parts["algorithmic"]
    assert short["most_repeats"] == 2 and short["used_tokens"] == 2 * short["available_tokens"]
    assert short["shortfall"] == short["asked_tokens"] - short["used_tokens"] > 0
    assert parts["corpus"]["used_tokens"] > parts["corpus"]["asked_tokens"]
    assert sum(row["used_tokens"] for row in parts.values()) > 8500


def test_a_corpus_that_is_too_small_says_so(lake: Lake, tokenizer_folder: str) -> None:
    mix = mixed(
        lake, tokenizer_folder, config=Mix(max_repeats=1.0), train=Train(tokens=10_000_000, anneal_tokens=0)
    )
    corpus = parts_of(mix, "pretrain")["corpus"]
    assert corpus["used_tokens"] == corpus["available_tokens"]
    assert corpus["shortfall"] == corpus["asked_tokens"] - corpus["used_tokens"] > 0
    generated = sum(
        mix.manifest.facts["generated"][part].get("passed", 0) for part in ("snippets", "textbooks")
    )
    assert mix.manifest.reasons["over_budget"] == generated  # nothing else is unseen


def test_without_high_quality_annealing_is_on_the_code_alone(lake: Lake, tokenizer_folder: str) -> None:
    mix = mixed(lake, tokenizer_folder, config=Mix(high_quality=False))
    assert set(parts_of(mix, "anneal")) == {"corpus"}
    assert set(mix.read()["part"].to_pylist()) <= {"corpus", "algorithmic", "web"}
    assert tokens_seen(mix.read(), "anneal").get("web", 0) == 0


def test_a_language_cap_holds(lake: Lake, tokenizer_folder: str) -> None:
    rows = [{**row, "language": "Java" if n % 2 else "Python"} for n, row in enumerate(corpus_rows())]
    mix = mixed(
        lake,
        tokenizer_folder,
        rows,
        config=Mix(caps={"java": 0.1}),
        train=Train(tokens=10**6, anneal_tokens=0),
    )
    table = mix.read()
    code = table.filter(pa.compute.equal(table["doc_type"], "code"))
    java = sum(
        size
        for size, language in zip(code["size"].to_pylist(), code["language"].to_pylist(), strict=True)
        if language == "Java"
    )
    assert 0.05 < java / sum(code["size"].to_pylist()) <= 0.1
    assert mix.manifest.reasons["language_cap"] > 10


def test_empty_inputs_give_an_empty_mix(lake: Lake, tokenizer_folder: str) -> None:
    raw, web = put(lake, "raw_code", []), put(lake, "web_recall", [])
    held_out = select_held_out(lake, raw, SerialEngine())
    mix = build_mix(lake, raw, web, held_out, tokenizer_folder, Mix(), TRAIN, 0, OPTIONS, SerialEngine())
    assert mix.manifest.counts["in"] == 0
    assert {row["used_tokens"] for row in mix.manifest.facts["parts"]} == {0}


def test_a_folder_without_a_tokenizer_is_refused(lake: Lake, tmp_path: Path) -> None:
    raw, web = put(lake, "raw_code", corpus_rows(8)), put(lake, "web_recall", [])
    held_out = select_held_out(lake, raw, SerialEngine())
    with pytest.raises(InputError, match=r"no tokenizer\.json"):
        build_mix(lake, raw, web, held_out, str(tmp_path), Mix(), TRAIN, 0, OPTIONS, SerialEngine())


def test_progress_ends_at_its_total(lake: Lake, tokenizer_folder: str) -> None:
    seen: list[tuple[int, int]] = []
    raw, web = put(lake, "raw_code", corpus_rows(40), 10), put(lake, "web_recall", [])
    held_out = select_held_out(lake, raw, SerialEngine())
    build_mix(
        lake, raw, web, held_out, tokenizer_folder, Mix(), TRAIN, 0, OPTIONS, SerialEngine(),
        lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen[-1][0] == seen[-1][1]
    assert seen == sorted(seen) and len({total for _, total in seen}) == 1


def test_eight_parts_of_corpus_and_two_of_instructions(
    lake: Lake, tokenizer_folder: str, tmp_path: Path
) -> None:
    """Zhusuan's annealing mixture: code and language instructions one to one."""
    pairs = [
        {"instruction": f"Write a Python function that adds {n}.", "output": f"def f(x):\n    return x + {n}"}
        for n in range(60)
    ]
    pairs += [
        {"instruction": f"Tell me about the year {n}.", "output": f"Much was done in {n}."} for n in range(90)
    ]
    pairs += [pairs[0], {"instruction": "", "output": "nothing"}]
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(map(json.dumps, pairs)))
    shares = Shares(
        corpus=0.8, algorithmic=0, snippets=0, textbooks=0, code_instructions=0.1, language_instructions=0.1
    )
    config = Mix(shares=shares, sets=[InstructionSet(source=str(path), code_only=False)])
    mix = mixed(lake, tokenizer_folder, config=config)
    seen = tokens_seen(mix.read(), "anneal")
    assert seen["code_instructions"] == pytest.approx(400, abs=50)
    assert seen["language_instructions"] == pytest.approx(400, abs=50)
    assert seen["corpus"] == pytest.approx(3200, abs=200)
    assert mix.manifest.facts["generated"]["sets"] == {"read": 152, "refused": 1}
    sources = set(mix.read()["source"].to_pylist())
    assert "instructions" in sources and "snippets" not in sources
    code_alone = config.model_copy(update={"sets": [InstructionSet(source=str(path))]})
    seen = tokens_seen(mixed(lake, tokenizer_folder, config=code_alone).read(), "anneal")
    assert "language_instructions" not in seen and seen["corpus"] > 3300


def test_offered_pairs_are_those_of_lowest_hash_whatever_their_order(tmp_path: Path) -> None:
    pairs = [
        {"instruction": f"Write Python code number {n}.", "output": "x = 1\n" * (n % 7 + 1)}
        for n in range(200)
    ]
    chosen = []
    for rows in (pairs, pairs[::-1]):
        path = tmp_path / "pairs.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)))
        found, facts = instruction_documents(
            [InstructionSet(source=str(path))], {"code_instructions": 2000}, 0
        )
        chosen.append(sorted(row["content"] for row in found))
        assert facts == {"read": 200, "refused": 0}
        assert 2000 <= sum(row["size"] for row in found) < 2100
    assert chosen[0] == chosen[1]


def test_shares_of_instructions_need_a_source() -> None:
    with pytest.raises(ValidationError, match=r"need mix\.sets"):
        Mix(shares=Shares(code_instructions=0.1))


SNIPPET = "### Code\n```python\ndef f(x):\n    return x + {n}\n```\n### Tests\n```python\n{tests}\n```\n"
LESSON = "### Lesson\nAdding moves a number along, as {n} shows:\n\n```python\nassert 1 + 1 == {sum}\n```\n"


def test_a_language_model_writes_snippets_and_textbooks_that_have_to_pass(
    lake: Lake, tokenizer_folder: str
) -> None:
    def answer(request: dict[str, Any]) -> tuple[int, Any]:
        question = request["messages"][-1]["content"]
        n = len(question)
        if "textbook" in question:
            return 200, LESSON.format(n=n, sum=2 + n % 2)
        tests = "\n".join(f"assert f({k}) == {k + n}" for k in range(3 if n % 2 else 1))
        return 200, SNIPPET.format(n=n, tests=tests)

    raw = put(lake, "raw_code", corpus_rows())
    held_out = select_held_out(lake, put(lake, "other", []), SerialEngine())
    arguments = (lake, raw, put(lake, "web_recall", []), held_out, tokenizer_folder, MIX)
    train = Train(tokens=100, anneal_tokens=500_000)
    with ChatServer(answer) as server:
        mix = build_mix(*arguments, train, 0, OPTIONS, SerialEngine(), model=ChatModel(server.url))
    facts = mix.manifest.facts["generated"]
    assert facts["written"]["asked"] == 2 * facts["snippets"]["mined"] > 10
    assert 0 < facts["written"]["refused"] < facts["snippets"]["mined"]
    contents = {part: [] for part in ("snippets", "textbooks")}  # type: dict[str, list[str]]
    for row in mix.read().to_pylist():
        contents.get(row["part"], []).append(row["content"])
    assert any("def f(x):" in text for text in contents["snippets"])
    assert contents["textbooks"] and all("== 2" in text for text in contents["textbooks"])
    assert facts["textbooks"]["failed"] > 0
    assert not build_mix(*arguments, train, 0, OPTIONS, SerialEngine()).reused
