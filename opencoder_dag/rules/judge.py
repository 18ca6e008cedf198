"""What the rules say of one file: every hit with its value, every error, nothing hidden by anything else.

A rule is a signal with a threshold. Each is evaluated on its own; the file is dropped when at least one fires
(a plain OR, OpenCoder facts section 3.6).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from opencoder_dag.document import one_line
from opencoder_dag.errors import InputError
from opencoder_dag.rules.profiles import Threshold, draw, profile, profile_name
from opencoder_dag.rules.signal import Compute, Value, all_signals
from opencoder_dag.rules.source_file import SourceFile

DECIMALS = 8


class Rule(NamedTuple):
    """A signal with its threshold; nothing drops from `low` to `high`, which spares a closer look."""

    name: str
    compute: Compute
    threshold: Threshold
    low: float
    high: float
    bounds: str  # the threshold in words


@dataclass
class RuleVerdict:
    """Hits and errors by rule name, in the order of the profile; `spared` hit but were not drawn to drop."""

    hits: dict[str, dict[str, Any]] = field(default_factory=dict)
    spared: dict[str, dict[str, Any]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def outcome(self) -> tuple[str, dict[str, Any]] | OpencoderRuleError | None:
        """What a stage makes of it: (reason, evidence), an error to quarantine for, or None to keep."""
        if self.hits:
            reason, *others = self.hits
            evidence = dict(self.hits[reason])
            if others:
                evidence["also"] = {rule: self.hits[rule] for rule in others}
            if self.errors:
                evidence["errors"] = self.errors
            return reason, evidence
        if self.errors:
            return OpencoderRuleError("; ".join(f"{rule}: {error}" for rule, error in self.errors.items()))
        return None


class OpencoderRuleError(Exception):
    """A rule could not be evaluated and no other rule drops the file."""


@cache
def rules_of(doc_type: str, language: str, natural_language: str) -> tuple[Rule, ...] | None:
    """The rules of a kind of file, or None for a document type that is not kept at all."""
    name = profile_name(doc_type, language, natural_language)
    if name is None:
        return None
    known = all_signals()
    return tuple(
        Rule(rule, known[rule].compute, threshold, *threshold.spares, threshold.describe())
        for rule, threshold in profile(name).drop_when.items()
    )


def check_rule_names(names: Collection[str], where: str) -> None:
    """Raise `InputError` when one of the names is no rule of any profile."""
    from opencoder_dag.rules.profiles import NAMES
    from opencoder_dag.rules.signal import signal_named

    rules = {rule for name in NAMES for rule in profile(name).drop_when}
    for name in names:
        signal_named(name, where)
        if name not in rules:
            raise InputError(f"{where}: signal '{name}' has a threshold in no profile")


def judge_file(file: SourceFile, seed: int, document: str, disabled: Collection[str] = ()) -> RuleVerdict:
    """Evaluate every rule of the file's profile; `document` is the hex digest that random rules draw by."""
    verdict = RuleVerdict()
    rules = rules_of(file.doc_type, file.language, file.natural_language)
    if rules is None:
        verdict.hits["document_type"] = {"value": file.doc_type, "threshold": "code, data or text"}
        return verdict
    for name, compute, threshold, low, high, bounds in rules:
        if disabled and name in disabled:
            continue
        try:
            value = compute(file)
        except Exception as error:
            verdict.errors[name] = one_line(error)
            continue
        if value is not None and not low <= value <= high and threshold.exceeded(value):
            hit = {"value": rounded(value), "threshold": bounds}
            drops = threshold.probability == 1 or draw(seed, name, document) < threshold.probability
            (verdict.hits if drops else verdict.spared)[name] = hit
    return verdict


def rounded(value: Value) -> Value:
    """A value as it is written: 8 decimals."""
    return value if value is None or isinstance(value, bool) else round(value, DECIMALS)


@dataclass(frozen=True)
class Explained:
    """One signal of one file, as text for a table."""

    signal: str
    value: str
    threshold: str
    hit: bool
    what: str


def explain(path_or_text: Path | str, path: str | None = None, released: bool = False) -> list[Explained]:
    """Every signal of one file with its threshold, those that would drop it marked (random rules as firing).

    Takes a `Path` to read, or a text with the `path` that names its language. Raises `InputError` when the
    file cannot be read or its language is not known.
    """
    file = read_source(path_or_text, path, released)
    rules = rules_of(file.doc_type, file.language, file.natural_language)
    if rules is None:
        raise InputError(f"{file.name}: files of type '{file.doc_type}' ({file.language}) are not kept")
    thresholds = {rule.name: rule.threshold for rule in rules}
    rows = []
    for signal in all_signals().values():
        if not signal.applies_to(file):
            continue
        threshold = thresholds.get(signal.name)
        hit = False
        try:
            value = signal.compute(file)
            shown = "undefined" if value is None else f"{rounded(value)}"
            hit = threshold is not None and threshold.exceeded(value)
        except Exception as error:
            shown = f"error: {one_line(error)}"
        rows.append(
            Explained(signal.name, shown, threshold.describe() if threshold else "", hit, signal.what)
        )
    return rows


def read_source(path_or_text: Path | str, path: str | None = None, released: bool = False) -> SourceFile:
    """A `SourceFile` from a path, or from a text and the path that names its language."""
    from opencoder_dag.rules.natural_language import natural_language
    from opencoder_dag.sources.languages import language_of

    if isinstance(path_or_text, Path):
        try:
            text = path_or_text.read_bytes().decode("utf-8")
        except OSError as error:
            raise InputError(f"{path_or_text}: cannot be read ({error.strerror})") from None
        except UnicodeDecodeError as error:
            raise InputError(f"{path_or_text}: not UTF-8 (byte {error.start})") from None
        path = str(path_or_text)
    else:
        text = path_or_text
    language = language_of(path or "", text)
    if language is None:
        raise InputError(f"{path}: no known language for this name")
    kind = natural_language(text) if language.doc_type == "text" else "en"
    return SourceFile(
        text, path or "", language.name, language.doc_type, natural_language=kind, released=released
    )
