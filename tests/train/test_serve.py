"""The chat page and the API, over real sockets on loopback."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opencoder_dag.errors import InputError
from opencoder_dag.train import TrainJob
from opencoder_dag.train.launch import free_port
from opencoder_dag.train.serve import api, page_server

from .conftest import World


@pytest.fixture(scope="module")
def address(
    world: World, tmp_path_factory: pytest.TempPathFactory, train_here: Callable[[TrainJob], None]
) -> Iterator[tuple[str, str]]:
    job = world.base(tmp_path_factory.mktemp("serve"), tokens=1_000, anneal_tokens=0)
    train_here(job)
    model, port = str(job.work / "export"), free_port()
    with api(model) as backend, page_server(model, backend, port) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{port}", model
        server.shutdown()
        thread.join()


def post(url: str, body: dict[str, object]) -> dict[str, object]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        found: dict[str, object] = json.loads(answer.read())
        return found


def test_the_page_the_chat_and_the_completions(address: tuple[str, str]) -> None:
    url, model = address
    with urllib.request.urlopen(url + "/") as answer:
        assert f'<code id="model">{model}</code>' in answer.read().decode()
    chat = post(
        url + "/v1/chat/completions",
        {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5, "temperature": 0},
    )
    assert chat["choices"][0]["message"]["role"] == "assistant"  # type: ignore[index]
    completion = post(url + "/v1/completions", {"model": model, "prompt": "def f(", "max_tokens": 5})
    assert isinstance(completion["choices"][0]["text"], str)  # type: ignore[index]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(url + "/etc/passwd")


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a model folder"), api(str(tmp_path)):
        pass
