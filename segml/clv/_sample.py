"""A few of many weighted rows, on which a climb begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._unique import Codes, Floats

_ROWS = 4_000  # enough to come near the optimum
_MANY = 20_000  # rows, below which there is nothing to save


@dataclass(frozen=True)
class Sample:
    """Some rows that stand for all.

    Parameters
    ----------
    rows : ndarray of int, shape (m,)
        Their positions.
    weights : ndarray of shape (m,)
        What each stands for; they sum to the weight of all rows.
    """

    rows: Codes
    weights: Floats


def sampled(weights: Floats) -> Sample | None:
    """Draw rows at equal steps of the cumulated weight; None where all are few.

    Rows that are sorted are so drawn from all parts of the table, in proportion to their
    weight, and the same ones every time.

    Parameters
    ----------
    weights : ndarray of shape (n,)
        Weight of each row, greater than 0.

    Examples
    --------
    >>> few = sampled(np.full(50_000, 2.0))
    >>> len(few.rows), few.weights.sum()
    (4000, np.float64(100000.0))
    >>> sampled(np.ones(5)) is None
    True
    """
    if len(weights) < _MANY:
        return None
    reached = np.cumsum(weights)
    at = (np.arange(_ROWS) + 0.5) * (reached[-1] / _ROWS)
    rows, times = np.unique(np.searchsorted(reached, at), return_counts=True)
    return Sample(rows, times * (reached[-1] / _ROWS))
