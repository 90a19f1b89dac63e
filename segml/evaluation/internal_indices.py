"""Indices of how compact and how far apart segments are, from the features alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from scipy.stats import norm
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_samples
from threadpoolctl import threadpool_limits

from segml._core.seeds import generator
from segml.clustering._labels import NOISE
from segml.clustering._separation import border_density

_LOOKED_AT = 2000  # customers who are compared with each other: that takes time as their square

#: What each index is, and which way is better.
INDICES = {
    "silhouette": ("nearer to the own segment (1) than to the next (-1), on average", "higher"),
    "Calinski-Harabasz": ("variance between segments for that within, per degree", "higher"),
    "Davies-Bouldin": ("spread of two segments for their distance, of the worst pairs", "lower"),
    "DBCV": ("density at the borders (-1) or in gaps (1), noise counting 0", "higher"),
    "border density": ("customers at the worst border for each one at a centre", "lower"),
    "within-segment variance": ("share of the variance of the features within segments", "lower"),
}


def internal_indices(
    points: np.ndarray, labels: np.ndarray, level: float = 0.95, random_state: int = 0
) -> pd.DataFrame:
    """Compute indices of compact and separate segments.

    Parameters
    ----------
    points : ndarray, shape (n_customers, n_columns)
        Features on a common scale.
    labels : ndarray of int, shape (n_customers,)
        Segment ids, -1 for noise.
    level : float, default 0.95
        Coverage of the interval of the silhouette.
    random_state : int, default 0
        Seed of the sample.

    Returns
    -------
    DataFrame
        By index (see `INDICES`): ``value``, ``low`` and ``high`` where there is an interval,
        ``n`` (customers looked at), ``better`` ("higher" or "lower"), ``meaning``, ``reason``
        where it has no value.

    Notes
    -----
    Silhouette (Rousseeuw 1987) and DBCV (Moulavi et al. 2014) take time as the square of
    the customers and are computed on a sample of 2,000 of more, in the order given. DBCV
    falls with the density of the sample: compare it between samples of one size. Noise
    counts as 0 in DBCV and is left out of the others. These say whether segments have a
    shape, not whether they are of use.

    References
    ----------
    Rousseeuw, P. J. (1987). Silhouettes. J. Comput. Appl. Math. 20, 53-65.
    Calinski, T. and Harabasz, J. (1974). A dendrite method for cluster analysis.
    Communications in Statistics 3(1), 1-27.
    Davies, D. L. and Bouldin, D. W. (1979). A cluster separation measure. IEEE Transactions
    on Pattern Analysis and Machine Intelligence 1(2), 224-227.

    Examples
    --------
    >>> points = np.array([[0.0], [1], [2], [3], [20], [21], [22], [23]])
    >>> found = internal_indices(points, np.repeat([0, 1], 4))
    >>> found["value"].round(2).to_dict()["silhouette"]
    0.92
    """
    inside = labels != NOISE
    own, ids = points[inside], labels[inside]
    n_segments = len(np.unique(ids))
    reason = ""
    if n_segments < 2:
        reason = "a single segment has nothing to be apart from"
    elif n_segments == len(ids):
        reason = "each segment is a single customer"
    elif np.ptp(own, axis=0).max() == 0:
        reason = "all customers have the same features"
    sample, all_sample = _sample(len(ids), random_state), _sample(len(labels), random_state)
    found: dict[str, tuple[float, float, float, int, str]] = {}
    missing = (np.nan, np.nan, np.nan, len(ids), reason)
    if reason:
        found = dict.fromkeys(INDICES, missing)
    else:
        with threadpool_limits(limits=1):  # other sums on several threads
            found["silhouette"] = _silhouette(own[sample], ids[sample], level)
            exact = {
                "Calinski-Harabasz": calinski_harabasz_score(own, ids),
                "Davies-Bouldin": davies_bouldin_score(own, ids),
                "border density": border_density(own, ids),
                "within-segment variance": _within(own, ids),
            }
            found |= {name: _said(value, len(ids)) for name, value in exact.items()}
            found["DBCV"] = _said(dbcv(points[all_sample], labels[all_sample]), len(all_sample))
    rows = [
        dict(zip(("value", "low", "high", "n", "reason"), found[name], strict=True))
        | {"better": better, "meaning": meaning}
        for name, (meaning, better) in INDICES.items()
    ]
    columns = ["value", "low", "high", "n", "better", "meaning", "reason"]
    return pd.DataFrame(rows, index=pd.Index(INDICES, name="index"))[columns]


def within_spread(points: np.ndarray, labels: np.ndarray) -> pd.Series:
    """Return how spread out each segment is: its variance for that of all customers.

    Parameters
    ----------
    points : ndarray, shape (n_customers, n_columns)
        Features on a common scale.
    labels : ndarray of int, shape (n_customers,)
        Segment ids; noise is a group as well.

    Returns
    -------
    Series
        By segment id: 0 where all of a segment are alike, 1 where they are as spread out as
        all customers; missing where all customers are alike.

    Examples
    --------
    >>> within_spread(np.array([[0.0], [0], [1], [3]]), np.array([0, 0, 1, 1])).round(2).tolist()
    [0.0, 0.67]
    """
    spreads, _ = _spreads(points, labels)
    return pd.Series(spreads, index=pd.Index(np.unique(labels), name="segment"))


def _spreads(points: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the variance of each segment for that of all, and how many customers it has."""
    codes = np.unique(labels, return_inverse=True)[1]
    sizes = np.bincount(codes)
    means = np.stack([np.bincount(codes, column) / sizes for column in points.T], axis=1)
    squares = ((points - means[codes]) ** 2).sum(axis=1)
    total = ((points - points.mean(axis=0)) ** 2).sum() / len(points)
    if total == 0:
        return np.full(len(sizes), np.nan), sizes
    return np.bincount(codes, squares) / sizes / total, sizes


