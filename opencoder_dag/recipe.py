"""One run, described: typed, validated, hashed per section.

Belongs here: the fields of a recipe. A recipe says what is run; where it runs is `settings.py`. Section names
are the rooms of the cookbook. How recipe files extend one another is in `recipe_files.py`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from opencoder_dag.errors import InputError
from opencoder_dag.lake import canonical_json, sha256_text


class Section(BaseModel):
    """A part of a recipe: immutable, and strict about unknown keys and types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def config(self) -> dict[str, Any]:
        """The section as plain JSON values, for fingerprints."""
        return self.model_dump(mode="json")


class Dedup(Section):
    """Exact, then near dedup (OpenCoder section 2.2 and 9.1; Stack v2, section 4.2 of the methods page)."""

    level: Literal["file", "repository", "chunk"] = "file"
    preset: Literal["opencoder", "stack", "verified", "custom"] = "verified"
    permutations: int | None = Field(None, gt=0, description="only with preset custom")
    bands: int | None = Field(None, gt=0, description="only with preset custom")
    rows: int | None = Field(None, gt=0, description="only with preset custom")
    ngram: int = Field(5, gt=0, description="words a shingle")
    similarity: float | None = Field(
        None,
        gt=0,
        le=1,
        description="exact Jaccard from which a candidate is a duplicate; default: the preset's",
    )
    source_loss_alarm: float = Field(
        0.5, gt=0, le=1, description="share of a source whose loss raises an alarm"
    )

    @model_validator(mode="after")
    def _custom_is_complete(self) -> Dedup:
        given = [value is not None for value in (self.permutations, self.bands, self.rows)]
        if self.preset == "custom":
            if not all(given):
                raise ValueError("preset 'custom' needs permutations, bands and rows")
            if (self.bands or 0) * (self.rows or 0) > (self.permutations or 0):
                raise ValueError("bands * rows must not exceed permutations")
        elif any(given):
            raise ValueError("permutations, bands and rows go with preset 'custom'")
        return self


class PythonRules(Section):
    """Zhusuan's Python rules (methods page, section 1.2), each switchable."""

    syntax: bool = True
    data_dense: bool = True
    repetition: bool = True
    undefined_names: bool = True
    autofix: bool = False


def _off(value: object) -> bool:
    """Whether a key is at its default: dumps leave a later key out then, so that older digests stay."""
    return not value


class QualitySample(Section):
    """Rated texts that a linear scorer is trained on (methods page, section 1.5)."""

    sample: str = Field(description="JSON lines or Parquet with columns text and score")
    good: float = Field(description="texts rated this or higher are the good ones")
    threshold: float = Field(-0.3, description="lower log-odds of being good drop a document (Zhusuan: -0.3)")


class Filter(Section):
    """Transformation and rules: `filtered_corpus` (OpenCoder sections 2.2 and 3)."""

    min_stars: int | None = Field(
        None, ge=0, description="drop repositories below; unknown stars count as below"
    )
    copyright: bool = Field(True, description="cut the leading copyright notice")
    personal_data: bool = Field(True, description="replace e-mail addresses, IP addresses, keys, passwords")
    rules: bool = Field(True, description="the RefineCode thresholds")
    released: bool = Field(
        False, description="judge as the released filter does, flaws included (docs/rules.md)"
    )
    disabled_rules: list[str] = Field(default_factory=list)
    technical_documents: bool = Field(
        False,
        exclude_if=_off,
        description="of Markdown and reStructuredText keep Chinese or English ones with a Python block only",
    )
    quality: QualitySample | None = Field(
        None, exclude_if=_off, description="score documents of type text, drop those below the threshold"
    )
    python: PythonRules = PythonRules()


class InstructionSet(Section):
    """A public instruction set that joins what is mined (OpenCoder section 8.1)."""

    source: str = Field(description="file, folder, or hub id owner/name")
    format: Literal["auto", "alpaca", "pairs", "opc_tests", "sharegpt", "messages"] = "auto"
    stage: Literal[1, 2] = 1
    code_only: bool = Field(True, description="only items about programming")
    real_users: bool = Field(False, description="a language model, if there is one, cleans and answers anew")


class Shares(Section):
    """Target shares of the annealing mix by tokens (OpenCoder section 5); they are normalised."""

    corpus: float = Field(0.839, ge=0)
    algorithmic: float = Field(0.124, ge=0)
    snippets: float = Field(0.027, ge=0)
    textbooks: float = Field(0.009, ge=0)
    code_instructions: float = Field(0.0, ge=0, description="of mix.sets; Zhusuan: 0.1 (methods page, 1.6)")
    language_instructions: float = Field(0.0, ge=0, description="of mix.sets; Zhusuan: 0.1")


