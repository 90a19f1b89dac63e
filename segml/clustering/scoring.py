"""Segments of customers who stay where they are: the nearest centre, as SQL in the engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.utils.validation import check_is_fitted

from segml._core.errors import ParameterError
from segml.engine import Table
from segml.engine.sql import Fragment, literal
from segml.features import FeatureTable
from segml.features.scaling_sql import scaled_table

from .kmeans import KMeansSegmenter

_BLOCK = 128


def assign_segments(segmenter: KMeansSegmenter, features: FeatureTable | Table) -> Table:
    """Assign customers to k-means segments in the engine, without fetching them.

    Parameters
    ----------
    segmenter : KMeansSegmenter
        Fitted, to features that have names.
    features : FeatureTable or Table
        The same features, of any customers, on any engine: a FeatureTable, or a table with
        ``customer_id`` and a column per feature.

    Returns
    -------
    Table
        Lazy: ``customer_id``, ``segment`` (id) and ``name``, in no promised order. Both
        are missing where a distance cannot be computed: a feature is infinite, or is
        missing and the preprocessor has nothing to stand for it.

    Raises
    ------
    DataError
        A level is neither text, a whole number nor a truth value.
    MissingTableError
        A feature has no column.
    NotFittedError
        Before ``fit``.
    ParameterError
        The segmenter or a part of its preprocessor has no SQL.

    Notes
    -----
    Squared distances are summed in the order in which NumPy does it, and of equally near
    centres the lowest id wins, so that labels are those of ``predict``. Only logarithms,
    sines and cosines may differ in their last digit, which moves no customer but one
    whose two nearest centres are equally near to some 15 digits.

    Examples
    --------
    >>> import pandas as pd
    >>> from segml.engine import connect
    >>> frame = pd.DataFrame({"orders": [1, 1, 2, 20, 21]}, index=list("abcde"))
    >>> segmenter = KMeansSegmenter(n_segments=2).fit(frame)
    >>> customers = connect().sql("SELECT 'x' AS customer_id, 17 AS orders")
    >>> assign_segments(segmenter, customers).to_arrow().to_pylist()
    [{'customer_id': 'x', 'segment': 1, 'name': 'Frequent'}]
    """
    if not isinstance(segmenter, KMeansSegmenter):
        raise ParameterError(
            "these segments are not assigned in the engine",
            where="segmenter",
            got=type(segmenter).__name__,
            expected="a KMeansSegmenter",
            hint="score in memory: predict(features.to_pandas())",
        )
    check_is_fitted(segmenter)
    names = getattr(segmenter, "feature_names_in_", None)
    if names is None:
        raise ParameterError(
            "the segmenter was fitted to an array, whose columns have no names",
            where="segmenter",
            expected="a fit to a DataFrame or a FeatureTable",
        )
    table = features.table if isinstance(features, FeatureTable) else features
    scaled = scaled_table(segmenter.preprocessor_, table, [str(name) for name in names])
    distances = [_squared_distance(center) for center in segmenter.cluster_centers_]
    places = [f"distance_{i}" for i in range(len(distances))]
    nearest = f"least({', '.join(places)})" if len(places) > 1 else places[0]
    return table.engine.sql(
        "WITH measured AS (SELECT customer_id, {distances} FROM {scaled}),"
        " assigned AS (SELECT customer_id, CASE WHEN isfinite({nearest}) THEN CASE {nearest}"
        " {ids} END END AS segment FROM measured)"
        " SELECT customer_id, CAST(segment AS BIGINT) AS segment, CASE segment {names} END AS name"
        " FROM assigned",
        distances=Fragment(
            ", ".join(f"{sql} AS {place}" for sql, place in zip(distances, places, strict=True))
        ),
        nearest=Fragment(nearest),
        ids=Fragment(" ".join(f"WHEN {place} THEN {i}" for i, place in enumerate(places))),
        names=Fragment(
            " ".join(
                f"WHEN {segment} THEN {literal(str(name))}"
                for segment, name in enumerate(segmenter.segments_["name"])
            )
        ),
        scaled=scaled,
    )


def _squared_distance(center: np.ndarray) -> str:
    squares = []
    for i, value in enumerate(center):
        difference = f"(scaled_{i} - {literal(float(value))})"
        squares.append(f"{difference} * {difference}")
    return _sum(squares)


def _sum(terms: Sequence[str]) -> str:
    """Add terms pairwise in NumPy's order: eight sums side by side, blocks of up to 128.

    Examples
    --------
    >>> _sum(["a", "b", "c"])
    'a + b + c'
    """
    n = len(terms)
    if n < 8:
        return " + ".join(terms)
    if n > _BLOCK:
        half = n // 2 - n // 2 % 8
        return f"({_sum(terms[:half])}) + ({_sum(terms[half:])})"
    whole = n - n % 8
    a, b, c, d, e, f, g, h = (" + ".join(terms[j:whole:8]) for j in range(8))
    eight = f"((({a}) + ({b})) + (({c}) + ({d}))) + ((({e}) + ({f})) + (({g}) + ({h})))"
    return " + ".join([f"({eight})", *terms[whole:]])
