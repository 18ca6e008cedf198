"""Natural-language data for a code model: technical documents, and a scorer of question-and-answer quality.

Belongs here: Zhusuan's selection of technical documents (Markdown and reStructuredText, Chinese or English,
with a Python code block) and its linear scorer, trained from a sample that a judge has rated and applied with
a threshold. Methods page, section 1.5.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression

from opencoder_dag.errors import InputError
from opencoder_dag.lake import write_bytes
from opencoder_dag.rules.natural_language import natural_language

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

THRESHOLD = -0.3  # Zhusuan drops lower scores, 14 % of its data
HELD_OUT = 0.2  # of a sample, by hash, to measure a scorer on
FEATURES = 1 << 18  # hashed words and pairs of words

# --- technical documents ---

_MARKDOWN_BLOCK = re.compile(
    r"^[ \t]{0,8}(?:```|~~~)[`~]*[ \t]*(?:\{?\.?[ \t]*)?(?:python|python3|py|py3|pycon|ipython)\b",
    re.IGNORECASE | re.MULTILINE,
)
_RST_BLOCK = re.compile(
    r"^[ \t]{0,16}\.\.[ \t]+(?:code-block|code|sourcecode|ipython|testcode|doctest|highlight)::[ \t]*"
    r"(?:python3?|py|pycon|ipython)?[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_PROMPT = re.compile(r"^[ \t]*>>> \S", re.MULTILINE)
_FENCED = re.compile(r"^[ \t]*```.*?^[ \t]*```", re.MULTILINE | re.DOTALL)
_WORD = re.compile(r"[^\W\d_]{2,}")
_FUNCTION_WORDS = frozenset(
    ["the", "of", "and", "to", "is", "for", "with", "this", "that", "you", "it", "be", "are"]
)
FUNCTION_WORD_SHARE = 0.06  # English prose has some 20 %, lists of parameters less
FOREIGN_SHARE = 0.1
PROSE_CHARS = 50_000
_PYTHON_DIRECTIVES = ("ipython", "testcode", "doctest")


def is_technical_document(path: str, text: str) -> bool:
    """Whether a file is Markdown or reStructuredText in Chinese or English with a Python code block."""
    suffix = path.lower().rpartition(".")[2]
    if suffix in ("md", "markdown"):
        has_block = bool(_MARKDOWN_BLOCK.search(text))
    elif suffix in ("rst", "rest"):
        has_block = bool(_PROMPT.search(text)) or any(map(_is_python, _RST_BLOCK.finditer(text)))
    else:
        return False
    return has_block and (natural_language(text) == "zh" or _is_english(text))


def _is_english(text: str) -> bool:
    """Whether function words of English are as frequent as in English prose, code blocks left out."""
    words = [word.lower() for word in _WORD.findall(_FENCED.sub(" ", text)[:PROSE_CHARS])]
    english = sum(word in _FUNCTION_WORDS for word in words)
    foreign = sum(not word.isascii() for word in words)
    return english >= FUNCTION_WORD_SHARE * len(words) and foreign <= FOREIGN_SHARE * len(words)


def _is_python(block: re.Match[str]) -> bool:
    directive, _, language = block.group().lower().partition("::")
    return bool(language.strip()) or directive.split()[-1] in _PYTHON_DIRECTIVES


# --- the scorer ---


@dataclass(frozen=True)
class Sample:
    """Rated texts: one `text` and one `score` a row."""

    texts: list[str]
    scores: list[float]


def read_sample(path: str) -> Sample:
    """Read a rated sample, JSON lines or Parquet with the columns `text` and `score`.

    Raises `InputError` with file and row for a missing column, a score that is no finite number, or no rows.
    """
    rows: list[Mapping[str, Any]] = []
    try:
        if path.endswith(".parquet"):
            rows = pq.read_table(path).to_pylist()
        else:
            for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
                if line.strip():
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise InputError(f"{path}: line {number}: must be an object with 'text' and 'score'")
                    rows.append(row)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, pa.ArrowInvalid) as error:
        raise InputError(f"{path}: not a readable sample ({' '.join(str(error).split())})") from None
    if not rows:
        raise InputError(f"{path}: the sample is empty; it needs rows with 'text' and 'score'")
    for number, row in enumerate(rows, 1):
        score = row.get("score")
        if not isinstance(row.get("text"), str):
            raise InputError(f"{path}: row {number}: 'text' must be a string")
        if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
            raise InputError(f"{path}: row {number}: 'score' must be a finite number (got {score!r})")
    return Sample([row["text"] for row in rows], [float(row["score"]) for row in rows])


@dataclass(frozen=True)
class QualityScorer:
    """Logistic regression over hashed words and pairs of words; scores are log-odds of being good.

    `facts` says what it was trained on and how it did on the part of the sample that was held out.
    """

    weights: NDArray[np.float64]  # [FEATURES]
    intercept: float
    facts: Mapping[str, Any]

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Log-odds of each text, [len(texts)]."""
        if not texts:
            return np.zeros(0)
        return np.asarray(_features(texts) @ self.weights + self.intercept, dtype=np.float64)

    def judge(
        self, texts: Sequence[str], threshold: float = THRESHOLD
    ) -> list[tuple[str, dict[str, float]] | None]:
        """One verdict a text: None keeps it, ("low_quality", evidence) drops it for a score below."""
        return [
            None
            if score >= threshold
            else ("low_quality", {"score": round(float(score), 4), "threshold": threshold})
            for score in self.score(texts)
        ]

    def save(self, path: str) -> None:
        """Write the scorer as one JSON file, atomically; only weights that are not zero."""
        used = np.flatnonzero(self.weights)
        content = {
            "features": FEATURES,
            "intercept": self.intercept,
            "facts": dict(self.facts),
            "weights": dict(zip(map(str, used.tolist()), self.weights[used].tolist(), strict=True)),
        }
        write_bytes(path, json.dumps(content, sort_keys=True).encode())

    @classmethod
    def load(cls, path: str) -> QualityScorer:
        """Read what `save` wrote; raises `InputError` if it is something else."""
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            if content["features"] != FEATURES:
                raise InputError(
                    f"{path}: a scorer of {content['features']} features, not {FEATURES}; train it again"
                )
            weights = np.zeros(FEATURES)
            for index, weight in content["weights"].items():
                weights[int(index)] = float(weight)
            return cls(weights, float(content["intercept"]), content["facts"])
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise InputError(f"{path}: not a quality scorer ({' '.join(str(error).split())})") from None


