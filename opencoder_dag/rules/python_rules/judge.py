"""The order of the Python rules and their verdict on each text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from opencoder_dag.recipe import PythonRules
from opencoder_dag.rules.python_rules.linter import Report, lint, repair_white_space

Removal = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class PythonVerdict:
    """None keeps a text, (reason, evidence) removes it, an exception means that it could not be judged.

    `text` is the text as it goes on: repaired when the recipe asks for it, else as it came.
    """

    verdict: Removal | Exception | None
    text: str


def judge_python(texts: Sequence[str], config: PythonRules) -> list[PythonVerdict]:
    """Judge Python sources by the rules that `config` switches on, in the order of the pipeline.

    Reasons are `python_syntax`, `python_outdated_syntax`, `python_data_dense`, `python_repetition` and
    `python_undefined_names`. A text that is no UTF-8, or on which the linter fails, gets an exception; no
    text affects another. Source: methods page, section 1.2.
    """
    verdicts: list[Removal | Exception | None] = [_unreadable(text) for text in texts]
    if config.syntax or config.undefined_names:
        reports = lint({key: text for key, text in enumerate(texts) if verdicts[key] is None})
        for key, report in reports.items():
            verdicts[key] = _linted(report, config)
    repaired: dict[int, str] = {}
    if config.autofix:
        repaired = repair_white_space({key: text for key, text in enumerate(texts) if verdicts[key] is None})
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


def _linted(report: Report, config: PythonRules) -> Removal | Exception | None:
    if report.error is not None:
        return report.error
    if config.syntax and report.syntax:
        return "python_syntax", report.syntax[0].evidence()
    if config.syntax and report.outdated:
        return "python_outdated_syntax", report.outdated[0].evidence()
    if config.undefined_names:
        names = list(dict.fromkeys(finding.name for finding in report.undefined if finding.code == "F821"))
        if names:
            return "python_undefined_names", {"names": names[:10], "count": len(names), "threshold": 0}
    return None
