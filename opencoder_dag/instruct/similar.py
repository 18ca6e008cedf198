"""SemDeDup: items that mean nearly the same as another one (methods page, section 6; arXiv 2303.09540).

Belongs here: embeddings of items, spherical k-means, and the rule that decides who stays. Offline the
embedding is a hash of words and word pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    texts: Sequence[str], ids: Sequence[str], similarity: float, seed: int, vectors: Any = None
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
