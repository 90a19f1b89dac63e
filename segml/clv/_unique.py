"""Unique rows with counts: what the models compute on instead of customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

_MOST_CODES = 2**62  # the combined code of a row is one 64-bit integer
_DENSE = 8  # possible keys to a row, up to which a table of them is worth its memory


@dataclass(frozen=True)
class UniqueRows:
    """The distinct rows of a table, in sorted order.

    Parameters
    ----------
    first : ndarray of int, shape (m,)
        Position of one row of each kind in the table.
    counts : ndarray of float, shape (m,)
        How many rows, or how much weight, there is of each kind.
    inverse : ndarray of int, shape (n,)
        The kind of every row.
    """

    first: Codes
    counts: Floats
    inverse: Codes

    def __len__(self) -> int:
        return len(self.first)


def unique_rows(columns: Sequence[Floats], weights: Floats | None = None) -> UniqueRows:
    """Find the distinct rows of equally long columns.

    The columns are coded as whole numbers and the codes combined into one key per
    row.  Keys are looked up in a table of all that may occur or, where these are many
    more than the rows, hashed; only the distinct keys are then sorted.

    Parameters
    ----------
    columns : sequence of ndarray, each of shape (n,)
        Finite numbers, n of at least one.
    weights : ndarray of shape (n,), optional
        Weight of each row; one each by default.

    Returns
    -------
    UniqueRows
        Sorted by the columns in turn, whatever the order of the rows.

    Examples
    --------
    >>> kinds = unique_rows([np.array([2.0, 0.0, 2.0]), np.array([1.5, 0.5, 1.5])])
    >>> kinds.counts, kinds.inverse
    (array([1., 2.]), array([1, 0, 1]))
    """
    key, size = _coded(columns[0])
    for column in columns[1:]:
        codes, n_codes = _coded(column)
        if size * n_codes > _MOST_CODES:
            key, size = _coded(key)
        key = key * n_codes + codes
        size *= n_codes
    inverse, n_kinds = _ranked(key, size)
    first = np.empty(n_kinds, dtype=np.intp)
    first[inverse[::-1]] = np.arange(len(inverse) - 1, -1, -1)  # the first occurrence is last
    counts = np.bincount(inverse, weights=weights, minlength=n_kinds).astype(float)
    return UniqueRows(first, counts, inverse)


def _ranked(key: NDArray[np.int64], size: int) -> tuple[Codes, int]:
    """Return the rank of each key among the distinct ones, and how many there are."""
    if size <= _DENSE * len(key):  # a table of all keys that may occur is faster than a hash
        occurs = np.zeros(size, dtype=bool)
        occurs[key] = True
        rank = np.cumsum(occurs) - 1
        return rank[key], int(rank[-1]) + 1
    codes, kinds = pd.factorize(key)
    order = np.argsort(kinds)
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    return rank[codes], len(order)


def _coded(values: NDArray[np.float64] | NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    low, high = values.min(), values.max()
    if high - low < 2**31 and np.array_equal(values, np.floor(values)):
        return (values - low).astype(np.int64), int(high - low) + 1
    codes, kinds = pd.factorize(values, sort=True)
    return codes.astype(np.int64), len(kinds)
