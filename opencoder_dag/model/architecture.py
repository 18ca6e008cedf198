"""Architecture presets of both papers and of this machine's size, as Llama configurations.

Belongs here: published shapes and how a recipe overrides them. Does not belong here: how a model is trained.
Sources: OpenCoder, facts section 6; MiniCPM-2B for Zhusuan, facts section 1.1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from opencoder_dag.errors import InputError
from opencoder_dag.recipe import Model

if TYPE_CHECKING:
    from transformers import LlamaConfig, PretrainedConfig


@dataclass(frozen=True)
class Shape:
    """The numbers that make a Llama model; widths in units, `rope_base` in the units of RoPE's theta."""

    layers: int
    width: int
    feed_forward: int
    heads: int
    kv_heads: int
    positions: int
    rope_base: float
    tied: bool
    vocabulary: int | None = None  # published size; None: whatever the tokenizer has
    norm_epsilon: float = 1e-5
    initializer_range: float = 0.02


PRESETS: dict[str, Shape] = {
    # About 1.3 million parameters with a vocabulary of 4096. Wide and shallow: two CPU cores spend their time
    # in matrix products and not between them.
    "tiny": Shape(3, 128, 512, 4, 2, positions=4096, rope_base=10_000.0, tied=True),
    "opencoder-1.5b": Shape(
        24, 2240, 6144, 14, 14, positions=4096, rope_base=10_000.0, tied=False, vocabulary=96_640
    ),
    "opencoder-8b": Shape(
        32, 4096, 14_336, 32, 8, positions=8192, rope_base=500_000.0, tied=False, vocabulary=96_640
    ),
    "zhusuan-2.7b": Shape(
        40, 2304, 5760, 36, 36, positions=4096, rope_base=10_000.0, tied=True, vocabulary=122_753
    ),
}


def shape_of(model: Model) -> Shape:
    """A preset with the recipe's overrides.

    Raises `InputError` when the heads do not divide the width evenly or the KV heads do not divide the heads.
    """
    given: dict[str, Any] = {
        "layers": model.layers,
        "width": model.width,
        "feed_forward": model.feed_forward,
        "heads": model.heads,
        "kv_heads": model.kv_heads,
    }
    shape = replace(
        PRESETS[model.preset], **{name: value for name, value in given.items() if value is not None}
    )
    if shape.width % (2 * shape.heads):
        raise InputError(
            f"model.heads: {shape.heads} heads do not divide width {shape.width} into heads of even size"
        )
    if shape.heads % shape.kv_heads:
        raise InputError(f"model.kv_heads: {shape.kv_heads} does not divide heads ({shape.heads})")
    return shape


def llama_config(
    model: Model, vocabulary: int, *, eos: int | None = None, pad: int | None = None
) -> LlamaConfig:
    """The Hugging Face configuration of a recipe's model.

    `vocabulary` is the size of the tokenizer; a preset with a larger published vocabulary keeps its own size,
    as unused rows are harmless and the parameter count stays the published one.
    """
    from transformers import LlamaConfig

    shape = shape_of(model)
    return LlamaConfig(
        vocab_size=max(vocabulary, shape.vocabulary or 0),
        hidden_size=shape.width,
        intermediate_size=shape.feed_forward,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        max_position_embeddings=shape.positions,
        rope_parameters={"rope_type": "default", "rope_theta": shape.rope_base},
        rms_norm_eps=shape.norm_epsilon,
        initializer_range=shape.initializer_range,
        tie_word_embeddings=shape.tied,
        attention_bias=False,
        mlp_bias=False,
        bos_token_id=None,
        eos_token_id=eos,
        pad_token_id=pad,
    )


def parameter_count(config: PretrainedConfig) -> int:
    """Parameters of a configuration (tied weights counted once), without allocating them (meta device)."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    model.tie_weights()
    return sum(parameter.numel() for parameter in model.parameters())
