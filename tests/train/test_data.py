from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.model.special import FIM_MIDDLE, FIM_PREFIX, FIM_SUFFIX
from opencoder_dag.train import TrainJob, data
from opencoder_dag.train.data import IGNORED, PackedData
from opencoder_dag.train.encode import Encoder, fim_mode
from opencoder_dag.train.loop import deal
from opencoder_dag.train.prepare import prepare

from .conftest import World, place, write_dataset


@pytest.fixture(scope="module")
def encoder(world: World) -> Encoder:
    return Encoder(world.tokenizer.path)


def packed(job: TrainJob, encoder: Encoder) -> PackedData:
    return PackedData(prepare(job, encoder))


def test_labels_are_the_next_token_and_never_cross_a_document(
    world: World, tmp_path: Path, encoder: Encoder
) -> None:
    opened = packed(world.base(tmp_path), encoder)
    stream = opened.stream("stable", range(10))
    at = 0
    for length in stream.documents:
        ids, labels = stream.tokens[at : at + length], stream.labels[at : at + length]
        assert (labels[:-1] == ids[1:]).all()
        assert labels[-1] == IGNORED
        assert (stream.positions[at : at + length] == np.arange(length)).all()
        at += length
    assert at == len(stream.tokens)


def test_documents_come_as_often_as_the_mix_says(world: World, tmp_path: Path, encoder: Encoder) -> None:
    opened = packed(world.base(tmp_path, tokens=10**9, anneal_tokens=10**9, sequence=4096), encoder)
    table = world.mix.read()
    lengths = [len(document.ids) for document in encoder.documents(table["content"].to_pylist())]
    for phase, column in (("stable", "pretrain"), ("anneal", "anneal")):
        counts = table[column].to_pylist()
        facts = opened.index["phases"][phase]
        assert facts["taken"] == sum(counts)
        assert facts["tokens"] == sum(length * count for length, count in zip(lengths, counts, strict=True))


def test_the_budget_is_met_by_hash_and_not_by_place(world: World, tmp_path: Path, encoder: Encoder) -> None:
    small = packed(world.base(tmp_path / "small", tokens=4_000), encoder)
    assert 4_000 <= small.index["phases"]["stable"]["tokens"] < 4_000 + 6_000
    other = world.base(tmp_path / "seed", tokens=4_000).model_copy(update={"seed": 1})
    assert small.documents("stable", range(20)) != packed(other, encoder).documents("stable", range(20))


def test_the_order_does_not_depend_on_how_the_mix_is_sharded(
    world: World, tmp_path: Path, encoder: Encoder
) -> None:
    job = world.base(tmp_path / "one")
    table = world.mix.read()
    shards = [
        write_dataset(world.lake, f"shard_{name}", part).shards()[0]
        for name, part in (("b", table.slice(13)), ("a", table.slice(0, 13)))
    ]
    other = place(job, tmp_path / "two").model_copy(update={"documents": shards})
    first, second = packed(job, encoder), packed(other, encoder)
    for phase in ("stable", "anneal"):
        streams = [one.stream(phase, range(one.row_count(phase))) for one in (first, second)]
        assert (streams[0].tokens == streams[1].tokens).all()
        assert data.phase_digest(first.folder, phase) == data.phase_digest(second.folder, phase)


def test_changed_data_is_refused(world: World, tmp_path: Path, encoder: Encoder) -> None:
    job = world.base(tmp_path)
    folder = prepare(job, encoder)
    tokens = folder / "tokens.bin"
    content = bytearray(tokens.read_bytes())
    content[10] ^= 1
    tokens.write_bytes(content)
    with pytest.raises(OpencoderError, match=r"tokens\.bin: changed since it was packed"):
        prepare(job, encoder)


def test_a_mix_without_its_columns_is_named(world: World, tmp_path: Path, encoder: Encoder) -> None:
    job = world.base(tmp_path).model_copy(update={"documents": world.held_out.shards()})
    with pytest.raises(InputError, match=r"part-00000\.parquet: no column 'pretrain'"):
        prepare(job, encoder)


def test_a_phase_with_nothing_to_train_on_is_named(world: World, tmp_path: Path, encoder: Encoder) -> None:
    table = world.mix.read()
    nothing = table.set_column(table.column_names.index("anneal"), "anneal", [[0] * table.num_rows])
    job = world.base(tmp_path).model_copy(
        update={"documents": write_dataset(world.lake, "no_anneal", nothing).shards()}
    )
    with pytest.raises(InputError, match="nothing to train on in column 'anneal'"):
        prepare(job, encoder)


def test_loss_is_on_answers_and_their_end_only(world: World, tmp_path: Path, encoder: Encoder) -> None:
    opened = packed(world.tuning(tmp_path, world.mix), encoder)
    stream = opened.stream("stage1", range(opened.row_count("stage1")))
    at = 0
    for length in stream.documents:
        ids, labels = stream.tokens[at : at + length], stream.labels[at : at + length]
        text = encoder.tokenizer.decode(ids)
        learned = encoder.tokenizer.decode(labels[labels != IGNORED])
        assert text.startswith("<|im_start|>user\n")
        assert text.endswith("<|im_start|>assistant\n" + learned)
        assert learned.endswith("<|im_end|>") or length == 256  # unless cut at the context
        at += length
    assert len(stream.documents) <= 12


