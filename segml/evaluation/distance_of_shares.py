"""How far apart two shares are, with the interval of the difference."""

from __future__ import annotations

import numpy as np

from segml.kpis.intervals import wilson


def difference_of(
    before: int, n: int, after: int, m: int, level: float
) -> tuple[float, float, float]:
    """Return the difference of two shares with its interval.

    Notes
    -----
    From Wilson's intervals of the two (Newcombe 1998, Statistics in Medicine 17, 873-890,
    method 10), for customers drawn independently.

    Examples
    --------
    >>> [round(value, 4) for value in difference_of(48, 80, 56, 70, 0.95)]
    [0.2, 0.0524, 0.3339]
    """
    first = (before / n, *wilson(before, n, level))
    return mover((after / m, *wilson(after, m, level)), first)


def mover(
    one: tuple[float, float, float], other: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Return the difference of two estimates with its interval, from theirs.

    Parameters
    ----------
    one, other : tuple of float
        Estimate and ends of its interval; they are independent.

    Notes
    -----
    With d the difference, from d - sqrt((a - l)² + (u' - a')²) to
    d + sqrt((u - a)² + (a' - l')²) (Zou and Donner 2008, Statistics in Medicine 27,
    1693-1702, eq. 3).
    """
    (a, low, high), (b, low_b, high_b) = one, other
    difference = a - b
    return (
        difference,
        difference - float(np.hypot(a - low, high_b - b)),
        difference + float(np.hypot(high - a, b - low_b)),
    )
