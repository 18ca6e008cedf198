"""Each public format is read as its card says, from every kind of file, and broken rows are named."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opencoder_dag.errors import InputError
from opencoder_dag.instruct.code_related import is_code_related
from opencoder_dag.instruct.formats import Pair, Refused, format_of
from opencoder_dag.instruct.readers import digest_of, files_of, location_of, read_pairs

ALPACA = {"instruction": "Add the numbers.", "input": "1 and 2", "output": "3"}
INFINITY = {
    "conversations": [{"from": "human", "value": "What is a list?"}, {"from": "gpt", "value": "A sequence."}],
    "label": {"ability_zh": [], "cate_ability_en": ["programming"]},
    "langdetect": "en",
    "source": "made",
}
SHAREGPT = {
    "id": "x_1",
    "conversations": [
        {"from": "system", "value": "Be kind."},
        {"from": "human", "value": "Write a loop."},
        {"from": "gpt", "value": "for i in range(3): pass"},
        {"from": "human", "value": "Thanks."},
        {"from": "gpt", "value": "Welcome."},
    ],
}
WILDCHAT = {
    "conversation_id": "1",
    "model": "made",
    "language": "English",
    "toxic": False,
    "redacted": False,
    "conversation": [
        {"role": "user", "content": "Fix my code.", "toxic": False},
        {"role": "assistant", "content": "Done.", "toxic": False},
    ],
}
EVOL = {"instruction": "Sort a list.", "output": "sorted(x)"}
EVOL_RESPONSE = {"instruction": "Sort a list.", "response": "sorted(x)"}
MCEVAL = {
    "instruction": "Sort in Rust.",
    "output": "v.sort();",
    "language": "Rust",
    "source": "McEval-Instruct",
}
OPC = {
    "seq_id": 7,
    "instruction": "Double it.",
    "output": "def f(x):\n    return 2 * x",
    "code": "def f(x):\n    return 2 * x",
    "entry_point": "f",
    "testcase": ["assert f(1) == 2", "assert f(0) == 0"],
}


def pairs_of(path: Path, format: str = "auto") -> list[Pair]:
    found = [pair for _, pair in read_pairs(str(path), format)]
    assert not any(isinstance(pair, Refused) for pair in found), found
    return [pair for pair in found if isinstance(pair, Pair)]


@pytest.mark.parametrize(
    ("row", "format", "instruction", "output"),
    [
        (ALPACA, "alpaca", "Add the numbers.\n\n1 and 2", "3"),
        (ALPACA | {"input": ""}, "alpaca", "Add the numbers.", "3"),
        (INFINITY, "sharegpt", "What is a list?", "A sequence."),
        (SHAREGPT, "sharegpt", "Write a loop.", "for i in range(3): pass"),
        (WILDCHAT, "messages", "Fix my code.", "Done."),
        (EVOL, "pairs", "Sort a list.", "sorted(x)"),
        (EVOL_RESPONSE, "pairs", "Sort a list.", "sorted(x)"),
        (MCEVAL, "pairs", "Sort in Rust.", "v.sort();"),
        (OPC, "opc_tests", "Double it.", "def f(x):\n    return 2 * x"),
    ],
)
def test_every_format_is_known_by_its_columns(
    tmp_path: Path, row: dict[str, Any], format: str, instruction: str, output: str
) -> None:
    assert format_of(list(row)) == format
    path = tmp_path / "set.jsonl"
    path.write_text(json.dumps(row) + "\n")
    for given in ("auto", format):
        (pair,) = pairs_of(path, given)
        assert (pair.instruction, pair.output) == (instruction, output)


def test_tests_come_along_even_as_text(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(json.dumps(OPC) + "\n" + json.dumps(OPC | {"testcase": str(OPC["testcase"])}) + "\n")
    first, second = pairs_of(path)
    assert first == second and first.tests == ("assert f(1) == 2", "assert f(0) == 0")


@pytest.mark.parametrize("name", ["a.json", "a.json.gz", "a.jsonl", "a.jsonl.gz", "a.parquet"])
def test_every_kind_of_file_gives_the_same(tmp_path: Path, name: str) -> None:
    rows = [EVOL, EVOL | {"instruction": "Größe 測試"}]
    path = tmp_path / name
    if name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        text = (
            json.dumps(rows) if ".json" in name and "jsonl" not in name else "\n".join(map(json.dumps, rows))
        )
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    assert [pair.instruction for pair in pairs_of(path)] == ["Sort a list.", "Größe 測試"]


def test_json_lines_under_the_name_json_are_read(tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    path.write_text(json.dumps(EVOL) + "\n" + json.dumps(EVOL))
    assert len(pairs_of(path)) == 2


def test_a_folder_is_read_in_order_and_other_files_are_left(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "b.jsonl").write_text(json.dumps(EVOL | {"output": "second"}))
    (tmp_path / "a.jsonl").write_text(json.dumps(EVOL | {"output": "first"}))
    (tmp_path / "README.md").write_text("# A set")
    assert [pair.output for pair in pairs_of(tmp_path)] == ["first", "second"]
    assert len(files_of(str(tmp_path))) == 2


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (WILDCHAT | {"toxic": True}, "toxic"),
        (INFINITY | {"conversations": []}, "no question"),
        (INFINITY | {"conversations": "text"}, "no list of turns"),
        (
            INFINITY | {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": " "}]},
            "empty answer",
        ),
        (EVOL | {"output": ""}, "no text"),
        (EVOL | {"output": 3}, "holds int"),
        (OPC | {"testcase": "assert f(1) == 2; not a list"}, "not a list of asserts"),
    ],
)
def test_a_row_without_a_pair_says_why(tmp_path: Path, row: dict[str, Any], why: str) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(json.dumps(row) + "\n{broken\n[1]\n" + json.dumps(row) + "\n")
    found = [pair for _, pair in read_pairs(str(path))]
    assert len(found) == 4 and all(isinstance(pair, Refused) for pair in found)
    assert why in str(found[0]) and "not JSON" in str(found[1]) and "not an object" in str(found[2])


def test_what_cannot_be_a_set_is_refused_in_one_line(tmp_path: Path) -> None:
    strange = tmp_path / "strange.jsonl"
    strange.write_text('{"left": 1, "right": 2}')
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(b"PAR1 no")
    for source, message in [
        (str(strange), "columns left, right fit no format"),
        (str(damaged), "cannot be read"),
        (str(tmp_path / "missing.json"), "no such file or folder"),
        (str(tmp_path), None),
    ]:
        if message:
            with pytest.raises(InputError, match=message) as error:
                list(read_pairs(source))
            assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="did you mean 'alpaca'"):
        list(read_pairs(str(strange), "alpacca"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no instruction files"):
        list(read_pairs(str(tmp_path / "empty")))


def test_a_hub_id_is_an_address_of_the_hub() -> None:
    assert location_of("OpenCoder-LLM/opc-sft-stage2") == "hf://datasets/OpenCoder-LLM/opc-sft-stage2"
    assert location_of("owner/name:data/en") == "hf://datasets/owner/name/data/en"


def test_any_address_of_fsspec_is_read_and_its_digest_is_of_its_bytes() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/sets/one/a.jsonl", json.dumps(EVOL).encode())
    first = digest_of("memory://sets/one")
    assert [pair.instruction for _, pair in read_pairs("memory://sets/one") if isinstance(pair, Pair)] == [
        "Sort a list."
    ]
    memory.pipe("/sets/one/a.jsonl", json.dumps(EVOL_RESPONSE).encode())
    assert digest_of("memory://sets/one") != first


CODE = [
    ("Write a function that reverses a string.", "def r(s):\n    return s[::-1]"),
    ("What does this do?\n```python\nx = 1\n```", "It sets x."),
    ("List all users older than 30.", "SELECT name FROM users WHERE age > 30;"),
    ("How do I undo the last git commit?", "Use git reset."),
    ("Explain how recursion works in programming.", "A function that calls itself. The time complexity..."),
    ("Center this.", '<div style="text-align: center">x</div>'),
]
OTHER = [
    ("Write a poem about the sea.", "The sea is wide."),
    ("What is the capital of France?", "Paris."),
    ("Ruby has 3 apples and buys 2. How many has she?", "3 + 2 = 5"),
    ("Design a logo concept for a bakery.", "A loaf with a smile."),
    ("用中文写一首关于春天的诗。", "春天来了。"),
]


@pytest.mark.parametrize("pair", CODE)
def test_programming_is_recognised(pair: tuple[str, str]) -> None:
    assert is_code_related(*pair)


@pytest.mark.parametrize("pair", [OTHER[0], OTHER[1], OTHER[3], OTHER[4]])
def test_other_things_are_left(pair: tuple[str, str]) -> None:
    assert not is_code_related(*pair)


SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "instruct"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the public sample sets are not beside the checkout")
def test_real_sets_are_read_whole() -> None:
    expected = {"code_alpaca_2k.json.gz": (2015, 2, 0.85), "new_codealpaca.json.gz": (4535, 0, 0.99)}
    for name, (usable, unusable, share) in expected.items():
        found = [pair for _, pair in read_pairs(str(SHARED / name))]
        good = [pair for pair in found if isinstance(pair, Pair)]
        assert (len(good), len(found) - len(good)) == (usable, unusable)
        assert sum(is_code_related(pair.instruction, pair.output) for pair in good) >= share * len(good)
