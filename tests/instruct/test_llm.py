"""The client against servers on loopback: a written one for what goes wrong, and a real model served."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.instruct.llm import ChatModel, NoAnswer, ask
from tests.instruct.server import ChatServer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def echo(request: dict[str, Any]) -> tuple[int, Any]:
    return 200, f"You said: {request['messages'][-1]['content']}"


def test_answers_come_in_the_order_of_the_questions() -> None:
    with ChatServer(echo) as server:
        model = ChatModel(server.url)
        seen: list[tuple[int, int]] = []
        answers = model.answer(
            [ask(str(n)) for n in range(20)], lambda done, total: seen.append((done, total))
        )
        assert model.model == "written-model"
        assert answers == [f"You said: {n}" for n in range(20)]
        assert seen[-1] == (20, 20)
        assert server.requests[0]["model"] == "written-model" and server.requests[0]["stream"] is False


def test_the_system_and_the_settings_are_sent() -> None:
    with ChatServer(echo) as server:
        ChatModel(server.url, "mine").answer([ask("q", "be exact", temperature=0.5, seed=7, max_tokens=3)])
        (request,) = server.requests
    assert request["messages"] == [
        {"role": "system", "content": "be exact"},
        {"role": "user", "content": "q"},
    ]
    assert (request["model"], request["temperature"], request["seed"], request["max_tokens"]) == (
        "mine",
        0.5,
        7,
        3,
    )


def test_what_passes_is_tried_again_and_what_does_not_is_said() -> None:
    tries: dict[str, int] = {}
    lock = threading.Lock()

    def answer(request: dict[str, Any]) -> tuple[int, Any]:
        text = request["messages"][-1]["content"]
        with lock:
            tries[text] = tries.get(text, 0) + 1
        if text == "busy" and tries[text] < 3:
            return 503, {"error": "busy"}
        if text == "always busy":
            return 429, {"error": "busy"}
        if text == "forbidden":
            return 400, {"error": "too\nlong"}
        if text == "strange":
            return 200, {"unexpected": True}
        return 200, "" if text == "empty" else "good"

    questions = ["busy", "always busy", "forbidden", "strange", "empty", "fine"]
    with ChatServer(answer) as server:
        model = ChatModel(server.url, retries=3, pause=0.01)
        answers = model.answer([ask(text) for text in questions])
    texts = [str(answer) for answer in answers]
    assert [isinstance(answer, NoAnswer) for answer in answers] == [False, True, True, True, True, False]
    assert tries["busy"] == 3 and tries["always busy"] == 4 and tries["forbidden"] == 1
    assert "4 tries failed" in texts[1] and "status 429" in texts[1]
    assert "status 400" in texts[2] and "\n" not in texts[2]
    assert "not a chat completion" in texts[3] and "empty" in texts[4]


def test_answers_are_kept_and_not_asked_for_again(tmp_path: Path) -> None:
    with ChatServer(echo) as server:
        first = ChatModel(server.url, cache=str(tmp_path)).answer([ask("a"), ask("b")])
        asked = len(server.requests)
        again = ChatModel(server.url, cache=str(tmp_path)).answer([ask("b"), ask("a"), ask("a", seed=1)])
        assert again == [first[1], first[0], "You said: a"]
        assert asked == 2 and len(server.requests) == 3


def test_nobody_at_the_address_is_one_line() -> None:
    url = f"http://127.0.0.1:{free_port()}/v1"
    started = time.monotonic()
    with pytest.raises(InputError, match="cannot be reached") as error:
        ChatModel(url)
    assert url in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(OpencoderError, match="cannot be reached any more"):
        ChatModel(url, "named", retries=1, pause=0.01).answer([ask("x")])
    assert time.monotonic() - started < 15


def test_a_real_model_served_by_transformers_answers(tmp_path: Path) -> None:
    """A tiny Llama with random weights, made here, behind `transformers serve`."""
    folder = tmp_path / "tiny"
    make_model(folder)
    port = free_port()
    command = [str(Path(sys.executable).parent / "transformers"), "serve", str(folder)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(tmp_path / "home"),
        "OMP_NUM_THREADS": "1",
    }
    log = tmp_path / "log.txt"
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 180
        while True:
            try:
                if httpx.get(f"{url}/health", timeout=2).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.3)
        model = ChatModel(f"{url}/v1", str(folder), retries=2)
        answers = model.answer([ask("Hello", max_tokens=8), ask("Another", max_tokens=8)])
        assert all(isinstance(answer, str) for answer in answers), (answers, log.read_text()[-3000:])
        model.close()
    finally:
        server.terminate()
        server.wait(timeout=30)


def make_model(folder: Path) -> None:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from tokenizers.decoders import ByteLevel
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, special_tokens=["<end>"])
    tokenizer.train_from_iterator(["hello world"], trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", pad_token="<end>")
    fast.chat_template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    # Random weights may end at once or write blanks; letters are an answer that can be seen.
    letters = {number for token, number in fast.get_vocab().items() if token.isascii() and token.isalpha()}
    model.generation_config.suppress_tokens = sorted(set(range(len(fast))) - letters)
    model.save_pretrained(folder)
