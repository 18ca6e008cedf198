"""What a web recall is told: extraction, seed, rounds, classifier, domain rule.

The section is not part of a recipe, because `web_recall` does not depend on the recipe; it has the same
form, so that it is validated and hashed in the same way. It is read by `recall_file.py`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from opencoder_dag.recipe import Section

NAMED_FILES = (("seed", "labels"), ("domains", "reviewed"), ("classifier", "tokenizer"))


class Extraction(Section):
    """From HTML to text."""

    tool: Literal["resiliparse", "trafilatura"] = "resiliparse"
    seconds: float = Field(10.0, gt=0, description="trafilatura: wall time for one page before it is killed")
    memory_bytes: int = Field(
        1 << 30, gt=0, description="trafilatura: address space beyond what its process has"
    )
    max_page_bytes: int = Field(16_000_000, gt=0, description="larger pages are quarantined unread")
    min_characters: int = Field(100, ge=0, description="pages with less text are removed")


class Judge(Section):
    """A language model that answers yes or no, over an OpenAI-compatible endpoint."""

    url: str | None = Field(None, description="address of the endpoint, such as http://127.0.0.1:8000/v1")
    model: str = "default"
    questions: list[str] = Field(
        default_factory=lambda: [
            "Is the following text about programming, software or the code of computer programs?",
            "Would the following text help somebody to learn how to write or use computer programs?",
        ],
        min_length=1,
    )
    characters: int = Field(3000, gt=0, description="how much of a page the model sees")
    pages: int = Field(2000, gt=0, description="pages to ask about, chosen by hash")
    positive: float = Field(
        0.5, gt=0, lt=1, description="product of the yes shares from which a page is positive"
    )
    seconds: float = Field(30.0, gt=0, description="time for one answer")
    attempts: int = Field(4, gt=0, description="tries for one answer: time-outs, 429 and 5xx are tried again")
    max_failures: float = Field(
        0.2, ge=0, le=1, description="share of pages without an answer that fails the stage"
    )


class Seed(Section):
    """Which pages the first classifier learns from."""

    by: Literal["heuristic", "labels", "judge"] = "heuristic"
    labels: str | None = Field(None, description="file (csv, tsv, jsonl, parquet) with columns url and label")
    positives: int = Field(2000, gt=0, description="at most so many positive pages, chosen by hash")
    negatives_per_positive: float = Field(1.0, gt=0)
    block_share: float = Field(0.05, gt=0, le=1, description="heuristic: share of characters in code blocks")
    code_line_share: float = Field(
        0.15, gt=0, le=1, description="heuristic: share of lines that look like code"
    )
    negative_score: float = Field(
        0.15, ge=0, lt=1, description="heuristic: negatives only from scores below this"
    )
    judge: Judge = Judge()


class Classifier(Section):
    """fastText, over the tokens of a BPE segmentation."""

    vocabulary: int = Field(8000, ge=300, description="size of the BPE vocabulary that segments the text")
    tokenizer: str | None = Field(None, description="segment with this Hugging Face tokenizer (path) instead")
    sample_bytes: int = Field(4_000_000, gt=0, description="text that the BPE vocabulary is learnt from")
    dimension: int = Field(16, gt=0)
    ngrams: int = Field(1, ge=1, le=5)
    buckets: int = Field(100_000, gt=0, description="rows for n-grams")
    epochs: int = Field(15, gt=0)
    learning_rate: float = Field(0.2, gt=0)
    min_count: int = Field(2, gt=0)
    structure: float = Field(
        0.08,
        ge=0,
        lt=1,
        description="weight of the shares of code blocks and lines, as a share of the tokens",
    )
    train_tokens: int = Field(1024, gt=0, description="tokens of a page that are trained on; all are scored")


class Domains(Section):
    """The domain step (OpenCoder, section 2.4): which sites are about code, and which parts of them."""

    recalled_share: float = Field(
        0.1, gt=0, lt=1, description="a domain with more than this recalled is about code"
    )
    pages: int = Field(10, gt=0, description="of at least so many pages")
    pattern_pages: int = Field(5, gt=0, description="a URL pattern covers at least so many pages")
    pattern_share: float = Field(0.75, gt=0, le=1, description="accepted by rule from this recalled share on")
    pattern_depth: int = Field(3, gt=0, description="path segments of the longest pattern")
    trust: float = Field(
        0.4, gt=0, le=1, description="share of a score's log odds that counts against what its site says"
    )
    neutral_share: float = Field(
        0.55, gt=0, lt=1, description="share of pages about code from which a site speaks for all its pages"
    )
    joining_share: float = Field(
        0.7, gt=0, lt=1, description="the same for pages that join the seed, where an error would multiply"
    )
    joining_pages: int = Field(60, ge=0, description="recalled pages that a code domain adds to the seed")
    reviewed: str | None = Field(
        None, description="file with one reviewed pattern a line (percent is the wildcard)"
    )


class RecallConfig(Section):
    """The recall of code-related pages (OpenCoder, section 2.4)."""

    extraction: Extraction = Extraction()
    seed: Seed = Seed()
    classifier: Classifier = Classifier()
    domains: Domains = Domains()
    rounds: int = Field(3, gt=0)
    held_out: float = Field(
        0.2, gt=0, lt=1, description="share of the labelled pages that tunes the threshold"
    )
    precision: float = Field(0.95, gt=0, lt=1, description="precision to reach on them")
    trust: float = Field(
        0.5,
        gt=0,
        le=1,
        description="how far they move the threshold from a half, in log odds; 1: all the way",
    )

    @model_validator(mode="after")
    def _seed_is_complete(self) -> RecallConfig:
        if self.seed.by == "labels" and self.seed.labels is None:
            raise ValueError("seed.by 'labels' needs seed.labels (a file)")
        if self.seed.by == "judge" and self.seed.judge.url is None:
            raise ValueError("seed.by 'judge' needs seed.judge.url (an endpoint)")
        return self

    def files(self) -> dict[str, str]:
        """Paths of the files that the settings name, by section and key."""
        named = {f"{section}.{key}": getattr(getattr(self, section), key) for section, key in NAMED_FILES}
        return {key: path for key, path in named.items() if path is not None}
