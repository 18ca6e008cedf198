"""No document sees another."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from opencoder_dag.model import llama_config
from opencoder_dag.recipe import Model
from opencoder_dag.train import attention


def model() -> torch.nn.Module:
    attention.register()
    torch.manual_seed(0)
    config = llama_config(Model(layers=2, width=32, feed_forward=64, heads=2, kv_heads=1), 300)
    return AutoModelForCausalLM.from_config(config, attn_implementation=attention.PER_DOCUMENT).eval()


def logits(network: torch.nn.Module, documents: list[torch.Tensor]) -> list[torch.Tensor]:
    lengths = [len(one) for one in documents]
    positions = torch.cat([torch.arange(length) for length in lengths])
    with torch.no_grad():
        out = network(
            input_ids=torch.cat(documents)[None],
            position_ids=positions[None],
            use_cache=False,
            documents=lengths,
        ).logits[0]
    return list(out.split(lengths))


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=2, max_size=6),
    changed=st.integers(0, 5),
    seed=st.integers(0, 99),
)
def test_changing_a_document_leaves_the_others_bit_identical(
    lengths: list[int], changed: int, seed: int
) -> None:
    network = model()
    generator = torch.Generator().manual_seed(seed)
    documents = [torch.randint(0, 300, (length,), generator=generator) for length in lengths]
    before = logits(network, documents)
    changed %= len(lengths)
    documents[changed] = (documents[changed] + 1) % 300
    after = logits(network, documents)
    for index, (one, other) in enumerate(zip(before, after, strict=True)):
        assert torch.equal(one, other) == (index != changed)


def test_each_document_gets_what_it_would_get_alone() -> None:
    network = model()
    documents = [torch.arange(5, 45), torch.arange(100, 117), torch.arange(7, 8)]
    together = logits(network, documents)
    network.set_attn_implementation("sdpa")  # type: ignore[operator] # a Hugging Face model
    for document, packed in zip(documents, together, strict=True):
        with torch.no_grad():
            alone = network(input_ids=document[None], use_cache=False).logits[0]
        torch.testing.assert_close(packed, alone, atol=2e-6, rtol=1e-5)
