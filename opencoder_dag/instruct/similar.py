"""SemDeDup: items that mean nearly the same as another one (methods page, section 6; arXiv 2303.09540).

Belongs here: embeddings of items, spherical k-means, and the rule that decides who stays. Without a sentence
encoder the embedding is a hash of words and word pairs. Names of tensors: b batch, t tokens, d width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opencoder_dag.document import one_line
from opencoder_dag.errors import InputError

DIMENSIONS = 1 << 12
PER_CLUSTER = 256  # items a cluster has on average; the cost is n * PER_CLUSTER instead of n * n
ITERATIONS = 100


def embed(texts: Sequence[str]) -> Any:
    """Hashed words and word pairs, logarithmic counts, unit length; sparse, shape (n, DIMENSIONS)."""
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.preprocessing import normalize

    vectorizer = HashingVectorizer(
        n_features=DIMENSIONS,
        ngram_range=(1, 2),
        token_pattern=r"\w+|[^\w\s]",
        alternate_sign=False,
        norm=None,
    )
    counts = vectorizer.transform(texts)
    counts.data = np.log1p(counts.data)
    return normalize(counts)


def encode(texts: Sequence[str], path: str, batch: int = 32) -> NDArray[np.float64]:
    """Mean of a sentence encoder's last layer, unit length; shape (n, width).

    `path` is a folder with a Hugging Face encoder (sentence-transformers store theirs so). Raises
    `InputError` when there is none.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
        model = AutoModel.from_pretrained(path).eval()
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"sft.embedding_model: {path}: no encoder there ({one_line(error)})") from None
    rows = []
    with torch.inference_mode():
        for start in range(0, len(texts), batch):
            some = list(texts[start : start + batch])
            inputs = tokenizer(some, padding=True, truncation=True, max_length=512, return_tensors="pt")
            states_btd = model(**inputs).last_hidden_state
            mask_bt1 = inputs["attention_mask"].unsqueeze(-1)
            means_bd = (states_btd * mask_bt1).sum(1) / mask_bt1.sum(1)
            rows.append(torch.nn.functional.normalize(means_bd, dim=-1).double().numpy())
    return np.concatenate(rows)


def clusters(vectors: Any, seed: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Spherical k-means: the cluster of each row and its cosine to the centroid; shapes (n,)."""
    from sklearn.cluster import KMeans
    from sklearn.preprocessing import normalize

    count = max(1, vectors.shape[0] // PER_CLUSTER)
    model = KMeans(count, n_init=1, max_iter=ITERATIONS, random_state=seed).fit(vectors)
    centroids = normalize(model.cluster_centers_)
    labels = model.labels_.astype(np.int64)
    cosine = np.asarray(vectors.multiply(centroids[labels]).sum(axis=1)).ravel()
    return labels, cosine


def duplicates(
    texts: Sequence[str],
    ids: Sequence[str],
    similarity: float,
    seed: int,
    vectors: NDArray[np.float64] | None = None,
) -> dict[int, tuple[int, float]]:
    """Positions to drop, each with the position it resembles and how much.

    Within a cluster the item farthest from the centroid comes first, and one is dropped when its cosine with
    any item before it exceeds `similarity`; a dropped item still counts as one before. The result does not
    depend on the order of the input (`ids` break ties) nor on the number of threads. `vectors` (unit length,
    shape (n, d)) replaces the hashed embedding.
    """
    from scipy.sparse import csr_matrix
    from threadpoolctl import threadpool_limits

    if len(texts) < 2:
        return {}
    order = np.array(sorted(range(len(texts)), key=lambda position: ids[position]))
    embedded = (
        embed([texts[position] for position in order]) if vectors is None else csr_matrix(vectors)[order]
    )
    dropped: dict[int, tuple[int, float]] = {}
    # One thread: sums of floating-point numbers depend on how they are split.
    with threadpool_limits(1):
        labels, cosine = clusters(embedded, seed)
        for label in range(int(labels.max()) + 1):
            members = np.flatnonzero(labels == label)
            members = members[np.argsort(np.round(cosine[members], 9), kind="stable")]
            likeness = np.triu((embedded[members] @ embedded[members].T).toarray(), k=1)
            for column in np.flatnonzero(likeness.max(axis=0, initial=0.0) > similarity):
                row = int(likeness[:, column].argmax())
                found = (int(order[members[row]]), round(float(likeness[row, column]), 4))
                dropped[int(order[members[column]])] = found
    return dropped
