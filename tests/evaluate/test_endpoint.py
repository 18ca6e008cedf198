"""Endpoints over a real connection: generation by a chat address, and judging in both orders."""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.evaluate import evaluate_endpoint
from opencoder_dag.evaluate.arena import Pair, Ruling, judge_pairs, read_verdict, win_rate
from opencoder_dag.evaluate.suites import Suite
from opencoder_dag.instruct.llm import ChatModel
from opencoder_dag.lake import Lake
from opencoder_dag.recipe import Evaluate
from opencoder_dag.sandbox import SandboxOptions
from tests.instruct.server import ChatServer

Reply = Callable[[list[dict[str, str]]], str]


@pytest.fixture
def serve() -> Iterator[Callable[[Reply], tuple[ChatModel, list[Any]]]]:
    """A server of chat completions on loopback whose answers a function makes up, and what it was asked."""
    servers = []

    def start(reply: Reply) -> tuple[ChatModel, list[Any]]:
        asked: list[Any] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send({"data": [{"id": "made-up"}]})

            def do_POST(self) -> None:
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                asked.append(question)
                self.send({"choices": [{"message": {"content": reply(question["messages"])}}]})

            def send(self, content: Any) -> None:
                data = json.dumps(content).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return ChatModel(f"http://127.0.0.1:{server.server_address[1]}/v1", pause=0.01), asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_chat_model_is_scored_over_its_address(serve: Any, ladder: Suite, tmp_path: Path) -> None:
    references = {problem.entry_point: problem for problem in ladder.problems}

    def reply(messages: list[dict[str, str]]) -> str:
        name = re.findall(r"def (\w+)\(", messages[-1]["content"])[0]
        if name == "answer":
            return "I do not know."
        return f"Here:\n```python\n{references[name].prompt}{references[name].reference}```"

    model, asked = serve(reply)
    config = Evaluate(problems=4, max_new_tokens=32)
    arguments = (Lake(str(tmp_path)), model, config, 0, SandboxOptions())
    found = evaluate_endpoint(*arguments)
    assert found.manifest.facts["scores"] == {"ladder.pass@1": 0.75, "ladder.level_1.pass@1": 0.75}
    assert found.manifest.facts["verdicts"]["ladder"] == {"passed": 3, "failed": 1}
    assert len(asked) == 4 and asked[0]["max_tokens"] == 32
    assert evaluate_endpoint(*arguments).reused and len(asked) == 4


def failing(status: int, every: int) -> Callable[[dict[str, Any]], tuple[int, Any]]:
    """A server that refuses every so many-th question by a status."""
    asked = itertools.count()
    return lambda request: (status, "no") if next(asked) % every == 0 else (200, "return 1")


def test_a_server_that_fails_scores_nothing_and_stores_nothing(tmp_path: Path) -> None:
    lake, config = Lake(str(tmp_path)), Evaluate(problems=4)
    for status, every, message in (
        (500, 2, "1 tries failed"),
        (401, 3, "status 401"),
        (400, 1, "4 of 4 prompts"),
    ):
        with ChatServer(failing(status, every)) as server:
            model = ChatModel(server.url, retries=0, concurrency=1)
            with pytest.raises(OpencoderError, match=message):
                evaluate_endpoint(lake, model, config, 0, SandboxOptions())
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_prompt_that_is_refused_counts_as_failed(tmp_path: Path) -> None:
    with ChatServer(failing(400, 2)) as server:
        model = ChatModel(server.url, retries=0, concurrency=1)
        found = evaluate_endpoint(Lake(str(tmp_path)), model, Evaluate(problems=4), 0, SandboxOptions())
    table = pq.read_table(Path(found.manifest.facts["completions"]["ladder"]) / "completions.parquet")
    assert table["completion"].to_pylist() == ["", "return 1", "", "return 1"]


def test_suites_that_need_likelihoods_are_named(serve: Any, tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_text('{"question": "?", "choices": ["a", "b"], "answer": 0}\n')
    own = tmp_path / "own.yaml"
    own.write_text("{title: own, task: choice, file: own.jsonl, layout: choices}")
    model, _ = serve(lambda messages: "")
    with pytest.raises(InputError, match="likelihoods cannot be had over an address"):
        evaluate_endpoint(
            Lake(str(tmp_path / "lake")), model, Evaluate(suites=[str(own)]), 0, SandboxOptions()
        )


def test_a_judge_that_prefers_a_position_decides_nothing(serve: Any) -> None:
    judge, asked = serve(lambda messages: "Mine: 4. [[A>>B]]")
    rulings = judge_pairs(judge, [Pair("2 + 2?", "4", "5")], seed=0)
    assert rulings == [Ruling(2, -2)] and rulings[0].outcome == "tie" and len(asked) == 2


def test_a_fair_judge_finds_the_better_answer_in_either_place(serve: Any) -> None:
    def reply(messages: list[dict[str, str]]) -> str:
        first = messages[-1]["content"].partition("# Answer of A\n")[2]
        return "[[A>B]]" if first.startswith("right") else "[[B>>A]]"

    judge, _ = serve(reply)
    rulings = judge_pairs(judge, [Pair("?", "right", "wrong"), Pair("?", "wrong", "right")], seed=0)
    assert [ruling.outcome for ruling in rulings] == ["win", "loss"]
    assert win_rate(rulings, 0)[0] == 0.5


def test_missing_verdicts_are_asked_for_again_and_then_left_open(serve: Any) -> None:
    judge, asked = serve(lambda messages: "I cannot say.")
    rulings = judge_pairs(judge, [Pair("?", "a", "b"), Pair("word " * 2000, "a", "b")], seed=0)
    assert [ruling.outcome for ruling in rulings] == ["undecided", "undecided"] and len(asked) == 4
    assert win_rate(rulings, 0)[1] == (0.0, 1.0)


@pytest.mark.parametrize(
    ("answer", "swapped", "points"),
    [
        ("[[A>>B]]", False, 2),
        ("[[A>>B]]", True, -2),
        ("[[B>A]] or rather [[ A=B ]]", False, 0),
        ("A>B", False, None),
    ],
)
def test_verdicts(answer: str, swapped: bool, points: int | None) -> None:
    assert read_verdict(answer, swapped) == points