def test_stage_two_sees_its_items_twice_one_epoch_after_the_other(
    world: World, tmp_path: Path, encoder: Encoder
) -> None:
    opened = packed(world.tuning(tmp_path, world.mix), encoder)
    rows = opened.row_count("stage2")
    assert rows % 2 == 0
    halves = [opened.documents("stage2", part) for part in (range(rows // 2), range(rows // 2, rows))]
    assert sorted(halves[0]) == sorted(halves[1])
    assert halves[0] != halves[1]


def test_markup_inside_an_item_is_not_markup(encoder: Encoder) -> None:
    sly = encoder.chats([("say <|im_end|> please", "ok<|im_end|><|im_start|>user")])[0]
    assert sly.ids.count(encoder.tokenizer.convert_tokens_to_ids("<|im_end|>")) == 2


def test_markup_inside_a_document_is_text(encoder: Encoder) -> None:
    document = encoder.documents(["a<|endoftext|>b"])[0]
    assert document.ids.count(encoder.end) == 1
    assert encoder.tokenizer.decode(document.ids[:-1]) == "a<|endoftext|>b"


@pytest.mark.parametrize("mode", ["psm", "spm"])
def test_the_middle_can_be_put_back(encoder: Encoder, mode: str) -> None:
    text = "def square(x):\n    return x * x\n" * 5
    special = {name: encoder.special(name) for name in (FIM_PREFIX, FIM_SUFFIX, FIM_MIDDLE)}
    for key in map(str, range(20)):
        ids = encoder.middle(text, mode, key).ids  # type: ignore[arg-type]
        assert ids[-1] == encoder.end
        assert [ids.count(number) for number in special.values()] == [1, 1, 1]
        cut = {name: ids.index(number) for name, number in special.items()}
        suffix = ids[cut[FIM_SUFFIX] + 1 : cut[FIM_MIDDLE]]
        rest = ids[cut[FIM_MIDDLE] + 1 : -1]
        prefix = ids[1 : cut[FIM_SUFFIX]] if mode == "psm" else []
        assert (
            encoder.tokenizer.decode(prefix)
            + encoder.tokenizer.decode(rest)
            + encoder.tokenizer.decode(suffix)
            == text
        )


def test_half_of_the_samples_are_rearranged_at_half_the_rate() -> None:
    modes = [fim_mode(0.5, "both", str(key)) for key in range(2_000)]
    assert 920 < sum(mode is not None for mode in modes) < 1_080
    assert 400 < modes.count("psm") < 600
    assert all(fim_mode(0.0, "psm", str(key)) is None for key in range(100))


def test_fim_trains_on_rearranged_documents(world: World, tmp_path: Path, encoder: Encoder) -> None:
    opened = packed(world.base(tmp_path, fim_rate=1.0, fim_mode="psm"), encoder)
    stream = opened.stream("stable", range(opened.row_count("stable")))
    middles = np.count_nonzero(stream.tokens == encoder.special(FIM_MIDDLE))
    assert middles == opened.index["phases"]["stable"]["taken"]


def test_every_row_is_dealt_once_in_blocks() -> None:
    for rows in range(1, 20):
        for micro in (1, 2, 4):
            for ranks in (1, 2, 3, 4):
                dealt = [deal(range(100, 100 + rows), micro, rank, ranks) for rank in range(ranks)]
                assert len({len(mine) for mine in dealt}) == 1  # every process does as many passes
                assert [row for mine in dealt for part in mine for row in part] == list(
                    range(100, 100 + rows)
                )


def test_the_index_says_what_was_taken(world: World, tmp_path: Path, encoder: Encoder) -> None:
    folder = prepare(world.base(tmp_path), encoder)
    index = json.loads((folder / "index.json").read_text())
    assert set(index["files"]) >= {"tokens.bin", "stable.rows.npy", "anneal.pieces.npy", "samples.parquet"}
    assert prepare(world.base(tmp_path), encoder) == folder  # found ready


def test_causal_packing_joins_the_rows_of_a_base_alone(
    world: World, tmp_path: Path, encoder: Encoder
) -> None:
    job = world.base(tmp_path)
    causal = job.model_copy(update={"train": job.train.model_copy(update={"packing": "causal"})})
    opened = packed(causal, encoder)
    rows = opened.row_count("stable")
    stream = opened.stream("stable", range(rows))
    # A row is one document for attention, positions and labels; the last row in packing order may be short.
    assert len(stream.documents) == rows
    assert sum(length < job.sequence for length in stream.documents) <= 1
    assert np.count_nonzero(stream.labels == IGNORED) == rows
    assert (opened.stream("stable", [0]).positions == np.arange(stream.documents[0])).all()
    # Rows of one long document do not follow each other: that is another question than how rows are packed.
    first = [int(opened.pieces["stable"][opened.rows["stable"][row], 0]) for row in range(rows)]
    assert first != sorted(first)
    held_out = opened.stream("held_out", range(opened.row_count("held_out")))
    assert (
        held_out.documents
        == packed(world.base(tmp_path / "apart"), encoder)
        .stream("held_out", range(opened.row_count("held_out")))
        .documents
    )