def _within(points: np.ndarray, labels: np.ndarray) -> float:
    spreads, sizes = _spreads(points, labels)
    return float(np.average(spreads, weights=sizes))


def _sample(n: int, seed: int) -> np.ndarray:
    if n <= _LOOKED_AT:
        return np.arange(n)
    return np.sort(generator(seed, "internal indices").choice(n, _LOOKED_AT, replace=False))


def _said(value: float, n: int) -> tuple[float, float, float, int, str]:
    known = np.isfinite(value)
    reason = "" if known else "two segments have the same centre, or too few customers"
    return float(value) if known else np.nan, np.nan, np.nan, n, reason


def _silhouette(
    points: np.ndarray, labels: np.ndarray, level: float
) -> tuple[float, float, float, int, str]:
    n = len(labels)
    if not 1 < len(np.unique(labels)) < n:
        return np.nan, np.nan, np.nan, n, "the sample has customers of one segment only"
    values = silhouette_samples(points, labels)
    half = norm.ppf(0.5 + level / 2) * values.std(ddof=1) / np.sqrt(n)
    mean = float(values.mean())
    return mean, max(mean - half, -1.0), min(mean + half, 1.0), n, ""


def dbcv(points: np.ndarray, labels: np.ndarray) -> float:
    r"""Compute the density-based index of Moulavi and others.

    Parameters
    ----------
    points : ndarray, shape (n_customers, n_columns)
        On a common scale; their distances are all held at once.
    labels : ndarray of int, shape (n_customers,)
        Segment ids, -1 for noise, which lowers the index.

    Returns
    -------
    float
        From -1 to 1; NaN with fewer than two segments.

    Notes
    -----
    With the core distance of a customer i of a segment of n in d dimensions
    :math:`a(i) = (\frac{1}{n - 1} \sum_j |i - j|^{-d})^{-1/d}` and mutual reachability
    :math:`\max(a(i), a(j), |i - j|)`, the sparseness of a segment is the longest inner edge of
    its minimum spanning tree (both ends of degree above 1), its separation the least
    reachability from an inner customer to one of another segment (definitions 1-8 [1]_). The
    index is the mean over all customers of (separation - sparseness) / larger of the two.
    Customers of the same features have core distance 0; a segment of one customer counts 0.

    References
    ----------
    .. [1] Moulavi, D., Jaskowiak, P. A., Campello, R. J. G. B., Zimek, A. and Sander, J.
       (2014). Density-based clustering validation. SIAM Data Mining, 839-847.

    Examples
    --------
    >>> points = np.array([[0.0], [1], [2], [3], [20], [21], [22], [23]])
    >>> round(dbcv(points, np.repeat([0, 1], 4)), 2)
    0.94
    """
    ids = [label for label in np.unique(labels) if label != NOISE and (labels == label).sum() > 1]
    if len(ids) < 2:
        return float("nan")
    inner, core, sparse = [], [], []
    for label in ids:
        own = points[labels == label]
        apart = cdist(own, own)
        a = _core_distances(apart, points.shape[1])
        # Many reachabilities are the same core distance, and there are several such trees: that
        # of the densest customers is the same whatever order they came in.
        order = np.argsort(a, kind="stable")
        own, apart, a = own[order], apart[np.ix_(order, order)], a[order]
        nodes, longest = _inner_tree(np.maximum(apart, np.maximum(a[:, None], a)))
        inner.append(own[nodes])
        core.append(a[nodes])
        sparse.append(longest)
    separation = np.full((len(ids), len(ids)), np.inf)
    for j in range(len(ids)):
        for i in range(j):
            reach = np.maximum(cdist(inner[i], inner[j]), core[i][:, None])
            separation[i, j] = separation[j, i] = np.maximum(reach, core[j]).min()
    total = 0.0
    for label, least, longest in zip(ids, separation.min(axis=1), sparse, strict=True):
        larger = max(least, longest)
        total += (labels == label).sum() * ((least - longest) / larger if larger > 0 else 0.0)
    return float(total / len(labels))


