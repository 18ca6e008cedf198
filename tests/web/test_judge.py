"""The language model judge: its arithmetic, a server that misbehaves, and `transformers serve` itself."""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import numpy as np
import pytest

from opencoder_dag.errors import OpencoderError
from opencoder_dag.web.config import Judge
from opencoder_dag.web.index import PageIndex
from opencoder_dag.web.judge import (
    Endpoint,
    NoAnswerError,
    judged_labels,
    page_score,
    written_answer,
    yes_weight,
)

SERVE_SECONDS = 120


class Script(BaseHTTPRequestHandler):
    """Answers each request with the next entry of the server's list: (status, headers, body, seconds)."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        script = self.server.script
        status, headers, body, seconds = script.pop(0) if len(script) > 1 else script[0]
        self.server.requests += 1
        time.sleep(seconds)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_error(self, *_: object) -> None:
        pass

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def scripted():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Script)
    server.requests = 0
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def judge(server: ThreadingHTTPServer, **changes: object) -> Judge:
    url = f"http://127.0.0.1:{server.server_port}/v1"
    return Judge(**{"url": url, "questions": ["Is this code?"], "seconds": 5.0, **changes})


def answer(word: str, **probabilities: float) -> dict:
    top = [{"token": token, "logprob": math.log(value)} for token, value in probabilities.items()]
    choice = {"message": {"role": "assistant", "content": word}}
    return {"choices": [choice | ({"logprobs": {"content": [{"top_logprobs": top}]}} if top else {})]}


def ask(server: ThreadingHTTPServer, script: list, **changes: object) -> float:
    server.script = script
    config = judge(server, **changes)
    with Endpoint(config) as endpoint:
        return page_score(endpoint, config, "some text")


def test_yes_weight_is_a_softmax_of_the_two_words():
    assert yes_weight([(" Yes", math.log(0.6)), ("no", math.log(0.2)), ("maybe", -1.0)]) == pytest.approx(
        0.75
    )
    assert yes_weight([("yes", -0.1)]) == 1.0 and yes_weight([("NO", -0.1)]) == 0.0
    assert yes_weight([("perhaps", -0.1)]) is None


def test_written_answers():
    assert written_answer(" **Yes**, it is") == 1.0 and written_answer("No.") == 0.0
    for text in ("", "nothing", "maybe"):
        with pytest.raises(ValueError, match="neither"):
            written_answer(text)


def test_scores_of_questions_are_multiplied(scripted):
    script = [(200, {}, answer("Yes", Yes=0.8, No=0.2), 0), (200, {}, answer("Yes", yes=0.5, no=0.5), 0)]
    assert ask(scripted, script, questions=["Is this code?", "Is it good?"]) == pytest.approx(0.4)


def test_too_many_requests_and_server_errors_are_tried_again(scripted):
    script = [(429, {"Retry-After": "0.1"}, b"", 0), (503, {}, b"", 0), (200, {}, answer("yes"), 0)]
    assert ask(scripted, script) == 1.0
    assert scripted.requests == 3


def test_a_server_without_log_probabilities_is_taken_by_its_word(scripted):
    assert ask(scripted, [(400, {}, b"unknown field logprobs", 0), (200, {}, answer("No"), 0)]) == 0.0
    slow_second = [(400, {}, b"", 0), (200, {}, answer("No"), 0.8), (200, {}, answer("No"), 0)]
    assert ask(scripted, slow_second, seconds=0.3) == 0.0


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ((200, {}, b"<html>not JSON", 0), "not JSON"),
        ((200, {}, {"choices": []}, 0), "malformed"),
        ((200, {}, {"choices": [{"message": {"content": None}}]}, 0), "malformed"),
        ((200, {}, [1, 2], 0), "malformed"),
        ((200, {}, answer("I would say that it depends"), 0), "neither yes nor no"),
        ((401, {}, b"no key", 0), "status 401"),
        ((429, {"Retry-After": "0.05"}, b"", 0), "status 429 after 2 tries"),
        ((200, {}, answer("yes"), 1.5), "ReadTimeout"),
    ],
)
def test_what_cannot_be_used_is_said(scripted, reply, said):
    with pytest.raises(NoAnswerError, match=said):
        ask(scripted, [reply], attempts=2, seconds=0.5)


def pages(count: int) -> PageIndex:
    urls = [f"https://a.org/{number}" for number in range(count)]
    numbers = np.arange(count)
    return PageIndex(
        urls,
        ["a.org"] * count,
        ["a.org"] * count,
        urls,
        [""] * count,
        urls,
        ["en"] * count,
        numbers,
        numbers,
        numbers,
    )


def test_answers_are_kept_and_failures_counted(scripted, tmp_path):
    index, usable = pages(8), np.ones(8, bool)
    scripted.script = [(200, {}, b"junk", 0), (200, {}, b"junk", 0), (200, {}, answer("yes"), 0)]
    texts = lambda chosen: [str(page) for page in chosen]  # noqa: E731
    labels = judged_labels(index, usable, judge(scripted, pages=6), texts, str(tmp_path))
    assert labels.facts == {"by": "judge", "asked": 6, "positive": 4, "negative": 0, "without_answer": 2}
    before = scripted.requests
    again = judged_labels(index, usable, judge(scripted, pages=6), texts, str(tmp_path))
    assert scripted.requests == before + 2, "only the pages without an answer are asked again"
    assert again.facts["positive"] == 6


def test_an_endpoint_that_never_answers_fails_the_stage(scripted, tmp_path):
    scripted.script = [(200, {}, b"junk", 0)]
    with pytest.raises(OpencoderError, match="no usable answer"):
        judged_labels(pages(40), np.ones(40, bool), judge(scripted), lambda p: ["x"] * len(p), str(tmp_path))
    assert scripted.requests < 20


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """`transformers serve` on loopback with a model of random weights and a tokenizer made here."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("served") / "tiny"
    words = [
        "<unk>",
        "<s>",
        "</s>",
        "yes",
        "no",
        "user",
        "assistant",
        "text",
        "code",
        "the",
        "is",
        "one",
        "word",
    ]
    tokenizer = Tokenizer(
        models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )
    fast.chat_template = "{% for m in messages %}{{ m['role'] }} {{ m['content'] }} {% endfor %}assistant"
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(words), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=4096, bos_token_id=1, eos_token_id=2, pad_token_id=2,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(folder)]
    argv += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    log = folder.parent / "serve.log"
    with log.open("wb") as handle:
        process = subprocess.Popen(argv, stdout=handle, stderr=subprocess.STDOUT, env=environment)
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process, log)
        yield f"http://127.0.0.1:{port}/v1", str(folder)
    finally:
        process.kill()
        process.wait()


