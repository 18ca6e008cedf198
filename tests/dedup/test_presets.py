import numpy as np
from datasketch import MinHashLSH

from opencoder_dag.dedup import PRESETS, detection_curve, preset_of
from opencoder_dag.recipe import Dedup


def test_opencoder_finds_near_identical_files_only() -> None:
    # Figures of the facts page on the paper's 16 bands of 128 rows.
    found = detection_curve(16, 128, [0.90, 0.95, 0.975, 0.98, 0.99])
    assert [round(float(p), d) for p, d in zip(found, [5, 3, 2, 2, 3], strict=True)] == [
        0.00002,
        0.022,
        0.47,
        0.71,
        0.994,
    ]


def test_stack_is_what_datasketch_chooses_for_its_threshold() -> None:
    chosen = MinHashLSH(threshold=0.7, num_perm=PRESETS["stack"].permutations)
    assert (chosen.b, chosen.r) == (PRESETS["stack"].bands, PRESETS["stack"].rows)


def test_verified_misses_one_pair_in_ten_thousand_at_most() -> None:
    preset = PRESETS["verified"]
    assert detection_curve(preset.bands, preset.rows, [0.7])[0] > 0.9999


def test_curve_ends_and_shape() -> None:
    curve = detection_curve(25, 10, np.linspace(0, 1, 101))
    assert curve[0] == 0 and curve[-1] == 1 and (np.diff(curve) >= 0).all()


def test_custom_preset_says_its_own_numbers() -> None:
    preset = preset_of(Dedup(preset="custom", permutations=64, bands=8, rows=8))
    assert (preset.permutations, preset.bands, preset.rows) == (64, 8, 8)
    assert preset_of(Dedup(preset="opencoder")) == PRESETS["opencoder"]


def test_similarity_is_the_presets_unless_the_recipe_says_otherwise() -> None:
    assert preset_of(Dedup(preset="verified")).similarity == 0.61
    assert preset_of(Dedup(preset="stack")).similarity == 0.7
    assert preset_of(Dedup(preset="stack", similarity=0.9)).similarity == 0.9
