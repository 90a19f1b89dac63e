"""k-means of customers who stay where they are: Lloyd's algorithm in the engine."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import clone

from segml._core.check import number
from segml._core.errors import MissingTableError, NotEnoughDataError, ParameterError
from segml.engine import Table
from segml.features import FeatureTable
from segml.features.scaling_sql import scaled_table

from ._lloyd_sql import Scan
from .kmeans import KMeansSegmenter

_MAX_ITER = 300  # as scikit-learn has it, and the tolerance
_TOLERANCE = 1e-4


def fit_segments(
    segmenter: KMeansSegmenter, features: FeatureTable | Table, *, sample_size: int = 100_000
) -> KMeansSegmenter:
    """Find k-means segments of any number of customers, without fetching them.

    Parameters
    ----------
    segmenter : KMeansSegmenter
        With what parameters; it is not changed itself. Its preprocessor is one that
        `make_preprocessor` builds, scikit-learn's StandardScaler, or none.
    features : FeatureTable or Table
        On any engine: a FeatureTable, or a table with ``customer_id`` and a column per
        feature. It is read once in each iteration: what takes long to compute is
        materialised, or written as Parquet, beforehand.
    sample_size : int, default 100_000
        About how many customers are fetched to begin with. If there are no more, the
        result is that of ``KMeansSegmenter.fit``.

    Returns
    -------
    KMeansSegmenter
        Fitted, with sizes and centres of all customers, but without ``labels_``, which
        `assign_segments` computes in the engine.

    Raises
    ------
    DataError
        As ``KMeansSegmenter.fit``.
    MissingTableError
        Customers have no id.
    NotEnoughDataError
        There are no customers, or fewer distinct ones in the sample than segments.
    ParameterError
        The segmenter has an embedding or its preprocessor has no SQL; a parameter is out
        of range.

    Notes
    -----
    The preprocessor is fitted to a sample, of those customers whose hashed ids are the
    smallest: the same customers in every run and on every engine. There k-means starts
    ``n_init`` times; from the best centres Lloyd's algorithm goes on over all customers,
    one scan for an iteration, until the centres move by no more than scikit-learn's
    tolerance (1e-4 of the mean variance of columns, for their squared moves together).

    Examples
    --------
    >>> from segml.engine import connect
    >>> customers = connect().sql(
    ...     "SELECT i AS customer_id, i % 3 * 10 + i % 2 AS orders FROM range(3000) AS t (i)"
    ... )
    >>> segmenter = fit_segments(KMeansSegmenter(n_segments=3), customers, sample_size=500)
    >>> segmenter.segments_["size"].tolist()
    [1000, 1000, 1000]
    """
    least = int(number(sample_size, "sample_size", low=1, whole=True))
    if not isinstance(segmenter, KMeansSegmenter) or segmenter.embedding is not None:
        raise ParameterError(
            "these segments are not found in the engine",
            where="segmenter",
            got=segmenter,
            expected="a KMeansSegmenter without an embedding",
            hint="fit in memory, to a sample of the customers",
        )
    table = features.table if isinstance(features, FeatureTable) else features
    sample, is_all = _sample(table, least)
    given = features if isinstance(features, FeatureTable) else sample
    if is_all:
        fitted = clone(segmenter).fit(given)
    else:
        # The least size and the names that are asked for are of segments of all customers.
        fitted = clone(segmenter).set_params(min_segment_size=1, names=None).fit(sample)
        fitted.set_params(min_segment_size=segmenter.min_segment_size, names=segmenter.names)
        scaled = fitted._scale(sample)
        sizes = _go_on(fitted, table, scaled)
        fitted.segments_ = fitted._describe(given, scaled, fitted.cluster_centers_, sizes)
    del fitted.labels_
    return fitted


def _sample(table: Table, size: int) -> tuple[pd.DataFrame, bool]:
    """Fetch about so many customers, by their hashed ids, and say whether it is all of them."""
    if "customer_id" not in table.types:
        raise MissingTableError(
            "customers have no id", where="column customer_id", got=", ".join(table.columns)
        )
    count = len(table)
    if not count:
        raise NotEnoughDataError("there are no customers", got="0 rows of features")
    if count <= size:
        return table.to_pandas().set_index("customer_id"), True
    highest = f"{int(size / count * 16**8):08x}"
    text = "SELECT * FROM {table} WHERE substr(md5(CAST(customer_id AS VARCHAR)), 1, 8) < {highest}"
    sample = table.engine.sql(text, table=table, highest=highest).to_pandas()
    return sample.set_index("customer_id"), False


def _go_on(fitted: KMeansSegmenter, table: Table, scaled: np.ndarray) -> np.ndarray:
    """Go on from the centres of a sample, over all customers; return the segments' sizes."""
    names = [str(name) for name in fitted.feature_names_in_]
    centers = fitted.cluster_centers_
    columns = [name for _, name in fitted._columns(scaled.shape[1])]
    scan = Scan(scaled_table(fitted.preprocessor_, table, names), columns)
    tolerance = _TOLERANCE * float(scaled.var(axis=0).mean())
    dissolved = []
    while True:
        centers, sizes, fitted.n_iter_ = _lloyd(scan, centers, tolerance)
        rank = np.lexsort((*centers.T[::-1], -sizes))
        if not (reason := fitted._objection(sizes)):
            break
        reason = f"{fitted._called(rank[-1])} {reason}"
        dissolved.append({"size": int(sizes[rank[-1]]), "reason": reason})
        centers = np.delete(centers, rank[-1], axis=0)
    found = scan.once(centers[rank])
    fitted.cluster_centers_, fitted.inertia_ = centers[rank], found.inertia
    fitted.dissolved_ = pd.DataFrame(dissolved, columns=["size", "reason"])
    fitted._ids, fitted._n_features_out = np.arange(len(rank)), len(rank)
    return found.sizes


def _lloyd(scan: Scan, centers: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Return where the centres come to rest, how many customers each had, and iterations."""
    n_iter, moved = 0, np.inf
    while moved > tolerance and n_iter < _MAX_ITER:
        found = scan.once(centers)
        moved = ((found.means - centers) ** 2).sum()
        centers = found.means
        n_iter += 1
    return centers, found.sizes, n_iter