class Mix(Section):
    """What the model is trained on: the pre-training mixture and the annealing mixture."""

    web: float = Field(
        0.1, ge=0, lt=1, description="share of web text in the pre-training mixture (HF card: 10 %)"
    )
    shares: Shares = Shares()
    high_quality: bool = Field(True, description="false: anneal on the corpus alone (ablation, section 9.3)")
    max_repeats: float = Field(
        8.0, ge=1, description="how often a document may be repeated to reach its share"
    )
    caps: dict[str, float] = Field(
        default_factory=dict, description="language to highest share of the corpus bytes"
    )
    sets: list[InstructionSet] = Field(default_factory=list, description="instruction sets for annealing")

    @model_validator(mode="after")
    def _instructions_have_a_source(self) -> Mix:
        if (self.shares.code_instructions or self.shares.language_instructions) and not self.sets:
            raise ValueError("shares of instructions need mix.sets, the instruction sets to take them from")
        return self


class Tokenizer(Section):
    """Byte-level BPE trained on the corpus, or any Hugging Face tokenizer by path."""

    vocab_size: int = Field(4096, ge=300, le=256_000)
    path: str | None = None
    sample_bytes: int = Field(8_000_000, gt=0)


class Model(Section):
    """Architecture preset; `layers`, `width` and the rest override it."""

    preset: Literal["tiny", "opencoder-1.5b", "opencoder-8b", "zhusuan-2.7b"] = "tiny"
    layers: int | None = Field(None, gt=0)
    width: int | None = Field(None, gt=0)
    feed_forward: int | None = Field(None, gt=0)
    heads: int | None = Field(None, gt=0)
    kv_heads: int | None = Field(None, gt=0)
    init_from: str | None = Field(None, description="Hugging Face checkpoint to continue from, by path")


class Train(Section):
    """Pre-training and annealing: one launch, stable phase then decay."""

    tokens: int = Field(1_000_000, gt=0, description="tokens of warm-up and stable phase")
    anneal_tokens: int = Field(200_000, ge=0)
    sequence: int = Field(512, gt=1)
    batch: int = Field(16, gt=0, description="sequences a step, over all ranks")
    micro_batch: int = Field(4, gt=0, description="sequences a forward pass, on one rank")
    learning_rate: float = Field(2e-3, gt=0)
    final_learning_rate: float = Field(1e-4, ge=0)
    warmup_steps: int = Field(20, ge=0)
    schedule: Literal["wsd", "wcl", "cosine"] = "wsd"
    decay: Literal["exponential", "linear", "sqrt"] = "exponential"
    weight_decay: float = Field(0.1, ge=0)
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = Field(1.0, gt=0)
    precision: Literal["fp32", "bf16"] = "fp32"
    zero_stage: Literal[0, 1, 2, 3] = 1
    activation_checkpointing: bool = Field(False, description="recompute layers: less memory")
    compile: bool = Field(False, description="torch.compile of the layers; on GPU only")
    packing: Literal["best_fit", "causal"] = "best_fit"
    repository_order: Literal["pagerank", "feedback_arc"] | None = Field(
        None,
        exclude_if=_off,
        description="the code of a repository is one sample, imported files first; the way through a cycle",
    )
    fim_rate: float = Field(0.0, ge=0, le=1)
    fim_mode: Literal["psm", "spm", "both"] = "psm"
    checkpoint_steps: int = Field(100, gt=0)
    evaluate_steps: int = Field(100, gt=0)

    @model_validator(mode="after")
    def _whole_micro_batches(self) -> Train:
        if self.batch % self.micro_batch:
            raise ValueError("batch must be a multiple of micro_batch")
        if self.repository_order and self.fim_rate:
            raise ValueError("repository_order needs fim_rate 0: a rearranged file has no place in an order")
        return self


class SftStage(Section):
    """One stage of instruction tuning (OpenCoder section 8.2)."""

    epochs: int = Field(1, gt=0)
    batch: int = Field(16, gt=0)
    learning_rate: float = Field(1e-3, gt=0)
    warmup_steps: int = Field(5, ge=0)
    max_items: int = Field(400, gt=0)


