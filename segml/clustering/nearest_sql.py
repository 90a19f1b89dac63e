"""The nearest of some centres, as SQL in the engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from segml.engine import Table
from segml.engine.sql import Fragment, literal

_BLOCK = 128


def nearest_center(scaled: Table, centers: np.ndarray) -> Table:
    """Define the nearest centre of each customer.

    Parameters
    ----------
    scaled : Table
        ``customer_id``, ``scaled_0``, ``scaled_1``, ... such as `scaled_table` defines.
    centers : ndarray, shape (n_segments, n_columns)
        On that scale.

    Returns
    -------
    Table
        Lazy: the columns of `scaled`, ``squared_distance`` and ``segment`` (the place of
        the centre), the latter missing where the distance is missing or infinite.

    Notes
    -----
    Squared distances are summed in the order in which NumPy does it, and of equally near
    centres the first wins, so that segments are those of ``KMeansSegmenter.predict``.

    Examples
    --------
    >>> from segml.engine import connect
    >>> scaled = connect().sql("SELECT 'x' AS customer_id, 2.5 AS scaled_0")
    >>> nearest_center(scaled, np.array([[0.0], [2.0]])).to_arrow().to_pylist()[0]["segment"]
    1
    """
    distances = [_squared_distance(center) for center in centers]
    places = [f"distance_{i}" for i in range(len(distances))]
    nearest = f"least({', '.join(places)})" if len(places) > 1 else places[0]
    return scaled.engine.sql(
        "WITH measured AS (SELECT *, {distances} FROM {scaled}),"
        " nearest AS (SELECT *, {nearest} AS squared_distance FROM measured)"
        " SELECT {columns}, squared_distance, CAST(CASE WHEN isfinite(squared_distance) THEN"
        " CASE squared_distance {ids} END END AS BIGINT) AS segment FROM nearest",
        distances=Fragment(
            ", ".join(f"{sql} AS {place}" for sql, place in zip(distances, places, strict=True))
        ),
        nearest=Fragment(nearest),
        columns=Fragment(", ".join(scaled.columns)),
        ids=Fragment(" ".join(f"WHEN {place} THEN {i}" for i, place in enumerate(places))),
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
