"""The trained model as a stage output: weights, configuration, tokenizer, model card, metrics.

Runs in the parent, after the child; knows the lake, not torch.
"""

from __future__ import annotations

import json
import shutil
from typing import Any

from opencoder_dag.errors import OpencoderError
from opencoder_dag.lake import Dataset, Lake, publish_folder
from opencoder_dag.train.card import model_card
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
