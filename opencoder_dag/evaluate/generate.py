"""Completions of a suite: drawn once by a model, stored as Parquet, taken over when only scoring changes.

The stage `completions` has one output a model, suite and way of drawing. Its table has the columns task_id,
sample (int32) and completion, in the order of the problems.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.evaluate.layouts import fill
from opencoder_dag.evaluate.local_model import LocalModel
from opencoder_dag.evaluate.suites import Problem, Suite
from opencoder_dag.lake import Dataset, Lake, Stage, publish, read_table, write_bytes
from opencoder_dag.recipe import Evaluate

if TYPE_CHECKING:
    from opencoder_dag.instruct.llm import Chat, ChatModel, Text

VERSION = "1"
FILE = "completions.parquet"
MOST_STOPS = 4  # that a server has to take; completions are cut at all of them when they are judged
Form = Literal["base", "chat"]

SCHEMA = pa.schema(
    [
        pa.field("task_id", pa.string(), nullable=False),
        pa.field("sample", pa.int32(), nullable=False),
        pa.field("completion", pa.large_string(), nullable=False),
    ]
)

CHAT_PROGRAM = "Complete this {name} function:\n\n```{language}\n{prompt}\n```"
LANGUAGE_NAMES = {
    **{"cpp": "C++", "cs": "C#", "go": "Go", "java": "Java", "js": "JavaScript", "php": "PHP"},
    **{"python": "Python", "rb": "Ruby", "rs": "Rust", "sh": "Bash", "ts": "TypeScript"},
}


def chat_message(suite: Suite, problem: Problem) -> str:
    """What a chat model is asked: the set's or the suite's own words, else the prompt as code to complete."""
    if problem.request:
        return problem.request
    template = suite.spec.chat or ("{prompt}" if suite.spec.task == "answer" else CHAT_PROGRAM)
    language = problem.language.partition("_")[0]
    name = LANGUAGE_NAMES.get(language, language)
    return fill(template, {"name": name, "language": language, "prompt": problem.prompt.rstrip()})


Draw = Callable[[Suite, Sequence[Problem], "Drawing"], list[str]]


@dataclass(frozen=True)
class Drawing:
    """How completions are drawn."""

    form: Form
    samples: int
    temperature: float
    max_new_tokens: int
    seed: int


def draw_locally(
    model: LocalModel, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> Draw:
    """Completions of a model on this machine."""

    def draw(suite: Suite, asked: Sequence[Problem], drawing: Drawing) -> list[str]:
        if drawing.form == "chat":
            prompts = [(model.chat_prompt(chat_message(suite, problem)), "") for problem in asked]
        else:
            prompts = [model.text_prompt(problem.prompt) for problem in asked]
        drawn = model.complete(
            [tokens for tokens, _ in prompts],
            max_new_tokens=drawing.max_new_tokens,
            temperature=drawing.temperature,
            seed=drawing.seed,
            stops=suite.stops if drawing.form == "base" else (),
            on_progress=on_progress,
        )
        return [text.removeprefix(rest) for text, (_, rest) in zip(drawn, prompts, strict=True)]

    return draw


def draw_by_endpoint(
    model: ChatModel, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> Draw:
    """Completions of a model behind an OpenAI-compatible address.

    A question that the server refuses, such as one that is too long, or leaves empty counts as an empty
    completion, which fails. Raises `OpencoderError` when it has no answer for another reason, or refuses all.
    """

    def draw(suite: Suite, asked: Sequence[Problem], drawing: Drawing) -> list[str]:
        from opencoder_dag.instruct.llm import Text, ask

        def question(problem: Problem, seed: int) -> Chat | Text:
            settings: dict[str, Any] = {
                "max_tokens": drawing.max_new_tokens,
                "temperature": drawing.temperature,
                "seed": seed,
            }
            if drawing.form == "chat":
                return ask(chat_message(suite, problem), **settings)
            stops = (problem.stops or suite.stops)[:MOST_STOPS]
            return Text(problem.prompt, stops=stops, **settings)

        questions = [question(problem, drawing.seed + index) for index, problem in enumerate(asked)]
        answers = model.answer(questions, on_progress)
        unanswered = [answer for answer in answers if not isinstance(answer, str)]
        lost = [answer for answer in unanswered if not answer.final]
        refused = [answer for answer in unanswered if str(answer).startswith("status")]
        if lost or (answers and len(refused) == len(answers)):
            reason = (lost or refused)[0]
            raise OpencoderError(
                f"suite '{suite.name}': {len(lost or refused)} of {len(answers)} prompts got no completion "
                f"from {model.url}: {reason}"
            )
        return [answer if isinstance(answer, str) else "" for answer in answers]

    return draw


def complete_suite(
    lake: Lake,
    suite: Suite,
    identity: dict[str, str],
    draw: Callable[[], Draw],
    config: Evaluate,
    form: Form,
    seed: int,
) -> Dataset:
    """Draw `config.samples` completions of every problem, or find them drawn.

    `identity` names the digests of model and tokenizer, or the model's name at its address; `draw` is not
    called when the completions are there. Raises `InputError` when several samples are asked for at
    temperature 0.
    """
    if config.samples > 1 and config.temperature == 0:
        raise InputError(f"evaluate.samples: {config.samples} samples are all the same at temperature 0")
    longest = max(config.max_new_tokens, suite.spec.max_new_tokens or 0)
    drawing = Drawing(form, config.samples, config.temperature, longest, seed)
    stage = Stage("completions", VERSION, config={**asdict(drawing), "suite": suite.digest}, inputs=identity)
    if (ready := lake.find(stage)) is not None:
        return ready
    started = time.monotonic()
    keys = [(problem, sample) for problem in suite.problems for sample in range(config.samples)]
    texts = draw()(suite, [problem for problem, _ in keys], drawing)
    columns = {
        "task_id": [problem.task_id for problem, _ in keys],
        "sample": [sample for _, sample in keys],
        "completion": texts,
    }
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pydict(columns, schema=SCHEMA), buffer, compression="zstd")
    write_bytes(f"{lake.folder(stage)}/{FILE}", buffer.getvalue())
    return publish(
        lake,
        stage,
        content_digest=hashlib.sha256(buffer.getvalue()).hexdigest(),
        counts={"in": len(suite.problems), "kept": len(keys), "removed": 0, "quarantined": 0},
        facts={"suite": suite.name, "characters": sum(map(len, texts))},
        seconds=time.monotonic() - started,
    )


def read_completions(dataset: Dataset) -> dict[str, list[str]]:
    """Task id to its completions, by sample number."""
    completions: dict[str, list[str]] = {}
    for row in read_table(dataset.file(FILE)).to_pylist():
        completions.setdefault(row["task_id"], []).append(row["completion"])
    return completions
