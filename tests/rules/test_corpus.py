"""The stage `filtered_corpus`: conservation, evidence, determinism, and what a broken rule does."""

from __future__ import annotations

import json

import pytest

from opencoder_dag.errors import InputError
from opencoder_dag.lake import Lake
from opencoder_dag.recipe import Filter, PythonRules
from opencoder_dag.rules import filter_corpus
from opencoder_dag.rules.signal import Signal, all_signals

NO_PYTHON = PythonRules(syntax=False, data_dense=False, repetition=False, undefined_names=False)
ONLY_RULES = Filter(copyright=False, personal_data=False, python=NO_PYTHON)

GOOD = '''"""Interval arithmetic on sorted lists of half-open ranges."""

from bisect import bisect_left


def merge(ranges):
    """Join ranges that touch or overlap."""
    merged = []
    for start, stop in sorted(ranges):
        if merged and start <= merged[-1][1]:
            last = merged[-1]
            merged[-1] = (last[0], max(last[1], stop))
        else:
            merged.append((start, stop))
    return merged


def covers(ranges, point):
    """Whether a point lies in one of the merged ranges."""
    index = bisect_left(ranges, (point + 1,)) - 1
    if index < 0:
        return False
    low, high = ranges[index]
    width = high - low
    while width > 8 and low + width // 2 <= point:
        low += width // 2
        width = high - low
    return low <= point < high
'''
SHORT = "x = 1\n"
BROKEN = GOOD.replace("def merge(ranges):", "def merge(ranges:")


def rows(**stars: int | None) -> list[dict]:
    return [
        {"content": GOOD, "repo": "good", "path": "ranges.py", "stars": stars.get("good", 7)},
        {"content": SHORT, "repo": "short", "path": "one.py", "stars": stars.get("short", 7)},
        {"content": BROKEN, "repo": "broken", "path": "broken.py", "stars": stars.get("broken", 7)},
        {"content": GOOD + "\n# same", "repo": "unknown", "path": "u.py", "stars": stars.get("unknown")},
    ]


def removed(dataset) -> dict[str, dict]:
    return {
        row["repo"]: row | {"evidence": json.loads(row["evidence"])}
        for row in dataset.read("removed").to_pylist()
    }


def test_rules_remove_with_value_threshold_and_every_other_hit(lake, dataset_of, engine):
    out = filter_corpus(lake, [dataset_of(rows())], ONLY_RULES, 0, engine)
    counts = out.manifest.counts
    assert counts["in"] == counts["kept"] + counts["removed"] + counts["quarantined"] == 4
    assert {row["repo"] for row in out.read().to_pylist()} == {"good", "unknown"}
    gone = removed(out)
    assert gone["short"]["reason"] == "qsc_code_num_words"
    assert gone["short"]["evidence"]["value"] == 2.0
    assert gone["short"]["evidence"]["threshold"] == "< 30"
    assert gone["short"]["evidence"]["also"]["qsc_code_num_lines"] == {
        "value": 1.0,
        "threshold": "< 10 or > 100000",
    }
    assert gone["broken"]["reason"] == "qsc_codepython_cate_ast"
    facts = out.manifest.facts
    assert facts["rules"]["qsc_codepython_cate_ast"] == {"hits": 1, "sole": 1}
    assert facts["rules"]["qsc_code_num_words"] == {"hits": 1, "sole": 0}
    assert facts["languages"]["python"]["kept"] == 2
    assert facts["languages"]["python"]["removed"] == 2
    assert facts["languages"]["python"]["bytes_kept"] == 2 * len(GOOD) + len("\n# same")


def test_star_filter_counts_unknown_stars_as_below(lake, dataset_of, engine):
    config = ONLY_RULES.model_copy(update={"min_stars": 5, "rules": False})
    out = filter_corpus(lake, [dataset_of(rows(short=4, broken=5))], config, 0, engine)
    gone = removed(out)
    assert set(gone) == {"short", "unknown"}
    assert gone["short"]["reason"] == "stars_below_minimum"
    assert gone["short"]["evidence"] == {"stars": 4, "minimum": 5}
    assert gone["unknown"]["evidence"] == {"stars": None, "minimum": 5}


def test_transformed_text_has_its_own_digest_and_keeps_its_id(lake, dataset_of, engine):
    text = GOOD + "\n# Questions to jane.doe@plainmail.net about this.\n"
    given = dataset_of([{"content": text, "repo": "r", "path": "p.py"}], shards=1)
    config = Filter(copyright=False, personal_data=True, python=NO_PYTHON)
    out = filter_corpus(lake, [given], config, 0, engine)
    before, after = given.read().to_pylist()[0], out.read().to_pylist()[0]
    assert "jane.doe" not in after["content"]
    assert after["doc_id"] == before["doc_id"]
    assert after["sha256"] != before["sha256"]
    assert after["size"] == len(after["content"].encode())
    assert sum(out.manifest.facts["cleaned"].values()) == 1
    assert out.manifest.facts["cleaned_documents"] == 1


