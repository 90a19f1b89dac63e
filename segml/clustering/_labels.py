"""Segments as labels by customer, beside the rows of the features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from segml._core.check import number
from segml._core.errors import DataError, ParameterError

NOISE = -1


def labels_of(
    segments: Any, names: Mapping[int, str] | pd.Series | None = None
) -> tuple[pd.Series, dict[int, str]]:
    """Return labels by customer and names by segment id.

    Parameters
    ----------
    segments : Series or segmenter
        Segment ids indexed by customer, or a fitted segmenter, which brings its names.
    names : mapping or Series of int to str, optional
        Take precedence.

    Raises
    ------
    ParameterError
        It is neither, or the segmenter was fitted to an array, which knows no customers.

    Examples
    --------
    >>> labels_of(pd.Series([0, 1], index=["a", "b"]), {1: "Loyal"})[1]
    {1: 'Loyal'}
    """
    known = dict(names) if names is not None else {}
    if isinstance(segments, pd.Series):
        return segments, known
    labels = getattr(segments, "labels_", None)
    if not isinstance(labels, pd.Series):
        raise ParameterError(
            "these are not segments of customers",
            where="segments",
            got=type(segments).__name__,
            expected="a Series of segment ids indexed by customer, or a segmenter that was "
            "fitted to a table of customers",
        )
    table = getattr(segments, "segments_", None)
    own = {} if table is None else {int(i): str(name) for i, name in table["name"].items()}
    return labels, own | known


def aligned(labels: pd.Series, customers: pd.Index) -> pd.Series:
    """Return labels in the order of the customers.

    Raises
    ------
    DataError
        A customer has no segment or is there twice, or the customers are not the same.

    Examples
    --------
    >>> aligned(pd.Series([0, 1], index=["a", "b"]), pd.Index(["b", "a"])).tolist()
    [1, 0]
    """
    if labels.isna().any():
        raise DataError(
            "a customer has no segment", where="labels", got=f"{int(labels.isna().sum()):,} rows"
        )
    if customers.equals(labels.index):
        return labels
    for index, where in ((labels.index, "labels"), (customers, "features")):
        if index.has_duplicates:
            raise DataError(
                "a customer is there twice",
                where=where,
                got=f"{int(index.duplicated().sum()):,} rows of customers that came before",
            )
    if len(customers) != len(labels) or not customers.isin(labels.index).all():
        raise DataError(
            "the labels are not those of the customers of the features",
            got=f"{len(labels):,} labels, {len(customers):,} rows of features, "
            f"{int(customers.isin(labels.index).sum()):,} customers in both",
        )
    return labels.reindex(customers)


def coverage(level: Any) -> float:
    """Return the coverage of intervals, checked.

    Raises
    ------
    ParameterError
        It is not between 0 and 1.
    """
    found = number(level, "level", low=0, high=1, open_low=True)
    if found == 1:
        raise ParameterError(
            "level is out of range", where="level", got=level, expected="between 0 and 1"
        )
    return found


def named_segments(ids: np.ndarray, sizes: np.ndarray, names: Mapping[int, str]) -> pd.DataFrame:
    """Return name, size and share of segments, by id; shares are of all that have one."""
    return pd.DataFrame(
        {
            "name": [str(names.get(i, "noise" if i == NOISE else f"segment {i}")) for i in ids],
            "size": sizes,
            "share": sizes / sizes.sum(),
        },
        index=pd.Index(ids, name="segment"),
    )
