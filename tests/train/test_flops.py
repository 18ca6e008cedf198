"""Operations are those that torch counts."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig, LlamaForCausalLM

from opencoder_dag.train.flops import ModelFlops, peak_flops


@pytest.mark.parametrize("tied", [False, True])
def test_operations_of_a_step_are_those_that_torch_counts(tied: bool) -> None:
    length, layers, width = 64, 3, 48
    config = LlamaConfig(
        vocab_size=200,
        hidden_size=width,
        intermediate_size=96,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        tie_word_embeddings=tied,
        attn_implementation="eager",
    )
    network = LlamaForCausalLM(config)
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros((1, length), dtype=torch.long)).logits.sum().backward()
    # Eager attention also multiplies what the causal mask throws away: twice the positions.
    thrown_away = 12 * layers * width * length * length / 2
    counted = ModelFlops(network, config).of([length]) + thrown_away
    assert counted == pytest.approx(counter.get_total_flops(), rel=0.01)


def test_documents_attend_to_themselves_only() -> None:
    config = LlamaConfig(
        vocab_size=200, hidden_size=48, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4
    )
    flops = ModelFlops(LlamaForCausalLM(config), config)
    assert flops.of([64]) - flops.of([32, 32]) == flops.a_position * (64 * 64 - 2 * 32 * 32) / 2
    assert flops.of([]) == 0


def test_the_peak_of_a_cpu_is_not_known() -> None:
    assert peak_flops(torch.device("cpu")) is None
