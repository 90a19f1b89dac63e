"""A few of many weighted rows, on which a climb begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from segml._core.errors import ConvergenceError

from ._fit import Optimum
from ._unique import Codes, Floats

_ROWS = 2_000  # enough to come near the optimum
_MANY = 6_000  # rows, below which there is nothing to save


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
    (2000, np.float64(100000.0))
    >>> sampled(np.ones(5)) is None
    True
    """
    if len(weights) < _MANY:
        return None
    reached = np.cumsum(weights)
    at = (np.arange(_ROWS) + 0.5) * (reached[-1] / _ROWS)
    rows, times = np.unique(np.searchsorted(reached, at), return_counts=True)
    return Sample(rows, times * (reached[-1] / _ROWS))


def near_optimum(
    maximum: Callable[[Codes, Floats], Optimum], weights: Floats, starts: list[list[float]]
) -> list[list[float]]:
    """Return where to begin a climb over all rows: at the maximum over a few.

    Parameters
    ----------
    maximum : callable
        From positions and weights of some rows to the optimum over them.
    weights : ndarray of shape (n,)
        Weight of each row, greater than 0.
    starts : list of list of float
        Where to begin otherwise: all rows are few, or there is no maximum over the few.
    """
    few = sampled(weights)
    if few is None:
        return starts
    try:
        return [maximum(few.rows, few.weights).parameters.tolist()]
    except ConvergenceError:
        return starts