def test_same_verdicts_whatever_the_shards(lake, dataset_of, engine, tmp_path):
    whole = filter_corpus(lake, [dataset_of(rows(), shards=1)], ONLY_RULES, 0, engine)
    other = Lake(str(tmp_path / "other"))
    cut = filter_corpus(other, [dataset_of(rows(), shards=4)], ONLY_RULES, 0, engine)
    assert len(whole.manifest.shards) == 1
    assert len(cut.manifest.shards) == 4
    assert whole.digest == cut.digest
    again = filter_corpus(other, [dataset_of(rows(), shards=4)], ONLY_RULES, 0, engine)
    assert again.reused


def test_own_output_loses_nothing_more(lake, dataset_of, engine):
    once = filter_corpus(lake, [dataset_of(rows())], ONLY_RULES, 0, engine)
    twice = filter_corpus(lake, [once], ONLY_RULES, 0, engine)
    assert twice.manifest.counts["removed"] == twice.manifest.counts["quarantined"] == 0
    assert twice.manifest.counts["kept"] == once.manifest.counts["kept"]


def test_a_broken_rule_quarantines_and_hides_no_other(lake, dataset_of, engine, monkeypatch):
    name = "qsc_code_frac_chars_alphabet"

    def fail(file):
        raise ZeroDivisionError("no luck")

    from opencoder_dag.rules import judge

    broken = Signal(name, "general_code", None, "broken", fail)
    monkeypatch.setattr(judge, "all_signals", lambda: all_signals() | {name: broken})
    judge.rules_of.cache_clear()
    try:
        out = filter_corpus(lake, [dataset_of(rows())], ONLY_RULES, 0, engine)
    finally:
        judge.rules_of.cache_clear()
    gone = removed(out)
    assert set(gone) == {"short", "broken"}
    assert gone["short"]["evidence"]["errors"] == {name: "ZeroDivisionError: no luck"}
    errors = {row["repo"]: row["error"] for row in out.read("quarantined").to_pylist()}
    assert set(errors) == {"good", "unknown"}
    assert name in errors["good"] and "no luck" in errors["good"]


def test_disabled_rules_do_not_fire_and_unknown_ones_are_refused(lake, dataset_of, engine):
    given = dataset_of(rows())
    config = ONLY_RULES.model_copy(update={"disabled_rules": ["qsc_codepython_cate_ast"]})
    assert "broken" not in removed(filter_corpus(lake, [given], config, 0, engine))
    config = ONLY_RULES.model_copy(update={"disabled_rules": ["qsc_codepython_cate_as"]})
    with pytest.raises(InputError, match="did you mean 'qsc_codepython_cate_ast'"):
        filter_corpus(lake, [given], config, 0, engine)


def test_random_rules_draw_by_seed_and_content(lake, dataset_of, engine):
    # A module of imports alone: the no-logic rule drops four in five of them.
    names = [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "kappa",
        "lambda_",
        "sigma",
        "omega",
        "theta",
        "iota",
        "zeta",
        "rho",
    ]
    documents = []
    for number in range(60):
        lines = [
            f"{name}{number}_value = {name}{(number * 7 + at) % 50} + width{at}"
            for at, name in enumerate(names)
        ]
        heads = [f"class {name.title()}Kind{number}: size = {at}" for at, name in enumerate(reversed(names))]
        documents.append(
            {"content": "\n".join([*lines[:9], *heads]) + "\n", "repo": f"r{number}", "path": "m.py"}
        )
    given = dataset_of(documents)
    rule = "qsc_codepython_score_lines_no_logic"
    first = filter_corpus(lake, [given], ONLY_RULES, 0, engine)
    dropped = {repo for repo, row in removed(first).items() if row["reason"] == rule}
    spared = first.manifest.facts["spared"][rule]
    assert spared + len(dropped) == 60
    assert 36 <= len(dropped) <= 57
    other = filter_corpus(lake, [given], ONLY_RULES, 1, engine)
    assert {repo for repo, row in removed(other).items() if row["reason"] == rule} != dropped


def test_unknown_document_type_is_removed_with_that_reason(lake, dataset_of, engine):
    given = dataset_of(
        [{"content": GOOD, "repo": "r", "path": "p.xyz", "doc_type": "excluded", "language": "svg"}]
    )
    gone = removed(filter_corpus(lake, [given], ONLY_RULES, 0, engine))
    assert gone["r"]["reason"] == "document_type"
