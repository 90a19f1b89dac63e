"""The segmenter that the parameters ask for."""

from __future__ import annotations

from typing import Any

from segml.clustering import (
    GaussianMixtureSegmenter,
    HDBSCANSegmenter,
    KMeansSegmenter,
    RFMSegmenter,
    UmapEmbedding,
)
from segml.features import FeatureTable, make_preprocessor

from .notebook_params import ClusteringParams

_PCA_SHARE = 0.9  # of the variance that components keep


def new_segmenter(
    asked: ClusteringParams, features: FeatureTable, seed: int, n_segments: int | None
) -> Any:
    """Return the segmenter that is asked for, not fitted.

    Parameters
    ----------
    asked : ClusteringParams
        Method, names, guards.
    features : FeatureTable
        What it is to be fitted to.
    seed : int
        Its seed.
    n_segments : int or None
        How many segments, for those that are told.

    Examples
    --------
    >>> import pandas as pd
    >>> from segml.features import build_features
    >>> orders = pd.DataFrame({
    ...     "customer_id": ["a", "b"], "order_id": [1, 2],
    ...     "ordered_at": pd.to_datetime(["2026-01-01", "2026-03-02"]), "revenue": [10.0, 15.0]})
    >>> features = build_features(orders, "2026-03-02", ["orders", "aov"])
    >>> type(new_segmenter(ClusteringParams(), features, 1, 4)).__name__
    'KMeansSegmenter'
    """
    size = asked.min_segment_size
    if asked.method == "rfm":
        return RFMSegmenter(names=asked.names, min_segment_size=size or 1)
    common = {
        "preprocessor": make_preprocessor(features),
        "names": asked.names,
        "embedding": _embedding(asked.embedding, seed),
    }
    if asked.method == "hdbscan":
        customers = features.table.scalar("SELECT count(*) FROM {self}")
        return HDBSCANSegmenter(min_segment_size=size or max(5, customers // 100), **common)
    assert n_segments is not None
    kind = KMeansSegmenter if asked.method == "kmeans" else GaussianMixtureSegmenter
    return kind(n_segments, min_segment_size=size or 1, random_state=seed, **common)


def _embedding(name: str, seed: int) -> Any:
    if name == "pca":
        from sklearn.decomposition import PCA

        return PCA(_PCA_SHARE, svd_solver="full")
    return UmapEmbedding(random_state=seed) if name == "umap" else None
