"""The order of the Python rules and their verdict on each text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from opencoder_dag.recipe import PythonRules
from opencoder_dag.rules.python_rules.data_dense import data_dense
from opencoder_dag.rules.python_rules.linter import LinterError, Report, lint, repair_white_space
from opencoder_dag.rules.python_rules.names import undefined_names
from opencoder_dag.rules.python_rules.repetition import repetition
from opencoder_dag.rules.python_rules.scan import Scan, scan

Outcome = tuple[str, dict[str, Any]] | Exception | None

MAX_BRACKETS = 200  # the limits of CPython's own parser
MAX_INDENTS = 100
MAX_DEPTH = 4000  # operators below one another; ruff's stack is good for more


@dataclass(frozen=True)
class PythonVerdict:
    """None keeps a text, (reason, evidence) removes it, an exception means that it could not be judged.

    `text` is the text as it goes on: repaired when the recipe asks for it, else as it came.
    """

    verdict: Outcome
    text: str


def judge_python(texts: Sequence[str], config: PythonRules) -> list[PythonVerdict]:
    """Judge Python sources by the rules that `config` switches on, in the order of the pipeline.

    Reasons are `python_syntax`, `python_outdated_syntax`, `python_data_dense`, `python_repetition` and
    `python_undefined_names`. A text that is no UTF-8, or that cannot be linted, gets an exception; no text
    affects another. Source: methods page, section 1.2.
    """
    verdicts: list[Outcome] = [_unreadable(text) for text in texts]
    scans = {key: scan(text) for key, text in enumerate(texts) if verdicts[key] is None}
    for key, figures in scans.items():
        verdicts[key] = _too_deep(figures, config)
    reports: dict[int, Report] = {}
    if config.syntax or config.undefined_names:
        reports = lint({key: texts[key] for key in scans if verdicts[key] is None})
    for key in scans:
        if verdicts[key] is None:
            verdicts[key] = _judge(texts[key], scans[key], reports.get(key, Report()), config)
    repaired: dict[int, str] = {}
    if config.autofix:
        repaired = repair_white_space({key: texts[key] for key in scans if verdicts[key] is None})
    return [
        PythonVerdict(verdict, repaired.get(key, text))
        for key, (text, verdict) in enumerate(zip(texts, verdicts, strict=True))
    ]


def _unreadable(text: str) -> Exception | None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error
    return None


def _too_deep(figures: Scan, config: PythonRules) -> Outcome:
    """Texts that no recursive parser should be given: CPython refuses the first two kinds as well."""
    for what, value, limit in (
        ("brackets", figures.brackets, MAX_BRACKETS),
        ("indentation", figures.indents, MAX_INDENTS),
        ("expression", figures.depth, MAX_DEPTH),
    ):
        if value > limit:
            problem = f"{what} nested too deeply"
            if config.syntax:
                return "python_syntax", {"problem": problem, "value": value, "threshold": limit}
            return LinterError(f"{problem} for the linter: {value} levels, {limit} at most")
    return None


def _judge(text: str, figures: Scan, report: Report, config: PythonRules) -> Outcome:
    if report.error is not None:
        return report.error
    if config.syntax and report.syntax:
        return "python_syntax", report.syntax[0].evidence()
    if config.syntax and report.outdated:
        return "python_outdated_syntax", report.outdated[0].evidence()
    if config.data_dense and (evidence := data_dense(figures)):
        return "python_data_dense", evidence
    if config.repetition and (evidence := repetition(figures)):
        return "python_repetition", evidence
    if config.undefined_names and (names := undefined_names(text, report.undefined)):
        return "python_undefined_names", {"names": names[:10], "count": len(names), "threshold": 0}
    return None
