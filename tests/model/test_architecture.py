import pytest

from opencoder_dag.errors import InputError
from opencoder_dag.model import llama_config, parameter_count, shape_of
from opencoder_dag.recipe import Model


@pytest.mark.parametrize(
    ("preset", "billions"),
    [
        ("opencoder-1.5b", 1.906),
        ("opencoder-8b", 7.771),
    ],  # facts, section 6: derived from the released configs
)
def test_opencoder_presets_have_the_published_number_of_parameters(preset: str, billions: float) -> None:
    config = llama_config(Model(preset=preset), vocabulary=96_640)  # type: ignore[arg-type]
    assert parameter_count(config) / 1e9 == pytest.approx(billions, abs=5e-4)


def test_the_zhusuan_preset_has_minicpms_parameters_outside_the_embedding() -> None:
    config = llama_config(Model(preset="zhusuan-2.7b"), vocabulary=122_753)
    outside = parameter_count(config) - config.vocab_size * config.hidden_size
    assert outside / 1e9 == pytest.approx(2.44, abs=5e-3)
    assert parameter_count(config) / 1e9 == pytest.approx(2.7, abs=0.05)


def test_tiny_has_a_million_and_a_quarter() -> None:
    assert parameter_count(llama_config(Model(), vocabulary=4096)) == 1_262_464


def test_a_published_vocabulary_is_kept_and_a_larger_tokenizer_fits() -> None:
    model = Model(preset="opencoder-1.5b")
    assert llama_config(model, vocabulary=4096).vocab_size == 96_640
    assert llama_config(model, vocabulary=100_000).vocab_size == 100_000


def test_overrides_win_over_the_preset() -> None:
    shape = shape_of(Model(layers=7, width=64, heads=4, kv_heads=4))
    assert (shape.layers, shape.width, shape.heads, shape.feed_forward) == (7, 64, 4, 512)


def test_heads_that_do_not_divide_are_refused() -> None:
    with pytest.raises(InputError, match=r"model\.kv_heads: 3 does not divide heads \(4\)"):
        shape_of(Model(kv_heads=3))