def train_scorer(sample: Sample, good: float) -> QualityScorer:
    """Train on a rated sample; texts rated `good` or higher are the good ones.

    A fifth of the sample, chosen by the hash of the text, is held out to measure accuracy and recall. Raises
    `InputError` when either part of the sample has texts of one kind only.
    """
    labels = np.array(sample.scores) >= good
    held_out = np.array([_hash_share(text) < HELD_OUT for text in sample.texts])
    for part, name in ((~held_out, "for training"), (held_out, "held out")):
        if len(set(labels[part].tolist())) < 2:
            raise InputError(
                f"quality sample: the {int(part.sum())} texts {name} are all rated on one side of {good}; "
                "more texts or another limit are needed"
            )
    order = sorted(range(len(sample.texts)), key=lambda index: (sample.texts[index], sample.scores[index]))
    training = [index for index in order if not held_out[index]]
    model = LogisticRegression(
        C=100.0, class_weight="balanced", max_iter=1000, solver="liblinear", tol=1e-4, random_state=0
    )
    model.fit(_features([sample.texts[index] for index in training]), labels[training])
    weights = np.where(np.abs(model.coef_[0]) < 1e-6, 0.0, model.coef_[0])
    trained = QualityScorer(weights, float(model.intercept_[0]), {})
    predicted = trained.score([text for text, out in zip(sample.texts, held_out, strict=True) if out]) >= 0
    truth = labels[held_out]
    facts = {
        "good": good,
        "trained_on": len(training),
        "held_out": int(held_out.sum()),
        "accuracy": round(float((predicted == truth).mean()), 4),
        "recall": round(float(predicted[truth].mean()), 4),
    }
    return QualityScorer(weights, trained.intercept, facts)


def _features(texts: Sequence[str]) -> csr_matrix:
    """Hashed counts of words and pairs of words, dampened and of length 1: [len(texts), FEATURES]."""
    hashed: csr_matrix = HashingVectorizer(
        n_features=FEATURES,
        ngram_range=(1, 2),
        token_pattern=r"[^\W\d_]+|[^\w\s]",
        norm=None,
        alternate_sign=False,
    ).transform(texts)
    hashed.data = np.log1p(hashed.data)
    norms = np.sqrt(hashed.multiply(hashed).sum(axis=1).A1)
    hashed.data /= np.repeat(np.where(norms > 0, norms, 1.0), np.diff(hashed.indptr))
    return hashed


def _hash_share(text: str) -> float:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
