"""Cross entropy of a large output layer without ever holding all logits.

Shapes: N labelled positions, W width, V vocabulary, C positions of one chunk.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # the field's usual name
from torch import Tensor

CHUNK_LOGITS = 1 << 20  # on CPU: 4 MB of fp32 logits, which stay in the cache
CHUNK_LOGITS_GPU = 1 << 28


def summed_cross_entropy(hidden_NW: Tensor, weight_VW: Tensor, labels_N: Tensor) -> Tensor:
    """Sum over positions of the cross entropy of `hidden @ weight.T`, in nats, fp32.

    Products are in the type of autocast where it is on; everything between them is fp32. With gradients on,
    they are computed along with the loss, chunk by chunk, so that logits live for one chunk only.
    """
    device = hidden_NW.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden_NW.dtype
    if torch.is_grad_enabled() and hidden_NW.requires_grad:
        total: Tensor = _SummedCrossEntropy.apply(hidden_NW, weight_VW, labels_N, dtype)
        return total
    hidden, weight = hidden_NW.to(dtype), weight_VW.to(dtype)
    losses = [
        F.cross_entropy((hidden[rows] @ weight.T).float(), labels_N[rows], reduction="sum")
        for rows in _chunks(len(labels_N), len(weight), device)
    ]
    return torch.stack(losses).sum() if losses else hidden.sum().float() * 0


class _SummedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden_NW: Tensor, weight_VW: Tensor, labels_N: Tensor, dtype: torch.dtype
    ) -> Tensor:
        with torch.autocast(hidden_NW.device.type, enabled=False):
            hidden, weight = hidden_NW.to(dtype), weight_VW.to(dtype)
            total = torch.zeros((), dtype=torch.float32, device=hidden.device)
            grad_hidden = torch.empty_like(hidden)
            grad_weight = torch.zeros_like(weight_VW, dtype=torch.float32)
            for rows in _chunks(len(labels_N), len(weight), hidden.device.type):
                labels = labels_N[rows, None]
                logits_CV = (hidden[rows] @ weight.T).float()
                logits_CV -= logits_CV.amax(1, keepdim=True)
                wanted = logits_CV.gather(1, labels)
                norm = logits_CV.exp_().sum(1, keepdim=True)
                total += (norm.log() - wanted).sum()
                # The same memory now becomes softmax minus one-hot, the gradient.
                logits_CV /= norm
                logits_CV.scatter_add_(1, labels, torch.full_like(norm, -1.0))
                gradient = logits_CV.to(dtype)
                torch.mm(gradient, weight, out=grad_hidden[rows])
                grad_weight += gradient.T @ hidden[rows]
        ctx.save_for_backward(grad_hidden.to(hidden_NW.dtype), grad_weight.to(weight_VW.dtype))
        return total

    @staticmethod
    def backward(ctx: Any, *grad_output: Tensor) -> tuple[Tensor, Tensor, None, None]:
        grad_hidden, grad_weight = ctx.saved_tensors
        scale = grad_output[0]
        return (
            grad_hidden * scale.to(grad_hidden.dtype),
            grad_weight * scale.to(grad_weight.dtype),
            None,
            None,
        )


def _chunks(positions: int, vocabulary: int, device: str) -> list[slice]:
    size = max(1, (CHUNK_LOGITS if device == "cpu" else CHUNK_LOGITS_GPU) // vocabulary)
    return [slice(at, at + size) for at in range(0, positions, size)]
