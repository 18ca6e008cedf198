"""The choice among natural-language documents that a recipe may ask for.

Belongs here: what the keys `filter.technical_documents` and `filter.quality` do to a document. How technical
documents are told and how a scorer is trained is in `quality.py`, which is loaded only where a recipe asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opencoder_dag.lake import canonical_json, sha256_text
from opencoder_dag.recipe import Filter

if TYPE_CHECKING:
    from opencoder_dag.rules.quality import QualityScorer

PROSE = ("md", "markdown", "rst", "rest")  # suffixes of which only technical documents stay


@dataclass(frozen=True)
class TextChoice:
    """What is asked of documents of type text; picklable."""

    technical: bool
    scorer: QualityScorer | None
    threshold: float
    identity: Mapping[str, str]  # of what lies outside the recipe, for the fingerprint

    @classmethod
    def of(cls, config: Filter) -> TextChoice:
        """Read the sample and train the scorer, where the recipe names one.

        Raises `InputError` when the sample cannot be read or has ratings on one side only.
        """
        if config.quality is None:
            return cls(config.technical_documents, None, 0.0, {})
        from opencoder_dag.rules.quality import read_sample, train_scorer

        sample = read_sample(config.quality.sample)
        digest = sha256_text(canonical_json(sorted(zip(sample.texts, sample.scores, strict=True))))
        scorer = train_scorer(sample, config.quality.good)
        return cls(config.technical_documents, scorer, config.quality.threshold, {"quality_sample": digest})

    def verdict(self, text: str, path: str, doc_type: str) -> tuple[str, Mapping[str, Any]] | None:
        """Reason and evidence for dropping a document; None keeps it. Code and data are never dropped."""
        if doc_type != "text":
            return None
        suffix = path.lower().rpartition(".")[2]
        if self.technical and suffix in PROSE:
            from opencoder_dag.rules.quality import is_technical_document

            if not is_technical_document(path, text):
                return "not_technical_document", {"suffix": suffix}
        return self.scorer.judge([text], self.threshold)[0] if self.scorer is not None else None
