"""Customers as rows: one form of input for all segmenters, whatever it came as."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from segml._core.errors import DataError, NotEnoughDataError
from segml.features import Feature, FeatureTable
from segml.features.registry import find_feature


def as_frame(X: Any) -> Any:
    """Return tables of any kind as a DataFrame indexed by customer; arrays stay arrays.

    Polars and Arrow tables carry no index: a column ``customer_id`` becomes it.
    """
    if isinstance(X, FeatureTable):
        return X.to_pandas()
    if isinstance(X, pa.Table):
        X = X.to_pandas()
    elif type(X).__module__.split(".")[0] == "polars":
        X = X.to_arrow().to_pandas()
    if isinstance(X, pd.DataFrame) and "customer_id" in X.columns:
        X = X.set_index("customer_id")
    return X


def features_of(X: Any, names: Iterable[Any]) -> dict[str, Feature]:
    """Return what is known of columns: by a feature table itself, else by the registry."""
    own = {one.name: one for one in X.features} if isinstance(X, FeatureTable) else {}
    for name in names:
        if name not in own and isinstance(name, str) and (found := find_feature(name)):
            own[name] = found
    return own


def value_order(values: np.ndarray) -> np.ndarray:
    """Return the positions of rows in the order of their values, column by column.

    As ``np.lexsort`` of the columns, but only rows that tie so far are looked at further.

    Examples
    --------
    >>> value_order(np.array([[2.0, 1.0], [1.0, 5.0], [1.0, 3.0]])).tolist()
    [2, 1, 0]
    """
    order = np.argsort(values[:, 0], kind="stable")
    first = np.ones(len(values) + 1, dtype=bool)  # whether a row differs from the one before
    first[1:-1] = values[order[1:], 0] != values[order[:-1], 0]
    for column in values.T[1:]:
        tied = np.flatnonzero(~(first[:-1] & first[1:]))
        if not len(tied):
            break
        rows = order[tied]
        order[tied] = rows[np.lexsort((column[rows], np.cumsum(first[tied])))]
        first[1:-1] |= column[order[1:]] != column[order[:-1]]
    return order


def distinct_rows(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each distinct row is first in the order of values, and which one each row is.

    Examples
    --------
    >>> distinct_rows(np.array([[2.0], [1.0], [2.0]]))
    (array([1, 0]), array([1, 0, 1]))
    """
    order = value_order(values)
    new = _is_new(values[order])
    place = np.empty(len(values), dtype=int)
    place[order] = np.cumsum(new) - 1
    return order[new], place


def _is_new(rows: np.ndarray) -> np.ndarray:
    """Return whether each row differs from the one before."""
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    return new


def check_distinct(values: np.ndarray, n_segments: int) -> None:
    """Refuse fewer distinct customers, in the order of their values, than segments.

    Raises
    ------
    NotEnoughDataError
        Says how many there are.
    """
    distinct = int(_is_new(values).sum())
    if distinct < n_segments:
        raise NotEnoughDataError(
            "there are fewer distinct customers than segments",
            where="n_segments",
            got=f"n_segments={n_segments}, n_samples={len(values)} of which {distinct} differ",
        )


def check_complete(values: np.ndarray, names: list[str]) -> None:
    """Refuse missing and infinite values.

    Raises
    ------
    DataError
        Names the columns, how many values, and the first row.
    """
    names = names or [f"column {j}" for j in range(values.shape[1])]
    bad = ~np.isfinite(values)
    if not bad.any():
        return
    per_column = bad.sum(axis=0)
    columns = [f"{names[j]}: {per_column[j]:,}" for j in np.flatnonzero(per_column)]
    raise DataError(
        "the features hold NaN or infinite values",
        where=f"first in row {int(np.flatnonzero(bad.any(axis=1))[0]) + 1}",
        got=", ".join(columns),
        expected="a number for every customer and feature",
        hint="give a preprocessor, such as make_preprocessor, or leave the feature out",
    )


def check_numbers(X: Any) -> None:
    """Refuse a DataFrame with text.

    Raises
    ------
    DataError
        Names the columns.
    """
    if not isinstance(X, pd.DataFrame):
        return
    text = [
        str(name)
        for name, column in X.items()
        if (pd.to_numeric(column, errors="coerce").isna() & column.notna()).any()
    ]
    if text:
        raise DataError(
            "some features are not numbers",
            got=", ".join(text),
            expected="numbers, or no column",
            hint="give a preprocessor, such as make_preprocessor",
        )


def like_frame(values: np.ndarray, X: Any, rows: Any = slice(None)) -> Any:
    """Return values under the columns of a DataFrame and the index of those of its rows."""
    if isinstance(X, pd.DataFrame):
        # Not copied, as pandas would do so by column: sums in another order differ.
        return pd.DataFrame(values, index=X.index[rows], columns=X.columns, copy=False)
    return values


def like_input(labels: np.ndarray, X: Any, name: str = "segment") -> Any:
    """Return labels indexed as a DataFrame was; as an array where an array came in."""
    if isinstance(X, pd.DataFrame):
        return pd.Series(labels, index=X.index, name=name)
    return labels


def as_dense(scaled: Any) -> np.ndarray:
    """Return what a preprocessor gives as a matrix in double precision."""
    dense = scaled.toarray() if hasattr(scaled, "toarray") else scaled
    return np.ascontiguousarray(dense, dtype=float)
