from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from opencoder_dag.document import DOCUMENT_SCHEMA, document_row
from opencoder_dag.errors import InputError
from opencoder_dag.lake import Dataset, Lake
from opencoder_dag.model import train_tokenizer
from opencoder_dag.model.special import SPECIAL_TOKENS
from opencoder_dag.recipe import Tokenizer as TokenizerConfig

from ..train.conftest import write_dataset

CONFIG = TokenizerConfig(vocab_size=500, sample_bytes=40_000)


def documents() -> list[dict[str, object]]:
    here = Path(__file__).parents[2]
    files = sorted([*here.glob("opencoder_dag/*.py"), *here.glob("tests/*.py"), here / "pyproject.toml"])
    return [
        document_row(
            path.read_text(encoding="utf-8"),
            source="test",
            repo="here",
            path=path.name,
            language="Python" if path.suffix == ".py" else "TOML",
            doc_type="code",
        )
        for path in files
    ]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake(str(tmp_path_factory.mktemp("lake")))


@pytest.fixture(scope="module")
def corpus(lake: Lake) -> Dataset:
    return write_dataset(lake, "corpus", pa.Table.from_pylist(documents(), schema=DOCUMENT_SCHEMA))


@pytest.fixture(scope="module")
def trained(lake: Lake, corpus: Dataset) -> Dataset:
    return train_tokenizer(lake, [corpus], CONFIG, 0)


def test_special_tokens_come_first_and_one_each(trained: Dataset) -> None:
    tokenizer = AutoTokenizer.from_pretrained(trained.path)
    assert [tokenizer.convert_tokens_to_ids(token) for token in SPECIAL_TOKENS] == list(range(10))
    assert tokenizer.eos_token == "<|endoftext|>"
    assert tokenizer.pad_token == "<|pad|>"
    assert len(tokenizer) == 500 == trained.manifest.facts["vocabulary"]


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=200))
def test_any_text_decodes_to_itself(trained: Dataset, text: str) -> None:
    backend = AutoTokenizer.from_pretrained(trained.path).backend_tokenizer
    assert backend.decode(backend.encode(text).ids) == text or any(token in text for token in SPECIAL_TOKENS)


def test_every_digit_is_a_token(trained: Dataset) -> None:
    tokenizer = AutoTokenizer.from_pretrained(trained.path)
    assert tokenizer.tokenize("20262027") == list("20262027")
    assert not any(len(token) > 1 and any(map(str.isdigit, token)) for token in tokenizer.get_vocab())


def test_the_chat_template_is_chatml(trained: Dataset) -> None:
    tokenizer = AutoTokenizer.from_pretrained(trained.path)
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]
    assert tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) == (
        "<|im_start|>system\nbe brief<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    )


def test_fertility_is_reported_for_each_language(trained: Dataset) -> None:
    fertility = trained.manifest.facts["fertility"]
    assert set(fertility) <= {"Python", "TOML"}
    assert 1.5 < fertility["Python"]["bytes_per_token"] < 6
    assert fertility["Python"]["tokens_per_word"] > 1


def test_other_shards_give_the_same_tokenizer_and_a_second_call_reuses(
    lake: Lake, trained: Dataset, corpus: Dataset, tmp_path: Path
) -> None:
    assert train_tokenizer(lake, [corpus], CONFIG, 0).reused
    backwards = pa.Table.from_pylist(documents()[::-1], schema=DOCUMENT_SCHEMA)
    other = Lake(str(tmp_path))
    turned = write_dataset(other, "corpus", backwards)
    assert train_tokenizer(other, [turned], CONFIG, 0).digest == trained.digest


def test_the_sample_follows_the_seed(lake: Lake, corpus: Dataset, trained: Dataset) -> None:
    other = train_tokenizer(lake, [corpus], CONFIG, 1)
    assert other.digest != trained.digest
    assert trained.manifest.facts["sample"]["bytes"] < 40_000 + 25_000


def test_another_process_with_other_hashing_gives_the_same_bytes(
    corpus: Dataset, trained: Dataset, tmp_path: Path
) -> None:
    program = (
        "import sys; from opencoder_dag.lake import Lake, open_dataset; from opencoder_dag.model import "
        "train_tokenizer; from opencoder_dag.recipe import Tokenizer; "
        f"print(train_tokenizer(Lake({str(tmp_path)!r}), [open_dataset({corpus.path!r})], "
        f"Tokenizer(**{CONFIG.config()!r}), 0).digest)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77", "TOKENIZERS_PARALLELISM": "false"}
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert result.stdout.strip() == trained.digest, result.stderr


def test_a_tokenizer_by_path_is_taken_over_with_what_it_lacks(
    lake: Lake, corpus: Dataset, trained: Dataset, tmp_path: Path
) -> None:
    folder = tmp_path / "foreign"
    tokenizer = AutoTokenizer.from_pretrained(trained.path)
    tokenizer.chat_template = None
    tokenizer.save_pretrained(folder)
    taken = train_tokenizer(lake, [corpus], TokenizerConfig(path=str(folder)), 0)
    again = AutoTokenizer.from_pretrained(taken.path)
    assert len(again) == 500
    assert "im_start" in again.chat_template


def test_a_folder_without_a_tokenizer_is_named(lake: Lake, corpus: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"tokenizer\.path: .*nothing is not a folder"):
        train_tokenizer(lake, [corpus], TokenizerConfig(path=str(tmp_path / "nothing")), 0)
    (tmp_path / "config.json").write_text(json.dumps({}))
    with pytest.raises(InputError, match=r"tokenizer\.path: .*no tokenizer"):
        train_tokenizer(lake, [corpus], TokenizerConfig(path=str(tmp_path)), 0)
