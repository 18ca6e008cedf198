"""Seed labels from a language model that answers yes or no (Autonomous Data Selection).

A page's score is the product, over the questions, of the weight of "yes" against "no" in the model's next
token (OpenCoder, section 2.4). Belongs here: the questions, the endpoint's protocol and what is done when it
fails. An OpenAI-compatible server that returns token probabilities is asked for these; one that does not is
taken by the word that it writes.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import numpy as np

from opencoder_dag.document import one_line
from opencoder_dag.errors import OpencoderError
from opencoder_dag.lake import canonical_json, exists, read_text, sha256_text, write_bytes
from opencoder_dag.web.config import Judge
from opencoder_dag.web.index import Bools, Ints, PageIndex
from opencoder_dag.web.seed import SeedLabels

TRIED_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
LONGEST_WAIT = 30.0  # seconds between two tries
TOP_LOGPROBS = 20
ANSWER_TOKENS = 4
FEWEST_FAILURES = 3  # so many pages may always fail


class NoAnswerError(Exception):
    """The endpoint did not give a usable answer; the message says why."""


def judged_labels(
    index: PageIndex, usable: Bools, judge: Judge, texts: Callable[[Ints], list[str]], folder: str
) -> SeedLabels:
    """Labels of up to `judge.pages` pages drawn by hash; answers are kept in `folder` for a run that resumes.

    Pages without an answer get no label. Raises `OpencoderError` when more than `judge.max_failures` of the
    pages have none.
    """
    asked = index.draw(usable, judge.pages)
    scores: dict[int, float] = {}
    failures: list[str] = []
    with Endpoint(judge) as endpoint:
        for page, text in zip(asked.tolist(), texts(asked), strict=True):
            path = f"{folder}/{sha256_text(f'{index.url[page]} {index.sha256[page]}')[:24]}.json"
            try:
                if not exists(path):
                    score = page_score(endpoint, judge, text)
                    write_bytes(path, canonical_json({"url": index.url[page], "score": score}).encode())
                scores[page] = float(json.loads(read_text(path))["score"])
            except NoAnswerError as error:
                failures.append(str(error))
            if len(failures) > max(FEWEST_FAILURES, judge.max_failures * len(asked)):
                of_all = f"{len(failures)} of {len(asked)} pages"
                raise OpencoderError(f"{judge.url}: no usable answer for {of_all}; the last: {failures[-1]}")
    positive = np.zeros(len(index), bool)
    negative = np.zeros(len(index), bool)
    for page, score in scores.items():
        positive[page] = score >= judge.positive
        negative[page] = score < judge.positive
    facts = {
        "by": "judge",
        "asked": len(asked),
        "positive": int(positive.sum()),
        "negative": int(negative.sum()),
        "without_answer": len(failures),
    }
    return SeedLabels(positive, negative, True, facts)


def page_score(endpoint: Endpoint, judge: Judge, text: str) -> float:
    """Product over the questions of the weight of yes, from 0 to 1."""
    return math.prod(endpoint.yes(prompt(question, text[: judge.characters])) for question in judge.questions)


def prompt(question: str, text: str) -> str:
    """What the model is asked about one text."""
    return f"<text>\n{text}\n</text>\n\n{question} Answer with one word, yes or no."


class Endpoint:
    """A chat endpoint; every call is bounded in time and tried again when that may help."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.client = httpx.Client(base_url=f"{(judge.url or '').rstrip('/')}/", timeout=judge.seconds)
        self.logprobs = True  # until the server refuses them

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def yes(self, question: str) -> float:
        """Weight of "yes" against "no" as the first word of the answer; raises `NoAnswerError`."""
        answer = self._ask(question)
        try:
            choice = answer["choices"][0]
            tokens = ((choice.get("logprobs") or {}).get("content") or [{}])[0].get("top_logprobs") or []
            if (weight := yes_weight([(str(t["token"]), float(t["logprob"])) for t in tokens])) is not None:
                return weight
            return written_answer(str(choice["message"]["content"]))
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise NoAnswerError(f"malformed answer ({one_line(error)})") from None

    def _ask(self, question: str) -> Any:
        reason = "no try"
        for attempt in range(self.judge.attempts):
            if attempt:
                time.sleep(min(LONGEST_WAIT, self._wait(attempt)))
            try:
                response = self.client.post("chat/completions", json=self._body(question))
                if response.status_code == 400 and self.logprobs:
                    self.logprobs = False  # not every server knows them: ask for the word alone from now on
                    response = self.client.post("chat/completions", json=self._body(question))
            except httpx.TransportError as error:
                reason, self._retry_after = one_line(error), 0.0
                continue
            if response.status_code in TRIED_AGAIN:
                reason = f"status {response.status_code}"
                self._retry_after = _seconds(response.headers.get("Retry-After"))
                continue
            if response.status_code != 200:
                raise NoAnswerError(f"status {response.status_code}: {' '.join(response.text.split())[:200]}")
            try:
                return response.json()
            except ValueError:
                raise NoAnswerError("the answer is not JSON") from None
        raise NoAnswerError(f"{reason} after {self.judge.attempts} tries")

    _retry_after = 0.0

    def _wait(self, attempt: int) -> float:
        """Seconds before the next try: what the server asked for, or doubling from half a second."""
        return self._retry_after or 0.5 * 2 ** (attempt - 1)

    def _body(self, question: str) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.judge.model,
            "messages": [{"role": "user", "content": question}],
            "temperature": 0,
            "max_tokens": ANSWER_TOKENS,
            "stream": False,
        }
        return body | ({"logprobs": True, "top_logprobs": TOP_LOGPROBS} if self.logprobs else {})


def _seconds(header: str | None) -> float:
    try:
        return max(0.0, float(header or 0))
    except ValueError:  # a date; the usual wait will do
        return 0.0


def yes_weight(tokens: Sequence[tuple[str, float]]) -> float | None:
    """Softmax of the best "yes" against the best "no" among (token, log probability); None without either."""
    best = {"yes": -math.inf, "no": -math.inf}
    for token, logprob in tokens:
        word = token.strip().lower()
        if word in best:
            best[word] = max(best[word], logprob)
    if max(best.values()) == -math.inf:
        return None
    if best["yes"] == -math.inf:
        return 0.0
    return 1.0 / (1.0 + math.exp(best["no"] - best["yes"]))


def written_answer(text: str) -> float:
    """1 for an answer that begins with yes, 0 for no; raises ValueError for any other."""
    word = text.strip().lower().lstrip("*\"'`([ ")
    if word.startswith("yes"):
        return 1.0
    if word.startswith("no") and not word[2:3].isalpha():
        return 0.0
    raise ValueError(f"neither yes nor no: {text[:60]!r}")
