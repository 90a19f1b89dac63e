"""Whether a difference is more than chance: one comparison, and many at once."""

from __future__ import annotations

import numpy as np
from scipy.stats import t as student


def welch_p(inside: np.ndarray, outside: np.ndarray) -> float:
    """Return the two-sided p-value of equal means, whatever the variances.

    Parameters
    ----------
    inside, outside : ndarray
        Two samples.

    Returns
    -------
    float
        NaN where a sample has fewer than two values, or neither varies.

    Notes
    -----
    t = (m1 - m2) / sqrt(v1 + v2) with v = s²/n, on
    (v1 + v2)² / (v1² / (n1 - 1) + v2² / (n2 - 1)) degrees of freedom
    (Welch 1947, Biometrika 34, 28-35, eq. 28).

    Examples
    --------
    >>> round(welch_p(np.array([1.0, 2.0, 3.0]), np.array([4.0, 6.0, 11.0])), 2)
    0.13
    """
    n, m = len(inside), len(outside)
    if n < 2 or m < 2:
        return float("nan")
    unit = max(np.abs(inside).max(), np.abs(outside).max()) or 1.0  # squares stay in range
    inside, outside = inside / unit, outside / unit
    v, w = _variance(inside) / n, _variance(outside) / m
    if v + w == 0:
        return float("nan")
    ratio = v / (v + w)
    freedom = 1 / (ratio**2 / (n - 1) + (1 - ratio) ** 2 / (m - 1))
    difference = abs(inside.mean() - outside.mean()) / np.sqrt(v + w)
    return float(2 * student.sf(difference, freedom))


def _variance(values: np.ndarray) -> float:
    # Rounding of the mean leaves more than 0 of equal values.
    return float(values.var(ddof=1)) if np.ptp(values) else 0.0


def holm(p_values: np.ndarray) -> np.ndarray:
    """Return p-values adjusted for their number, missing where they are.

    Parameters
    ----------
    p_values : ndarray, shape (n,)
        Of comparisons that may depend on each other in any way.

    Returns
    -------
    ndarray, shape (n,)
        Those under α are significant, with a chance of at most α that any of them is
        false.

    Notes
    -----
    In order from the smallest of m, the j-th is the largest of (m - i + 1) p_i up to i = j,
    at most 1 (Holm 1979, Scandinavian Journal of Statistics 6(2), 65-70).

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, np.nan, 0.03])).round(3).tolist()
    [0.03, 0.06, nan, 0.06]
    """
    adjusted = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1)
    return adjusted
