"""The model card: what a model is, what made it, how it scores, what it is not good for.

It is written with the model and gets its scores when the model is evaluated; it is no part of the content
digest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from opencoder_dag.lake import Dataset, exists, read_text, write_bytes
from opencoder_dag.train.job import TrainJob

CARD = "README.md"
SCORES_BEGIN, SCORES_END = "<!-- scores -->", "<!-- end of scores -->"


def model_card(job: TrainJob, facts: dict[str, Any]) -> str:
    """The README of a model: what it is, what made it, what it is not good for."""
    identity = job.stage_identity
    tuned = job.kind == "sft"
    tags = ["code", *(["chat"] if tuned else [])]
    inputs = "\n".join(f"| {name} | `{digest}` |" for name, digest in identity.inputs.items())
    phases = "\n".join(
        f"| {name} | {phase['taken']:,} of {phase['samples']:,} | {phase['tokens']:,} | {phase['rows']:,} |"
        for name, phase in facts["data"].items()
    )
    fim = (
        f"Trained for filling in the middle at rate {job.train.fim_rate} ({job.train.fim_mode})."
        if job.train.fim_rate
        else "**Not** trained for filling in the middle, though its tokenizer has the tokens."
    )
    chat = (
        "Chat format: ChatML, in `chat_template.jinja`; it was tuned on single turns."
        if tuned
        else "A base model: it continues text and does not follow instructions."
    )
    held_out = facts.get("held_out_loss")
    return f"""---
library_name: transformers
pipeline_tag: text-generation
tags: {json.dumps(tags)}
---

# {identity.name} {job.stage.fingerprint}

A Llama-architecture code model with {facts["parameters"]:,} parameters, made by opencoder_dag.

{chat} {fim}

## Made from

| input | content digest |
|---|---|
{inputs}

| phase | samples taken | tokens | rows of {job.sequence} |
|---|---|---|---|
{phases}

Fingerprint `{job.stage.fingerprint}` over the recipe sections below, the inputs and code version
{identity.version}.

```json
{json.dumps(identity.config, indent=1, ensure_ascii=False)}
```

## Results

Training loss at the end {facts["loss"]:.4f} nats a token
{f"(held-out {held_out:.4f}) " if held_out is not None else ""}after {facts["tokens"]:,} tokens
in {facts["steps"]:,} steps.

{SCORES_BEGIN}
Not evaluated yet: `eval_scores` writes the scores here.
{SCORES_END}

## Limits

What it writes may be wrong, insecure or close to its training data: read and test it before use. It knows
the languages of its corpus, in proportion to their share, and little beyond {job.sequence} tokens of context.
It was not tested for harmful output.
"""


def add_scores(model: Dataset, scores: Mapping[str, float], intervals: Mapping[str, Sequence[float]]) -> None:
    """Write the scores of an evaluation, with their 95 % intervals, into the card of a model of the lake.

    A model without such a card (any Hugging Face checkpoint) is left as it is.
    """
    path = model.file(CARD)
    card = read_text(path) if exists(path) else ""
    head, begin, rest = card.partition(SCORES_BEGIN)
    _, end, tail = rest.partition(SCORES_END)
    if not (begin and end):
        return
    rows = [
        f"| {name} | {value:.4f} | {_interval(intervals.get(name))} |"
        for name, value in sorted(scores.items())
    ]
    table = "\n".join(["| score | value | 95 % interval |", "|---|---|---|", *rows])
    write_bytes(path, f"{head}{begin}\n{table}\n{end}{tail}".encode())


def _interval(bounds: Sequence[float] | None) -> str:
    return f"{bounds[0]:.4f} to {bounds[1]:.4f}" if bounds else ""
