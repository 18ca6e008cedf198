"""The chat page and the API, over real sockets on loopback."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from opencoder_dag.cli import app
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


def test_a_served_model_is_scored_by_one_command(
    address: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, model = address
    monkeypatch.setenv("OPENCODER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OPENCODER_LLM_URL", f"{url}/v1")
    monkeypatch.setenv("OPENCODER_SCALE", "smoke")
    arguments = ["evaluate", "--name", model, "--form", "base", "--problems", "2", "--out"]

    def facts(folder: str, *more: str) -> dict[str, Any]:
        done = CliRunner().invoke(app, [*arguments, str(tmp_path / folder), *more], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        found: dict[str, Any] = json.loads((tmp_path / folder / "manifest.json").read_text())["facts"]
        return found

    first = facts("first")
    assert first["scores"].keys() >= {"ladder.pass@1"} and first["form"] == "base"
    drawn = pq.read_table(Path(first["completions"]["ladder"]) / "completions.parquet")
    assert drawn.num_rows == 2 and drawn["sample"].to_pylist() == [0, 0]
    monkeypatch.setattr("opencoder_dag.instruct.llm.ChatModel.answer", None)  # nothing more is drawn
    again = facts("again", "--completions", str(tmp_path / "first"))
    assert again["scores"] == first["scores"] and again["completions"] == first["completions"]


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a model folder"), api(str(tmp_path)):
        pass
