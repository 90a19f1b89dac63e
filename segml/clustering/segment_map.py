"""Where customers stand on a plane, and how far segments mix there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree
from sklearn.preprocessing import StandardScaler

from segml._core.errors import DataError, NotEnoughDataError
from segml._core.seeds import generator
from segml.features.words import in_sentence

from ._input import as_dense, as_frame, features_of
from ._labels import NOISE
from ._segmenter import Segmenter
from .contrasts import scaled_columns

_NEIGHBOURS = 10
_ASKED = 2000  # customers whose neighbours are counted
_STRONG = 0.35  # a loading below this does not name an axis


@dataclass(frozen=True)
class SegmentMap:
    """Customers on a plane with their segments.

    Parameters
    ----------
    points : DataFrame, shape (n_customers, 3)
        By customer: ``x``, ``y`` and ``segment``, where -1 is no segment (noise).
    segments : DataFrame
        By segment id: ``name``, ``size``, ``share`` of the customers of the map, and
        ``own``, the share of its customers' neighbours on the map that are its own.
    mixing : DataFrame, shape (n_segments, n_segments)
        Row i, column j: share of the neighbours of customers of i who are of j; noise
        has a row where there is any.
    axes : tuple of str
        What the axes are.
    """

    points: pd.DataFrame
    segments: pd.DataFrame
    mixing: pd.DataFrame
    axes: tuple[str, str]


def map_segments(segmenter: Any, X: Any, embedding: Any = None) -> SegmentMap:
    """Place customers on a plane: by principal components, or where an embedding puts them.

    Parameters
    ----------
    segmenter : segmenter
        Fitted, such as `KMeansSegmenter`.
    X : DataFrame, FeatureTable, Polars or Arrow table, or array, (n_customers, n_features)
        The features that it was fitted on; of any customers.
    embedding : DataFrame or array, shape (n_customers, 2), optional
        Coordinates, such as of UMAP; a DataFrame is matched by customer, an array row
        by row. The first two principal components of the preprocessed features when
        not given.

    Returns
    -------
    SegmentMap
        The ten nearest customers on the map are counted as neighbours, for at most
        2,000 customers drawn at random in proportion to the segments.

    Raises
    ------
    DataError
        The embedding has not two columns of finite numbers for these customers.
    NotEnoughDataError
        Fewer than two customers.

    Examples
    --------
    >>> from segml.clustering import KMeansSegmenter
    >>> frame = pd.DataFrame(
    ...     {"orders": [1, 2, 1, 20, 21, 22], "visits": [3, 3, 4, 9, 8, 9]}, index=list("abcdef")
    ... )
    >>> mapped = map_segments(KMeansSegmenter(n_segments=2).fit(frame), frame)
    >>> mapped.axes[0]
    'principal component 1: orders, visits (99% of variance)'
    >>> mapped.points.loc["a"].round(2).tolist()
    [-1.51, 0.05, 0.0]
    """
    frame = as_frame(X)
    if len(frame) < 2:
        raise NotEnoughDataError("a map needs two customers", where="X", got=f"{len(frame)} rows")
    labels = np.asarray(segmenter.predict(X), dtype=int)
    index = frame.index if isinstance(frame, pd.DataFrame) else pd.RangeIndex(len(frame))
    places, axes = (
        _components(segmenter, X, frame) if embedding is None else _given(embedding, index)
    )
    names = segmenter.segments_["name"].astype(str)
    sizes = pd.Series(labels).value_counts().reindex(names.index, fill_value=0)
    mixing = _mixing(places, labels, list(names.index))
    own = [mixing.loc[i, i] if i in mixing.index else np.nan for i in names.index]
    segments = pd.DataFrame(
        {"name": names, "size": sizes, "share": sizes / len(labels), "own": own},
        index=names.index.rename("segment"),
    )
    points = pd.DataFrame({"x": places[:, 0], "y": places[:, 1], "segment": labels}, index=index)
    return SegmentMap(points, segments, mixing, axes)


def scaled_values(segmenter: Any, frame: Any) -> np.ndarray:
    """Return customers on the segmenter's scale, standardised where it has none."""
    if isinstance(segmenter, Segmenter):  # it knows which columns are its own
        return segmenter._scale(segmenter._validate(frame, reset=False))
    preprocessor = getattr(segmenter, "preprocessor_", None)
    if preprocessor is None:
        return np.asarray(StandardScaler().fit_transform(np.asarray(frame, dtype=float)))
    if not isinstance(frame, pd.DataFrame) or not hasattr(preprocessor, "feature_names_in_"):
        frame = np.asarray(frame)
    return as_dense(preprocessor.transform(frame))


