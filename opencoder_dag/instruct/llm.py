"""A language model behind an OpenAI-compatible address: vLLM, `transformers serve`, or any other.

Belongs here: sending chats and getting answers back, several at a time, with retries, each answer kept so
that an interrupted run does not ask again. Does not belong here: what is asked (`prompts.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import httpx

from opencoder_dag.document import one_line
from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.lake import canonical_json, exists, read_text, sha256_text, write_bytes

PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})  # states that a later try may find gone
REFUSED = frozenset({400, 413, 422})  # states that say something about the question, such as its length
LONGEST_PAUSE = 60.0  # seconds


@dataclass(frozen=True)
class Chat:
    """One question: `messages` are pairs of role and text."""

    route: ClassVar[str] = "chat/completions"
    messages: tuple[tuple[str, str], ...]
    max_tokens: int = 1024
    temperature: float = 0.0
    seed: int = 0

    def content(self) -> dict[str, Any]:
        """What is asked, as the server takes it."""
        return {"messages": [{"role": role, "content": text} for role, text in self.messages]}


@dataclass(frozen=True)
class Text:
    """The beginning of a text that a base model goes on with, up to the first of `stops`."""

    route: ClassVar[str] = "completions"
    prompt: str
    max_tokens: int = 1024
    temperature: float = 0.0
    seed: int = 0
    stops: tuple[str, ...] = ()

    def content(self) -> dict[str, Any]:
        """What is asked, as the server takes it."""
        return {"prompt": self.prompt, **({"stop": list(self.stops)} if self.stops else {})}


def ask(text: str, system: str | None = None, **settings: Any) -> Chat:
    """A chat of one question."""
    head = (("system", system),) if system else ()
    return Chat((*head, ("user", text)), **settings)


class NoAnswer(Exception):  # noqa: N818 - a verdict on one question, not a failure of the run
    """Why a question has no answer; `final` when the server saw it and will not answer it next time."""

    def __init__(self, reason: str, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


class ChatModel:
    """A model at `url` (such as http://127.0.0.1:8000/v1).

    `model` is the name that the server knows it by; by default the first one it lists. `cache` is a folder
    (any fsspec address) in which answers are kept by the digest of model and question.
    """

    def __init__(
        self,
        url: str,
        model: str | None = None,
        *,
        cache: str | None = None,
        concurrency: int = 8,
        timeout: float = 300.0,
        retries: int = 4,
        pause: float = 0.5,
        key: str | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.cache = cache
        self.concurrency = concurrency
        self.retries = retries
        self.pause = pause
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        limits = httpx.Timeout(timeout, connect=min(timeout, 10.0))
        self._client = httpx.Client(timeout=limits, headers=headers)
        self.model = model or self._first_model()

    def _first_model(self) -> str:
        try:
            answer = self._client.get(f"{self.url}/models")
            answer.raise_for_status()
            return str(answer.json()["data"][0]["id"])
        except httpx.TransportError as error:
            raise InputError(f"language model at {self.url}: cannot be reached ({one_line(error)})") from None
        except (httpx.HTTPStatusError, ValueError, KeyError, IndexError, TypeError) as error:
            raise InputError(f"language model at {self.url}: lists no model ({one_line(error)})") from None

    def answer(
        self,
        chats: Sequence[Chat | Text],
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> list[str | NoAnswer]:
        """The answers in the order of the questions; a question that got none has the reason in its place.

        Raises `OpencoderError` when the server cannot be reached at all.
        """
        answers: list[str | NoAnswer] = []
        with ThreadPoolExecutor(self.concurrency) as pool:
            for answer in pool.map(self._answer, chats):
                answers.append(answer)
                on_progress(len(answers), len(chats))
        return answers

    def _answer(self, chat: Chat | Text) -> str | NoAnswer:
        place = self._place(chat)
        if place is not None and exists(place):
            return read_text(place)
        answer = self._ask(chat)
        if place is not None and isinstance(answer, str):
            write_bytes(place, answer.encode("utf-8", "replace"))
        return answer

    def _place(self, chat: Chat | Text) -> str | None:
        if self.cache is None:
            return None
        return f"{self.cache}/{sha256_text(canonical_json([self.model, asdict(chat)]))[:32]}.txt"

    def _ask(self, chat: Chat | Text) -> str | NoAnswer:
        question = {
            "model": self.model,
            **chat.content(),
            "max_tokens": chat.max_tokens,
            "temperature": chat.temperature,
            "seed": chat.seed,
            "stream": False,
        }
        why = ""
        for attempt in range(self.retries + 1):
            if attempt:
                time.sleep(min(self.pause * 2 ** (attempt - 1), LONGEST_PAUSE))
            try:
                reply = self._client.post(f"{self.url}/{chat.route}", json=question)
            except httpx.ConnectError as error:
                why = one_line(error)
                continue
            except httpx.TransportError as error:
                why = one_line(error)
                continue
            if reply.status_code in PASSING:
                why = f"status {reply.status_code}"
                continue
            if reply.status_code != 200:
                words = f"status {reply.status_code}: {' '.join(reply.text[:200].split())}"
                return NoAnswer(words, reply.status_code in REFUSED)
            return _text_of(reply)
        if why.startswith("ConnectError"):
            raise OpencoderError(f"language model at {self.url}: cannot be reached any more ({why})")
        return NoAnswer(f"{self.retries + 1} tries failed, the last one with {why}")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _text_of(reply: httpx.Response) -> str | NoAnswer:
    try:
        choice = reply.json()["choices"][0]
        text = choice["message"]["content"] if "message" in choice else choice["text"]
    except (ValueError, KeyError, IndexError, TypeError):
        return NoAnswer("the reply is not a chat completion")
    return text if isinstance(text, str) and text.strip() else NoAnswer("the answer is empty", True)
