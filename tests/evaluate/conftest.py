"""A small real model: a Llama of some ten thousand parameters that has learnt the first level."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opencoder_dag.document import document_row
from opencoder_dag.evaluate.suites import Suite, load_suite
from opencoder_dag.lake import Dataset, Lake, Stage, publish_folder, write_table

os.environ.setdefault("OMP_NUM_THREADS", "1")
LEARNT = 12  # problems of the first level


@pytest.fixture(scope="session")
def ladder() -> Suite:
    return load_suite("ladder")


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory: pytest.TempPathFactory, ladder: Suite) -> str:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    from opencoder_dag.model.special import CHAT_TEMPLATE, END_OF_TEXT, PADDING, SPECIAL_TOKENS

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator((problem.prompt + problem.reference for problem in ladder.problems), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token=END_OF_TEXT,
        pad_token=PADDING,
        additional_special_tokens=[token for token in SPECIAL_TOKENS if token not in (END_OF_TEXT, PADDING)],
        chat_template=CHAT_TEMPLATE,
    )
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory, tokenizer_folder: str, ladder: Suite) -> Dataset:
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=512,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        tie_word_embeddings=True,
    )
    network = LlamaForCausalLM(config)
    end = tokenizer.eos_token
    texts = [
        end + problem.prompt + problem.reference + "\n\n" + "def other():\n    pass" + end
        for problem in ladder.problems[:LEARNT]
    ]
    batch = tokenizer(texts, return_tensors="pt", padding=True, padding_side="right")
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    for _ in range(60):
        loss = network(**batch, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    folder = tmp_path_factory.mktemp("model")
    network.save_pretrained(folder)
    return publish_folder(
        Lake(str(tmp_path_factory.mktemp("models"))),
        Stage("base_model", "1"),
        folder,
        digest_of=["model.safetensors"],
        counts={},
        facts={"loss": float(loss.detach())},
        seconds=0.0,
    )


@pytest.fixture(scope="session")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Python files of the project itself, and one that is longer than the model looks."""
    from opencoder_dag.document import DOCUMENT_SCHEMA
    from opencoder_dag.lake import pa, publish

    sources = sorted((Path(__file__).parents[2] / "opencoder_dag" / "evaluate").glob("*.py"))
    rows = [
        document_row(
            path.read_text(encoding="utf-8")[:1500],
            source="project",
            repo="project",
            path=path.name,
            language="Python",
            doc_type="code",
        )
        for path in sources
    ]
    rows.append(
        document_row(
            "word " * 30_000,
            source="project",
            repo="other",
            path="long.txt",
            language="Text",
            doc_type="text",
        )
    )
    lake = Lake(str(tmp_path_factory.mktemp("held_out")))
    stage = Stage("held_out", "1")
    shards = [rows[::2], rows[1::2]]
    for number, shard in enumerate(shards):
        write_table(
            f"{lake.folder(stage)}/kept/part-{number}.parquet",
            pa.Table.from_pylist(shard, schema=DOCUMENT_SCHEMA),
        )
    return publish(
        lake,
        stage,
        content_digest="held",
        counts={},
        facts={},
        seconds=0.0,
        shards=[f"part-{number}.parquet" for number in range(len(shards))],
    )
