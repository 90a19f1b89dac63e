"""Customers as rows: one form of input for all segmenters, whatever it came as."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from segml._core.errors import DataError
from segml.features import FeatureTable


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


def check_complete(values: np.ndarray, names: list[str]) -> None:
    """Refuse missing and infinite values.

    Raises
    ------
    DataError
        Names the columns, how many values, and the first row.
    """
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
        hint="leave the feature out, or say what a missing value means and fill it",
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
            "some features are not numbers", got=", ".join(text), expected="numbers, or no column"
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
