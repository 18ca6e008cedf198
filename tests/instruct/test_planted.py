"""Planted copies of real test problems: each is caught, and the share of false alarms is bounded.

Runs where the public evaluation sets lie beside the checkout.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from opencoder_dag.instruct.contamination import SHORTEST_NAME, Contamination, Reference, is_distinctive
from opencoder_dag.instruct.formats import Pair
from opencoder_dag.instruct.readers import read_pairs
from opencoder_dag.instruct.stage import items_of

SHARED = Path(__file__).parents[2].parent / "shared" / "data"

pytestmark = pytest.mark.skipif(
    not (SHARED / "eval").is_dir(), reason="the public evaluation sets are not beside the checkout"
)


def rows_of(name: str) -> list[dict[str, Any]]:
    with gzip.open(SHARED / "eval" / name, "rt", encoding="utf-8") as handle:
        return [json.loads(line) for line in handle]


def humaneval() -> list[Reference]:
    return [
        Reference(
            "humaneval",
            row["task_id"],
            row["entry_point"],
            (row["prompt"], row["canonical_solution"], row["test"]),
        )
        for row in rows_of("humaneval/HumanEval.jsonl.gz")
    ]


def mbpp() -> list[Reference]:
    found = []
    for row in rows_of("mbpp/mbpp.jsonl.gz"):
        if 11 <= row["task_id"] <= 510:
            name = re.search(r"assert\s+(?:\w+\()*?(\w+)\(", row["test_list"][0])
            entry = re.findall(r"def\s+(\w+)", row["code"])
            point = name.group(1) if name and name.group(1) in entry else (entry[-1] if entry else None)
            texts = (row["text"], row["code"], "\n".join(row["test_list"]))
            found.append(Reference("mbpp", str(row["task_id"]), point, texts))
    return found


@pytest.fixture(scope="module")
def contamination() -> Contamination:
    return Contamination([*humaneval(), *mbpp()])


def disguises(text: str, chance: random.Random) -> dict[str, str]:
    """The same words in other clothes."""
    return {
        "exact": text,
        "inside": f"Please solve this task.\n\n{text}\n\nThank you very much for the help.",
        "one line": " ".join(text.split()),
        "one word a line": "\n".join(text.split()),
        "tabs": text.replace("    ", "\t").replace("\n", "\r\n"),
        "blanks": re.sub(r"\s", lambda match: match.group() * chance.randint(1, 4), text),
        "upper case": text.upper(),
        "quotes": text.replace('"', "'").replace("`", ""),
    }


def test_every_copy_and_white_space_variant_is_caught(contamination: Contamination) -> None:
    missed = []
    for reference in [*humaneval(), *mbpp()]:
        whole = f"{reference.texts[0]}\n{reference.texts[1]}"
        for name, text in disguises(whole, random.Random(reference.task)).items():
            if contamination.find(text) is None:
                missed.append((reference.task, name))
    assert missed == []


def test_prompts_alone_are_caught(contamination: Contamination) -> None:
    for reference in humaneval():
        for name, text in disguises(reference.texts[0], random.Random(reference.task)).items():
            assert contamination.find(text) is not None, (reference.task, name)


def test_shuffled_lines_are_caught(contamination: Contamination) -> None:
    for reference in humaneval():
        lines = f"{reference.texts[0]}{reference.texts[1]}".splitlines()
        random.Random(reference.task).shuffle(lines)
        assert contamination.find("\n".join(lines)) is not None, reference.task


def test_a_reworded_task_is_caught_by_its_distinctive_entry_point(contamination: Contamination) -> None:
    points = {reference.entry_point for reference in [*humaneval(), *mbpp()]}
    names = [name for name in points if name and len(name) >= SHORTEST_NAME]
    assert len(names) > 500
    for name in names:
        text = f"I would like a program. Please name it `{name}` and make it fast."
        assert (contamination.find(text) is not None) == is_distinctive(name)
        assert contamination.find(f"def {name}(x):\n    return None") is not None


def test_false_alarms_on_the_standard_library_are_few(contamination: Contamination) -> None:
    """Code that is older than the problems, and that nobody copied from them."""
    folder = Path(json.__file__).parents[1]
    items = [
        item
        for path in sorted(folder.glob("*.py"))
        for item in items_of(path.read_text(encoding="utf-8", errors="replace"), "cpython", path.name, 0)
        if item["output"]
    ]
    alarms = [item for item in items if contamination.find(f"{item['instruction']}\n{item['output']}")]
    assert len(items) > 400
    assert len(alarms) <= 0.03 * len(items), [item["instruction"] for item in alarms]


def test_alarms_on_a_set_of_the_same_kind_are_mostly_names(contamination: Contamination) -> None:
    """Code Alpaca asks for `is_prime` as well: what is defined under the name of a problem is removed, as
    the rule says, and n-grams add little."""
    pairs = [
        pair
        for name in ("code_alpaca_2k.json.gz", "new_codealpaca.json.gz")
        for _, pair in read_pairs(str(SHARED / "instruct" / name))
        if isinstance(pair, Pair)
    ]
    alarms = [found for pair in pairs if (found := contamination.find(f"{pair.instruction}\n{pair.output}"))]
    assert len(alarms) < 0.06 * len(pairs)
    assert sum("ngram" in found for found in alarms) < 0.015 * len(pairs)
