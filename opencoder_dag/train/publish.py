"""The trained model as a stage output: weights, configuration, tokenizer, model card, metrics.

Runs in the parent, after the child; knows the lake, not torch.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from opencoder_dag.errors import OpencoderError
from opencoder_dag.lake import Dataset, Lake, publish_folder
from opencoder_dag.train.job import TrainJob
from opencoder_dag.train.metrics import loss_curve, read_metrics

NOT_IN_DIGEST = ("README.md", "metrics.jsonl", "summary.json")


def publish_model(lake: Lake, job: TrainJob) -> Dataset:
    """Copy a finished training into the lake and free its work folder of what can be made again.

    The content digest is over weights, configurations and tokenizer files. `manifest.facts` has `parameters`,
    `steps`, `tokens`, `tokens_per_second`, `resumed_from`, `loss` (last), `held_out_loss` (last), `curve` and
    `held_out_curve` (points with step, tokens and loss). Raises `OpencoderError` when the training has not
    finished.
    """
    if (ready := lake.find(job.stage)) is not None:
        return ready
    export, summary_file = job.work / "export", job.work / "summary.json"
    if not summary_file.exists():
        raise OpencoderError(f"{job.work}: the training has not finished (no summary.json)")
    summary = json.loads(summary_file.read_text(encoding="utf-8"))
    lines = read_metrics(job.work / "metrics.jsonl")
    facts = {**summary, **_curves(lines)}
    shutil.copyfile(job.work / "metrics.jsonl", export / "metrics.jsonl")
    (export / "README.md").write_text(model_card(job, facts), encoding="utf-8")
    names = sorted(path.name for path in export.iterdir() if path.name not in NOT_IN_DIGEST)
    phases = summary["data"]
    counts = {
        "in": sum(phase["samples"] for name, phase in phases.items() if name != "held_out"),
        "kept": sum(phase["taken"] for name, phase in phases.items() if name != "held_out"),
    }
    published = publish_folder(
        lake,
        job.stage,
        export,
        digest_of=names,
        counts={**counts, "removed": counts["in"] - counts["kept"], "quarantined": 0},
        facts=facts,
        seconds=summary["seconds"],
    )
    for name in ("checkpoints", "data", "export"):
        shutil.rmtree(job.work / name, ignore_errors=True)
    return published


def _curves(lines: list[dict[str, Any]]) -> dict[str, Any]:
    training = [line for line in lines if "loss" in line]
    held_out = [line for line in lines if "held_out_loss" in line]
    return {
        "loss": training[-1]["loss"] if training else None,
        "held_out_loss": held_out[-1]["held_out_loss"] if held_out else None,
        "curve": loss_curve(lines),
        "held_out_curve": [
            {"step": line["step"], "tokens": line["tokens"], "loss": line["held_out_loss"]}
            for line in held_out
        ],
    }


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
in {facts["steps"]:,} steps. Scores of the evaluation suites are in the stage `eval_scores` and are not copied
here, because evaluation comes after the model.

## Limits

What it writes may be wrong, insecure or close to its training data: read and test it before use. It knows
the languages of its corpus, in proportion to their share, and little beyond {job.sequence} tokens of context.
It was not tested for harmful output.
"""


def card_path(model: Dataset) -> Path:
    """Where the model card of a local model is."""
    return Path(model.file("README.md"))