def wait_for(url: str, process: subprocess.Popen, log) -> None:
    end = time.monotonic() + SERVE_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            pytest.fail(f"transformers serve ended: {log.read_text()[-2000:]}")
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.3)
    pytest.fail(f"no answer within {SERVE_SECONDS} s: {log.read_text()[-2000:]}")


def test_against_transformers_serve(served):
    """The real server takes our request and we understand its reply, whatever a random model says."""
    url, model = served
    config = Judge(url=url, model=model, questions=["Is the text code?"], seconds=60.0, attempts=2)
    with Endpoint(config) as endpoint:
        try:
            score = page_score(endpoint, config, "def f(x): return x")
        except NoAnswerError as error:
            assert "neither yes nor no" in str(error), "the reply was understood, its word was not yes or no"
        else:
            assert 0.0 <= score <= 1.0
        assert endpoint.client.post("chat/completions", json=endpoint._body("yes or no")).status_code == 200


def test_transformers_serve_that_is_too_slow(served, tmp_path):
    """The real server, given less time than it needs: said page by page, and the stage does not hang."""
    url, model = served
    config = Judge(url=url, model=model, questions=["Is the text code?"], seconds=0.001, attempts=2)
    with Endpoint(config) as endpoint, pytest.raises(NoAnswerError, match=r"Timeout.* after 2 tries"):
        page_score(endpoint, config, "def f(x): return x")
    once = config.model_copy(update={"attempts": 1})
    with pytest.raises(OpencoderError, match="no usable answer for 4 of 4 pages"):
        judged_labels(pages(4), np.ones(4, bool), once, lambda chosen: ["x"] * len(chosen), str(tmp_path))