def _core_distances(apart: np.ndarray, d: int) -> np.ndarray:
    """Return all-points core distances; in logarithms, as powers of small distances overflow."""
    with np.errstate(divide="ignore"):
        logs = -d * np.log(apart)
    np.fill_diagonal(logs, -np.inf)
    most = logs.max(axis=1)
    twin = np.isposinf(most)  # another customer has the same features
    safe = np.where(twin, 0.0, most)
    with np.errstate(over="ignore"):
        sums = np.exp(np.where(twin[:, None], -np.inf, logs) - safe[:, None]).sum(axis=1)
    found = np.zeros(len(apart))
    found[~twin] = np.exp(-(safe + np.log(np.where(twin, 1.0, sums)))[~twin] / d)
    return found * (len(apart) - 1) ** (1 / d)


def _inner_tree(reach: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the inner nodes of the minimum spanning tree (Prim's), and its longest inner edge.

    Customers come from the densest place on.
    """
    n = len(reach)
    index = np.arange(n)
    parent, best = np.zeros(n, dtype=int), reach[0].copy()
    waiting = index > 0
    edges = np.empty((n - 1, 2), dtype=int)
    for step in range(n - 1):
        # Edges by length and, where as long, by the denser of their ends.
        denser = np.minimum(parent, index)
        at = np.flatnonzero(waiting)
        at = at[best[at] == best[at].min()]
        node = int(at[denser[at].argmin()])
        edges[step] = parent[node], node
        waiting[node] = False
        tied = (reach[node] == best) & (np.minimum(node, index) < denser)
        nearer = waiting & ((reach[node] < best) | tied)
        best[nearer], parent[nearer] = reach[node][nearer], node
    degree = np.bincount(edges.ravel(), minlength=n)
    lengths = reach[edges[:, 0], edges[:, 1]]
    inner = (degree[edges] > 1).all(axis=1)
    # Two customers have no inner node, three no inner edge: what there is counts.
    nodes = np.flatnonzero(degree > 1) if n > 2 else np.arange(n)
    return nodes, float(lengths[inner].max() if inner.any() else lengths.max())
