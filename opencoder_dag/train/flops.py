"""What a step costs in floating-point operations of the model, and what share of the device's peak that is.

Six a parameter and token for the products (forward, and twice that backward; the embedding is a look-up), and
12 * layers * width for each position that a token attends to (the counting of PaLM, appendix B, with the
lengths that documents really have). Recomputation of activations is not counted: it is no work of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

PEAK_TFLOPS = {"H100": 989.4, "H200": 989.4, "A100": 312.0, "L40S": 362.0, "4090": 165.2}  # dense bf16


class ModelFlops:
    """Counts the operations of a network of the Llama architecture."""

    def __init__(self, network: nn.Module, config: Any) -> None:
        # ZeRO 3 leaves empty tensors behind and remembers their sizes.
        parameters = sum(getattr(each, "ds_numel", each.numel()) for each in network.parameters())
        embedding = 0 if config.tie_word_embeddings else config.vocab_size * config.hidden_size
        self.a_token = 6 * (parameters - embedding)
        self.a_position = 12 * config.num_hidden_layers * config.hidden_size

    def of(self, documents: Sequence[int]) -> float:
        """Operations of one training step over documents of these lengths, each attending to itself."""
        positions = sum(length * length for length in documents) / 2
        return self.a_token * sum(documents) + self.a_position * positions


def peak_flops(device: torch.device) -> float | None:
    """Dense bf16 operations a second of one device; None where it is not known, as for a CPU."""
    if device.type != "cuda":
        return None
    card = torch.cuda.get_device_name(device)
    return next((tflops * 1e12 for name, tflops in PEAK_TFLOPS.items() if name in card), None)
