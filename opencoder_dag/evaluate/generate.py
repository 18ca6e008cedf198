"""Completions of a suite: drawn once by a model, stored as Parquet, taken over when only scoring changes.

The stage `completions` has one output a model, suite and way of drawing. Its table has the columns task_id,
sample (int32) and completion, in the order of the problems.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from opencoder_dag.errors import InputError
from opencoder_dag.evaluate.layouts import fill
from opencoder_dag.evaluate.local_model import LocalModel
from opencoder_dag.evaluate.suites import Problem, Suite
from opencoder_dag.lake import Dataset, Lake, Stage, publish, read_table, write_bytes
from opencoder_dag.recipe import Evaluate

VERSION = "1"
FILE = "completions.parquet"
Form = Literal["base", "chat"]

SCHEMA = pa.schema(
    [
        pa.field("task_id", pa.string(), nullable=False),
        pa.field("sample", pa.int32(), nullable=False),
        pa.field("completion", pa.large_string(), nullable=False),
    ]
)

CHAT_PROGRAM = "Complete this {language} function:\n\n```{language}\n{prompt}\n```"
LANGUAGE_NAMES = {"python": "Python", "python_unittest": "Python"}


def chat_message(suite: Suite, problem: Problem) -> str:
    """What a chat model is asked: the suite's own words, else the prompt as code to be completed."""
    template = suite.spec.chat or ("{prompt}" if suite.spec.task == "answer" else CHAT_PROGRAM)
    language = LANGUAGE_NAMES.get(problem.language, problem.language)
    return fill(template, {"language": language, "prompt": problem.prompt.rstrip()})


def complete_suite(
    lake: Lake,
    suite: Suite,
    identity: dict[str, str],
    model: Callable[[], LocalModel],
    config: Evaluate,
    form: Form,
    seed: int,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Dataset:
    """Draw `config.samples` completions of every problem, or find them drawn.

    `identity` names the digests of model and tokenizer; `model` loads the model, and is not called when the
    completions are there. Raises `InputError` when several samples are asked for at temperature 0.
    """
    if config.samples > 1 and config.temperature == 0:
        raise InputError(f"evaluate.samples: {config.samples} samples are all the same at temperature 0")
    longest = max(config.max_new_tokens, suite.spec.max_new_tokens or 0)
    drawing = {
        "samples": config.samples,
        "temperature": config.temperature,
        "max_new_tokens": config.max_new_tokens,
    }
    stage = Stage(
        "completions",
        VERSION,
        config={**drawing, "suite": suite.digest, "form": form, "seed": seed},
        inputs=identity,
    )
    if (ready := lake.find(stage)) is not None:
        return ready
    started = time.monotonic()
    local = model()
    asked = [problem for problem in suite.problems for _ in range(config.samples)]
    if form == "chat":
        prompts = [(local.chat_prompt(chat_message(suite, problem)), "") for problem in asked]
    else:
        prompts = [local.text_prompt(problem.prompt) for problem in asked]
    drawn = local.complete(
        [tokens for tokens, _ in prompts],
        max_new_tokens=longest,
        temperature=config.temperature,
        seed=seed,
        stops=suite.stops if form == "base" else (),
        on_progress=on_progress,
    )
    texts = [text.removeprefix(rest) for text, (_, rest) in zip(drawn, prompts, strict=True)]
    keys = [(problem.task_id, sample) for problem in suite.problems for sample in range(config.samples)]
    table = pa.Table.from_pydict(
        {"task_id": [key[0] for key in keys], "sample": [key[1] for key in keys], "completion": texts},
        schema=SCHEMA,
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
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