class Sft(Section):
    """Two-stage tuning on instruction data mined from the corpus (OpenCoder section 8)."""

    strategy: Literal["two_stage", "stage1_only", "mixed"] = "two_stage"
    stage1: SftStage = SftStage()
    stage2: SftStage = SftStage(epochs=2)
    sequence: int = Field(512, gt=1)
    micro_batch: int = Field(4, gt=0)
    embedding_similarity: float = Field(0.95, gt=0, le=1, description="SemDeDup: drop above")
    embedding_model: str | None = Field(None, description="sentence encoder by path; default hashed n-grams")
    sets: list[InstructionSet] = Field(default_factory=list)


class Evaluate(Section):
    """Which suites, and how completions are drawn."""

    suites: list[str] = Field(default_factory=lambda: ["ladder"])
    problems: int | None = Field(None, gt=0, description="only the first so many problems of each suite")
    samples: int = Field(1, gt=0)
    temperature: float = Field(0.0, ge=0)
    max_new_tokens: int = Field(96, gt=0)
    held_out_documents: int = Field(200, gt=0)
    missing: Literal["fail", "skip"] = Field("fail", description="suites whose data or tools are not here")


class Recipe(Section):
    """One run. Equal section digests mean equal work, whatever the recipe's name."""

    name: str
    title: str
    family: str = Field("cookbook", description="ablation family: recipes to compare with one another")
    paper: str | None = Field(None, description="what the paper found, for the report")
    seed: int = 0
    dedup: Dedup = Dedup()
    filter: Filter = Filter()
    mix: Mix = Mix()
    tokenizer: Tokenizer = Tokenizer()
    model: Model = Model()
    train: Train = Train()
    sft: Sft = Sft()
    evaluate: Evaluate = Evaluate()

    @model_validator(mode="after")
    def _sequences_fit(self) -> Recipe:
        if self.sft.micro_batch > self.sft.stage1.batch or self.sft.micro_batch > self.sft.stage2.batch:
            raise ValueError("sft.micro_batch must not exceed the batch of either stage")
        return self

    @property
    def base_name(self) -> str:
        """The name without its seed: what is averaged over seeds."""
        return split_seed(self.name)[0]

    @property
    def digest(self) -> str:
        """16 hex digits over all that is run (not over name, title, family and paper)."""
        what = self.model_dump(mode="json", exclude={"name", "title", "family", "paper"})
        return sha256_text(canonical_json(what))[:16]

    def with_changes(self, changes: Mapping[str, Mapping[str, Any]]) -> Recipe:
        """A copy with some keys of some sections replaced; raises `InputError` naming the wrong key."""
        try:
            return Recipe.model_validate_json(canonical_json(merge(self.model_dump(mode="json"), changes)))
        except ValidationError as error:
            raise InputError(describe(error)) from None

    def sections(self, *names: str) -> dict[str, Any]:
        """The named sections (or `seed`) as plain values, for a stage's fingerprint."""
        whole = self.model_dump(mode="json")
        return {name: whole[name] for name in names}


def seed_names(base: str, seeds: int) -> list[str]:
    """A recipe's name, followed by its names with the further seeds."""
    return [base, *(f"{base}-seed{seed}" for seed in range(1, seeds))]


def split_seed(name: str) -> tuple[str, int | None]:
    """`NAME-seed3` as (NAME, 3); a name without a seed as (NAME, None)."""
    base, found, seed = name.rpartition("-seed")
    return (base, int(seed)) if found and seed.isdigit() else (name, None)


def merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the keys of `change` in place of its own, section by section."""
    merged = dict(base)
    for key, value in change.items():
        inner = merged.get(key)
        merged[key] = (
            merge(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
        )
    return merged


def near_miss(name: str, known: Mapping[str, Any] | list[str]) -> str:
    """A suffix for error messages: the closest known name, or all of them."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else f" (known: {', '.join(sorted(known))})"


def describe(error: ValidationError, whole: type[BaseModel] = Recipe, name: str = "recipe") -> str:
    """The first problem of a validation error as `key: what was wrong, what would be right`.

    `whole` is the model that was validated, and `name` stands for it where no key of it is to blame.
    """
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or name
    if first["type"] == "extra_forbidden":
        section: Any = whole
        for part in first["loc"][:-1]:
            section = section.model_fields[str(part)].annotation
        return f"{key}: unknown key{near_miss(str(first['loc'][-1]), list(section.model_fields))}"
    message = first["msg"].removeprefix("Value error, ")
    got = "" if first["type"] in ("missing", "value_error") else f" (got {first['input']!r})"
    return f"{key}: {message}{got}"
