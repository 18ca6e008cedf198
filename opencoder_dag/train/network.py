"""The network of a job, ready for packed streams: built from a shape or read from a checkpoint.

Belongs here: weights before training, and the loss over a stream. Does not belong here: steps.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from opencoder_dag.errors import InputError
from opencoder_dag.model.architecture import llama_config
from opencoder_dag.train import attention
from opencoder_dag.train.data import IGNORED
from opencoder_dag.train.encode import Encoder
from opencoder_dag.train.job import TrainJob
from opencoder_dag.train.loss import summed_cross_entropy


class PackedLoss(nn.Module):
    """A causal language model over one stream of packed documents; T tokens, N of them labelled, W width."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor, labels: Tensor, positions: Tensor, **documents: Any) -> Tensor:
        """Sum of the cross entropy over labelled positions, in nats, fp32.

        `tokens`, `labels` and `positions` have shape [T]; `documents` is `attention_arguments`.
        """
        network: Any = self.network
        hidden_1TW = network.model(
            input_ids=tokens[None], position_ids=positions[None], use_cache=False, **documents
        ).last_hidden_state
        labelled = torch.nonzero(labels != IGNORED)[:, 0]
        hidden_NW = hidden_1TW[0].index_select(0, labelled)
        return summed_cross_entropy(hidden_NW, network.lm_head.weight, labels[labelled])


def build(job: TrainJob, encoder: Encoder, device: torch.device) -> PackedLoss:
    """The job's network on CPU memory in fp32: seeded new weights, or those of `job.initial`.

    Raises `InputError` when the checkpoint cannot be read, has another vocabulary than the tokenizer, or has
    fewer positions than the sequence.
    """
    from transformers import AutoModelForCausalLM

    attention.register()
    kernel = attention.PER_DOCUMENT if device.type == "cpu" else attention.VARLEN
    if job.initial is None:
        return new_network(job, encoder.size, device, eos=encoder.end, pad=encoder.padding)
    check_vocabulary(job.initial, encoder)
    try:
        network = AutoModelForCausalLM.from_pretrained(
            job.initial, attn_implementation=kernel, dtype=torch.float32, local_files_only=True
        )
    except (OSError, ValueError) as error:
        raise InputError(f"{job.initial}: no checkpoint ({' '.join(str(error).split())[:200]})") from None
    positions = network.config.max_position_embeddings
    if job.sequence > positions:
        raise InputError(f"sequence: {job.sequence} tokens, but {job.initial} has {positions} positions")
    if encoder.size > network.config.vocab_size:
        _grow_vocabulary(network, encoder.size)
    return PackedLoss(network)


def new_network(
    job: TrainJob, vocabulary: int, device: torch.device, *, eos: int | None = None, pad: int | None = None
) -> PackedLoss:
    """A network with new weights, which the job's seed decides."""
    from transformers import AutoModelForCausalLM

    attention.register()
    kernel = attention.PER_DOCUMENT if device.type == "cpu" else attention.VARLEN
    torch.manual_seed(job.seed)
    config = llama_config(job.model, vocabulary, eos=eos, pad=pad)
    return PackedLoss(
        AutoModelForCausalLM.from_config(config, attn_implementation=kernel, dtype=torch.float32)
    )


def adapt(network: PackedLoss, job: TrainJob, device: torch.device) -> PackedLoss:
    """Recompute activations and compile the layers, where the recipe says so."""
    inner: Any = network.network
    if job.train.activation_checkpointing:
        inner.gradient_checkpointing_enable({"use_reentrant": False})
        inner.train()
    if job.train.compile and device.type == "cuda":
        inner.model.compile(dynamic=True)  # lengths of streams differ from step to step
    return network


def _grow_vocabulary(network: Any, size: int) -> None:
    """Add rows for new tokens, each the mean of the old ones, which changes the old predictions least."""
    old = network.config.vocab_size
    network.resize_token_embeddings(size, mean_resizing=False)
    with torch.no_grad():
        for layer in {
            id(one): one for one in (network.get_input_embeddings(), network.get_output_embeddings())
        }.values():
            layer.weight[old:] = layer.weight[:old].mean(0)


def check_vocabulary(checkpoint: str, encoder: Encoder) -> None:
    """Raise `InputError` when a checkpoint's own tokenizer gives a token another id than the job's does."""
    path = Path(checkpoint) / "tokenizer.json"
    if not path.exists():
        return
    theirs: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))["model"].get("vocab", {})
    if not isinstance(theirs, dict):
        return
    ours = encoder.tokenizer.get_vocab()
    for token, number in theirs.items():
        if ours.get(token) != number:
            raise InputError(
                f"tokenizer: does not fit {checkpoint}: token {token!r} is {ours.get(token)} here and "
                f"{number} there; set tokenizer.path to the checkpoint's folder"
            )


def stop_tokens(job: TrainJob, encoder: Encoder) -> list[int]:
    """Ids at which generation ends: the end of text, and for a tuned model the end of a message."""
    from opencoder_dag.model.special import MESSAGE_END

    ids = [encoder.end]
    end = encoder.tokenizer.get_vocab().get(MESSAGE_END)
    if job.kind == "sft" and end is not None:
        ids.insert(0, int(end))
    return ids
