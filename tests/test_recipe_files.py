from pathlib import Path

import pytest

from opencoder_dag.errors import InputError
from opencoder_dag.recipe_files import load_recipe, recipe_files, recipe_names


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def test_every_shipped_recipe_is_valid_at_every_scale():
    names = recipe_files()
    assert {"baseline", "star_filter", "repo_dedup", "no_high_quality_anneal", "one_stage_sft"} <= set(names)
    for name in names:
        for scale in ("smoke", "laptop", "study"):
            assert load_recipe(name, scale).name == name


def test_an_ablation_differs_from_its_parent_in_its_one_section():
    baseline, stars = load_recipe("baseline"), load_recipe("star_filter")
    assert stars.filter.min_stars == 5
    assert stars.sections("dedup", "mix", "train") == baseline.sections("dedup", "mix", "train")
    assert stars.digest != baseline.digest


def test_ablations_hold_the_token_budget_fixed():
    budgets = {(r.train.tokens, r.train.anneal_tokens) for r in map(load_recipe, recipe_files())}
    assert len(budgets) == 1


def test_the_name_is_not_part_of_the_work(tmp_path):
    folder = write(tmp_path, renamed="extends: baseline\ntitle: another title\n")
    assert load_recipe("renamed", extra=folder).digest == load_recipe("baseline").digest


def test_what_an_ablation_changes_wins_over_the_scale(tmp_path):
    folder = write(tmp_path, mine="extends: baseline\ntitle: t\ntrain: {tokens: 777}\n")
    recipe = load_recipe("mine", "smoke", folder)
    assert recipe.train.tokens == 777
    assert recipe.train.sequence == load_recipe("baseline", "smoke").train.sequence


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "extends: baseline\ntitle: t\ndedup: {leve: file}",
            "dedup.leve: unknown key; did you mean 'level'?",
        ),
        (
            "extends: baseline\ntitle: t\ntrain: {tokens: many}",
            "train.tokens: Input should be a valid integer",
        ),
        ("extends: baseline\ntitle: t\ntrain: {tokens: 0}", "train.tokens: Input should be greater than 0"),
        ("extends: baseline\ntitle: t\ntrain: {batch: 6}", "batch must be a multiple of micro_batch"),
        ("extends: baselin\ntitle: t", "no recipe 'baselin'; did you mean 'baseline'?"),
        ("extends: [a]\ntitle: t", "extends: must be the name of a recipe"),
        ("extends: bad\ntitle: t", "extends: cycle bad -> bad"),
        ("- a list", "must be a mapping of sections"),
        ("title: [unclosed", "not YAML"),
        ("extends: baseline\ntitle: t\ndedup: {preset: custom}", "needs permutations, bands and rows"),
    ],
)
def test_wrong_recipes_are_refused_with_file_and_key(tmp_path, text, message):
    folder = write(tmp_path, bad=text)
    with pytest.raises(InputError) as error:
        load_recipe("bad", extra=folder)
    assert message in str(error.value)
    assert str(folder / "bad.yaml") in str(error.value)
    assert "\n" not in str(error.value)


def test_a_cycle_of_parents_is_named(tmp_path):
    folder = write(tmp_path, a="extends: b\ntitle: t", b="extends: a\ntitle: t")
    with pytest.raises(InputError, match="cycle a -> b -> a"):
        load_recipe("a", extra=folder)


def test_a_shipped_recipe_cannot_be_redefined(tmp_path):
    folder = write(tmp_path, baseline="title: mine")
    with pytest.raises(InputError, match="shipped already"):
        recipe_files(folder)


def test_an_unknown_scale_lists_the_known_ones():
    with pytest.raises(InputError, match=r"no scale 'huge' \(known: .*smoke"):
        load_recipe("baseline", "huge")


def test_a_seed_in_the_name_is_the_seed_of_the_run():
    recipe = load_recipe("star_filter-seed2")
    assert (recipe.seed, recipe.base_name, recipe.filter.min_stars) == (2, "star_filter", 5)
    assert recipe.digest != load_recipe("star_filter").digest
    assert recipe_names(seeds=2)[:2] == ["baseline", "baseline-seed1"]
