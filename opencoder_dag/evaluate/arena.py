"""Pairwise judging: a language model says which of two answers is better, each pair in both orders.

The form of Code Arena (methods page, section 10.2): the judge writes an answer of its own first, then one of
five verdicts; a clear one counts two, a slight one counts one, and the sum over both orders decides the pair.
A judge that prefers a position cancels itself out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opencoder_dag.evaluate.statistics import bootstrap_ratio

if TYPE_CHECKING:
    from opencoder_dag.instruct.llm import Chat, ChatModel

VERDICTS = {"A>>B": 2, "A>B": 1, "A=B": 0, "B>A": -1, "B>>A": -2}
FOUND = re.compile(r"\[\[\s*(A>>B|A>B|A=B|B>A|B>>A)\s*\]\]")
LONGEST_WORDS = 1024  # of a question; longer ones are not judged
ATTEMPTS = 2
TEMPERATURE = 0.2

SYSTEM = (
    "You compare the answers of two assistants to a programming question. First write your own answer. "
    "Then name the mistakes of both: does the code run, is it right, does it do what was asked, is it "
    "readable? Neither the order of the answers nor their length counts. End with one of these verdicts: "
    "[[A>>B]] (A is clearly better), [[A>B]] (slightly), [[A=B]] (as good), [[B>A]] or [[B>>A]]."
)


@dataclass(frozen=True)
class Pair:
    """A question and two answers: of the model that is judged, and of the one it is measured against."""

    question: str
    answer: str
    baseline: str


@dataclass(frozen=True)
class Ruling:
    """What the judge said in both orders, as points for the judged answer (-2 to 2); None: no verdict."""

    first: int | None  # the judged answer stood first
    second: int | None

    @property
    def outcome(self) -> str:
        """win, tie, loss, or undecided where a verdict is missing."""
        if self.first is None or self.second is None:
            return "undecided"
        total = self.first + self.second
        return "win" if total > 0 else "loss" if total < 0 else "tie"


def judge_pairs(
    judge: ChatModel,
    pairs: Sequence[Pair],
    seed: int,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Ruling]:
    """Rulings in the order of the pairs; an answer without a verdict is asked for once more."""
    games = [(index, swapped) for index in range(len(pairs)) for swapped in (False, True)]
    points: dict[tuple[int, bool], int | None] = dict.fromkeys(games)
    open_games = [game for game in games if len(pairs[game[0]].question.split()) < LONGEST_WORDS]
    for attempt in range(ATTEMPTS):
        chats = [_chat(pairs[index], swapped, seed + attempt) for index, swapped in open_games]
        for game, answer in zip(open_games, judge.answer(chats, on_progress), strict=True):
            points[game] = read_verdict(answer, game[1]) if isinstance(answer, str) else None
        open_games = [game for game in open_games if points[game] is None]
        if not open_games:
            break
    return [Ruling(points[index, False], points[index, True]) for index in range(len(pairs))]


def read_verdict(answer: str, swapped: bool) -> int | None:
    """Points for the judged answer from the last verdict in the judge's words; None where there is none."""
    found = FOUND.findall(answer)
    if not found:
        return None
    return -VERDICTS[found[-1]] if swapped else VERDICTS[found[-1]]


def win_rate(rulings: Sequence[Ruling], seed: int) -> tuple[float, tuple[float, float]]:
    """Share of decided pairs that are won, a tie counting half, and its bootstrap interval."""
    worth = {"win": 1.0, "tie": 0.5, "loss": 0.0}
    values = [worth[ruling.outcome] for ruling in rulings if ruling.outcome in worth]
    if not values:
        return float("nan"), (0.0, 1.0)
    return sum(values) / len(values), bootstrap_ratio(values, [1.0] * len(values), seed)


def _chat(pair: Pair, swapped: bool, seed: int) -> Chat:
    from opencoder_dag.instruct.llm import ask

    first, second = (pair.baseline, pair.answer) if swapped else (pair.answer, pair.baseline)
    text = f"# Question\n{pair.question}\n\n# Answer of A\n{first}\n\n# Answer of B\n{second}\n"
    return ask(text, SYSTEM, temperature=TEMPERATURE, seed=seed, max_tokens=2048)
