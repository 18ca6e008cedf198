"""Thresholds: which values of which signals drop a file, one readable YAML file a profile.

A profile is chosen by document type and language: text files by natural language, the ten languages that have
one by name, data files share one, all other code another (OpenCoder facts, section 3.6).
"""

from __future__ import annotations

import hashlib
import math
from functools import cache
from importlib import resources
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from opencoder_dag.errors import InputError
from opencoder_dag.rules.signal import Value, signal_named

OWN_PROFILES = ("python", "c", "cpp", "csharp", "go", "html", "java", "javascript", "shell", "sql")
NAMES = ("en", "zh", *OWN_PROFILES, "data", "others")


class Threshold(BaseModel):
    """When a value drops the file: below or above a bound, equal to one, or a flag that is true or false."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    below: float | None = None
    above: float | None = None
    equals: float | None = None
    flag: bool | None = Field(None, alias="is")
    probability: float = Field(1.0, gt=0, le=1, description="a random rule drops only this share, by hash")

    @model_validator(mode="after")
    def _something_to_compare(self) -> Threshold:
        if (self.below, self.above, self.equals, self.flag) == (None, None, None, None):
            raise ValueError("needs below, above, equals or is")
        return self

    def exceeded(self, value: Value) -> bool:
        """Whether a value is on the dropping side; an undefined value never is."""
        if value is None:
            return False
        return (
            (self.below is not None and value < self.below)
            or (self.above is not None and value > self.above)
            or (self.equals is not None and value == self.equals)
            or (self.flag is not None and bool(value) == self.flag)
        )

    @property
    def spares(self) -> tuple[float, float]:
        """Lowest and highest value of a range in which nothing drops; low above high if there is none."""
        if self.equals is not None:
            return math.inf, -math.inf
        low = -math.inf if self.below is None else self.below
        high = math.inf if self.above is None else self.above
        if self.flag is not None:
            low, high = (low, min(high, 0.0)) if self.flag else (max(low, 1.0), high)
        return low, high

    def describe(self) -> str:
        """The threshold in words, such as `< 2 or > 10`."""
        parts = []
        if self.below is not None:
            parts.append(f"< {self.below:g}")
        if self.above is not None:
            parts.append(f"> {self.above:g}")
        if self.equals is not None:
            parts.append(f"= {self.equals:g}")
        if self.flag is not None:
            parts.append(f"is {'true' if self.flag else 'false'}")
        return " or ".join(parts) + ("" if self.probability == 1 else f" (drops {self.probability:.0%})")


class Profile(BaseModel):
    """The thresholds of one kind of file, by signal name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    drop_when: dict[str, Threshold]


@cache
def profile(name: str) -> Profile:
    """Read a shipped profile; raises `InputError` naming the file and the key that is wrong."""
    file = resources.files("opencoder_dag.rules") / "profiles" / f"{name}.yaml"
    content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    where = f"profiles/{name}.yaml"
    try:
        read = Profile.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise InputError(f"{where}: {key}: {first['msg'].removeprefix('Value error, ')}") from None
    for rule in read.drop_when:
        signal_named(rule, where)
    return read


def profile_name(doc_type: str, language: str, natural_language: str = "en") -> str | None:
    """The profile of a file, or None for a document type that is not kept at all."""
    if doc_type == "text":
        return "zh" if natural_language == "zh" else "en"
    if doc_type not in ("code", "data"):
        return None
    if language in OWN_PROFILES:
        return language
    return "data" if doc_type == "data" else "others"


def draw(seed: int, rule: str, document: str) -> float:
    """A number in [0, 1) that a random rule draws for a document (its hex digest), the same every time."""
    digest = hashlib.sha256(f"{seed}\0{rule}\0{document}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
