"""How much nearer customers are to their own segment than to the next one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from segml._core.check import number
from segml._core.errors import NotEnoughDataError
from segml._core.seeds import generator

from ._empty import empty_segments
from ._input import as_frame
from ._labels import NOISE
from .segment_map import scaled_values

_FEWEST = 50  # customers of a segment that are looked at, where it has as many
_CELLS = 4_000_000  # distances held at once


@dataclass(frozen=True)
class Silhouettes:
    """Silhouette values of customers.

    Parameters
    ----------
    values : DataFrame
        By customer looked at: ``segment``, ``silhouette``, and ``nearest``, the id of the
        nearest other segment.
    table : DataFrame
        By segment id: ``name``, ``size``, ``sampled`` (how many were looked at), ``mean``
        with the 95% interval ``low`` to ``high`` of the sampling, and ``negative``, the
        share of customers nearer to another segment.
    mean : float
        Of all customers with a segment.
    n_noise : int
        Customers without a segment, who have no silhouette.
    empty : tuple of str
        Names of segments without a customer.
    """

    values: pd.DataFrame
    table: pd.DataFrame
    mean: float
    n_noise: int
    empty: tuple[str, ...] = ()


def silhouette_values(
    segmenter: Any, X: Any, max_customers: int = 2000, random_state: int = 0
) -> Silhouettes:
    """Compute silhouettes on the segmenter's scale, for a sample where customers are many.

    Parameters
    ----------
    segmenter : segmenter
        Fitted, such as `KMeansSegmenter`.
    X : as for its ``fit``, shape (n_customers, n_features)
        The features that it was fitted on; of any customers.
    max_customers : int, default 2000
        How many customers to look at, in proportion to the segments but at least 50 of
        each; each is compared with all customers, so its value is exact.
    random_state : int, default 0
        Seed of the sample.

    Returns
    -------
    Silhouettes
        The same whatever the order of rows.

    Raises
    ------
    NotEnoughDataError
        Fewer than two segments have customers.

    Notes
    -----
    With a the mean distance of a customer to the others of the segment, and b the least
    of the mean distances to the customers of another segment, s = (b - a) / max(a, b);
    s = 0 in a segment of one (Rousseeuw 1987, J. Comput. Appl. Math. 20, eq. 2-3). The
    mean of all weights each segment's mean by its size; the intervals are of a sample
    drawn without replacement (Cochran 1977, Sampling Techniques, sections 2.5-2.8).

    Examples
    --------
    >>> from segml.clustering import KMeansSegmenter
    >>> frame = pd.DataFrame({"orders": [1, 1, 2, 20, 21]}, index=list("abcde"))
    >>> found = silhouette_values(KMeansSegmenter(n_segments=2).fit(frame), frame)
    >>> found.table["mean"].round(3).tolist(), round(found.mean, 3)
    ([0.965, 0.948], 0.958)
    """
    most = int(number(max_customers, "max_customers", low=2, whole=True))
    frame = as_frame(X)
    labels = np.asarray(segmenter.predict(X), dtype=int)
    scaled = scaled_values(segmenter, frame)
    index = frame.index if isinstance(frame, pd.DataFrame) else pd.RangeIndex(len(labels))
    # By segment, and within it by values: neither sums nor the sample depend on row order.
    order = np.lexsort((*scaled.T[::-1], labels))
    order = order[labels[order] != NOISE]
    ids, start = np.unique(labels[order], return_index=True)
    if len(ids) < 2:
        raise NotEnoughDataError(
            "a silhouette compares two segments",
            where="segments",
            got=f"{len(ids)} with customers, {int((labels == NOISE).sum()):,} customers of noise",
        )
    ends = np.append(start[1:], len(order))
    random = generator(random_state, "silhouettes")
    looked = [
        np.sort(start[s] + random.permutation(ends[s] - start[s])[:n])
        for s, n in enumerate(_sample_sizes(ends - start, most))
    ]
    at = np.concatenate(looked)
    own = np.repeat(np.arange(len(ids)), [len(one) for one in looked])
    with threadpool_limits(limits=1):  # other sums on several threads
        value, nearest = _values(scaled[order], start, ends, at, own)
    values = pd.DataFrame(
        {"segment": ids[own], "silhouette": value, "nearest": ids[nearest]}, index=index[order[at]]
    )
    names = segmenter.segments_["name"].astype(str)
    rows = [
        {"name": names[i], "size": size} | _mean(value[own == s], size)
        for s, (i, size) in enumerate(zip(ids, ends - start, strict=True))
    ]
    table = pd.DataFrame(rows, index=pd.Index(ids, name="segment"))
    mean = float(np.average(table["mean"], weights=table["size"]))
    empty = empty_segments(names.to_dict(), ids)
    return Silhouettes(values, table, mean, int((labels == NOISE).sum()), empty)


def _sample_sizes(sizes: np.ndarray, most: int) -> np.ndarray:
    """Return how many of each segment to look at: all of them where there are few."""
    if sizes.sum() <= most:
        return sizes
    part = np.round(most * sizes / sizes.sum()).astype(int)
    return np.minimum(sizes, np.maximum(part, _FEWEST))


def _values(
    scaled: np.ndarray, start: np.ndarray, ends: np.ndarray, at: np.ndarray, own: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the silhouette of the rows `at` and the segment that is nearest but their own.

    Equal rows within a segment count once, with a weight.
    """
    first = np.append(True, (scaled[1:] != scaled[:-1]).any(axis=1))
    first[start] = True
    distinct = np.flatnonzero(first)
    weights = np.diff(np.append(distinct, len(scaled))).astype(float)
    groups = np.searchsorted(distinct, start)
    sizes = (ends - start).astype(float)
    place = np.searchsorted(distinct, at, side="right") - 1
    asked, back = np.unique(place, return_inverse=True)
    points, kind = scaled[distinct], own[np.searchsorted(place, asked)]
    value, nearest = np.empty(len(asked)), np.empty(len(asked), dtype=int)
    step = max(1, _CELLS // len(points))
    points = points - np.average(points, axis=0, weights=weights)
    squares = (points**2).sum(axis=1)
    for low in range(0, len(asked), step):
        part = slice(low, low + step)
        rows, mine = np.arange(len(asked[part])), kind[part]
        # |x - y|² = |x|² - 2xy + |y|² is ten times as fast as differences; with centred
        # points of order 1 it leaves distances exact to 1e-8, and to oneself it is 0.
        distances = (-2 * points[asked[part]]) @ points.T
        distances += squares
        distances += squares[asked[part], None]
        np.sqrt(np.maximum(distances, 0, out=distances), out=distances)
        distances[rows, asked[part]] = 0.0
        distances *= weights
        sums = np.add.reduceat(distances, groups, axis=1)
        a = sums[rows, mine] / np.maximum(sizes[mine] - 1, 1)
        means = sums / sizes
        means[rows, mine] = np.inf
        nearest[part] = means.argmin(axis=1)
        b = means[rows, nearest[part]]
        larger = np.maximum(a, b)
        value[part] = np.where(
            (sizes[mine] > 1) & (larger > 0), (b - a) / np.where(larger > 0, larger, 1), 0.0
        )
    return value[back], nearest[back]


def _mean(value: np.ndarray, size: int) -> dict[str, float]:
    """Return the mean of a sample drawn without replacement, with its 95% interval."""
    n, mean = len(value), float(value.mean())
    spread = float(value.std(ddof=1)) if n > 1 else 0.0
    half = 1.959964 * spread * float(np.sqrt((1 - n / size) / n))
    return {
        "sampled": n,
        "mean": mean,
        "low": mean - half,
        "high": mean + half,
        "negative": float((value < 0).mean()),
    }