def _components(segmenter: Any, X: Any, frame: Any) -> tuple[np.ndarray, tuple[str, str]]:
    """Return the first two principal components and what they are made of."""
    scaled = scaled_values(segmenter, frame)
    ordered = scaled[np.lexsort(scaled.T[::-1])]  # sums depend on the order of rows
    mean = ordered.mean(axis=0)
    variances, vectors = np.linalg.eigh(np.cov(ordered - mean, rowvar=False).reshape(len(mean), -1))
    kept = min(2, len(mean))
    loadings = vectors[:, ::-1][:, :kept].T
    # The sign is arbitrary: the strongest loading points up.
    strongest = np.take_along_axis(loadings, np.abs(loadings).argmax(axis=1)[:, None], axis=1)
    loadings = loadings * np.where(strongest < 0, -1.0, 1.0)
    places = np.zeros((len(scaled), 2))
    places[:, :kept] = (scaled - mean) @ loadings.T
    total = variances.sum()
    shares = variances[::-1] / total if total > 0 else np.zeros(len(mean))
    given = list(frame.columns) if isinstance(frame, pd.DataFrame) else None
    preprocessor = getattr(segmenter, "preprocessor_", None)
    columns = (
        scaled_columns(preprocessor, given, scaled.shape[1])
        if preprocessor is not None
        else [(str(name), str(name)) for name in given or ()]
    )
    known = features_of(X, [feature for feature, _ in columns])
    labels = [
        in_sentence(known[feature].label) if feature in known else feature.replace("_", " ")
        for feature, _ in columns
    ]
    axes = [_axis(j, labels, loadings[j], float(shares[j])) for j in range(kept)]
    return places, (axes[0], axes[1] if len(axes) > 1 else "")


def _axis(j: int, labels: list[str], loadings: np.ndarray, share: float) -> str:
    strongest = np.argsort(-np.abs(loadings), kind="stable")[:3]
    made = dict.fromkeys(labels[i] for i in strongest if labels and abs(loadings[i]) >= _STRONG)
    made_of = ": " + ", ".join(list(made)[:2]) if made else ""
    return f"principal component {j + 1}{made_of} ({100 * share:.0f}% of variance)"


def _given(embedding: Any, index: pd.Index) -> tuple[np.ndarray, tuple[str, str]]:
    """Return given coordinates in the order of the customers, and the names of the axes."""
    axes = ("embedding 1", "embedding 2")
    if isinstance(embedding, pd.DataFrame):
        if not index.equals(embedding.index):
            missing = int((~index.isin(embedding.index)).sum())
            if missing or not embedding.index.is_unique:
                raise DataError(
                    "the embedding is not of these customers",
                    where="embedding",
                    got=f"{len(embedding):,} rows, {missing:,} of {len(index):,} customers missing",
                    expected="one row for each customer",
                )
            embedding = embedding.loc[index]
        if all(isinstance(name, str) for name in embedding.columns) and embedding.shape[1] == 2:
            axes = (str(embedding.columns[0]), str(embedding.columns[1]))
    try:
        places = np.asarray(embedding, dtype=float)
    except (TypeError, ValueError):
        places = np.empty(0)
    if places.shape != (len(index), 2) or not np.isfinite(places).all():
        raise DataError(
            "the embedding is no map of these customers",
            where="embedding",
            got=f"shape {np.shape(embedding)}",
            expected=f"shape {(len(index), 2)} of finite numbers",
        )
    return places, axes


def _mixing(places: np.ndarray, labels: np.ndarray, ids: list[int]) -> pd.DataFrame:
    """Return whose neighbours are whose, over a sample that does not depend on row order."""
    order = np.lexsort((labels, places[:, 1], places[:, 0]))
    places, labels = places[order], labels[order]
    ids = ids + [NOISE] * bool((labels == NOISE).any())
    draw = generator(0, "neighbours on the map").permutation(len(labels))[:_ASKED]
    k = min(_NEIGHBOURS, len(labels) - 1)
    near = np.asarray(cKDTree(places).query(places[draw], k=k + 1)[1])
    # Where several customers stand at one place, oneself is not always the nearest.
    is_self = near == draw[:, None]
    is_self[~is_self.any(axis=1), -1] = True
    near = near[~is_self].reshape(len(draw), k)
    shares = np.stack([(labels[near] == j).mean(axis=1) for j in ids], axis=1)
    asked = pd.Series(labels[draw], name="segment")
    return pd.DataFrame(shares, columns=pd.Index(ids, name="neighbour")).groupby(asked).mean()
