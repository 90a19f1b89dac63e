"""Differences and ratios of two shares: score tests and the intervals that they give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import norm

_HALVINGS = 60
_WIDEST = 1e9  # a ratio of shares beyond which none is looked for


def share_p_value(x1: Any, n1: Any, x0: Any, n0: Any) -> np.ndarray:
    """Return the two-sided p-value of equal shares; 1 where nobody or everybody converts.

    Parameters
    ----------
    x1, n1, x0, n0 : array_like
        Conversions and customers of a variant and of the control; customers above 0. Not
        necessarily whole.

    Notes
    -----
    The score test at a difference of 0, which is (N - 1) / N times Pearson's chi-square
    (Campbell 2007, Statistics in Medicine 26, 3661-3675).

    Examples
    --------
    >>> share_p_value(20, 100, 10, 100).round(4).tolist()
    0.0482
    """
    z = _difference_z(0.0, *(np.asarray(value, dtype=float) for value in (x1, n1, x0, n0)))
    return 2 * norm.sf(np.abs(np.nan_to_num(z)))


def share_difference(
    x1: Any, n1: Any, x0: Any, n0: Any, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval of Miettinen and Nurminen of a difference of shares.

    Parameters
    ----------
    x1, n1, x0, n0 : array_like
        Conversions and customers of a variant and of the control.
    level : float
        Coverage.

    Notes
    -----
    All differences that the score test does not reject. The test estimates the variance at
    the difference tested, with the factor N / (N - 1) (Miettinen and Nurminen 1985,
    Statistics in Medicine 4, 213-226, eqs. 8 and 9 and Appendix I). It holds 0 whenever
    `share_p_value` is above 1 - `level`.

    Examples
    --------
    >>> low, high = share_difference(20, 100, 10, 100, 0.95)
    >>> low.round(4).tolist(), high.round(4).tolist()
    (0.0008, 0.2018)
    """
    data = np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in (x1, n1, x0, n0)))
    x1, n1, x0, n0 = data
    found = x1 / n1 - x0 / n0
    z = norm.ppf(0.5 + level / 2)

    def statistic(difference: np.ndarray) -> np.ndarray:
        return _difference_z(difference, *data)

    low = _bisect(statistic, np.full_like(found, -1.0), found, z)
    high = _bisect(statistic, np.full_like(found, 1.0), found, -z)
    # Exact at the ends, where halving stops just short of them.
    return np.where(found == -1, -1.0, low), np.where(found == 1, 1.0, high)


def share_ratio(x1: Any, n1: Any, x0: Any, n0: Any, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval of Miettinen and Nurminen of a ratio of shares.

    Parameters
    ----------
    x1, n1, x0, n0 : array_like
        Conversions and customers of a variant and of the control.
    level : float
        Coverage.

    Returns
    -------
    low, high : ndarray
        Missing where the control has no conversion.

    Notes
    -----
    As `share_difference`, by their eqs. 10 to 12.

    Examples
    --------
    >>> low, high = share_ratio(20, 100, 10, 100, 0.95)
    >>> low.round(2).tolist(), high.round(2).tolist()
    (1.01, 4.03)
    """
    data = np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in (x1, n1, x0, n0)))
    x1, n1, x0, n0 = data
    z = norm.ppf(0.5 + level / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.log(np.where(x1 > 0, (x1 / n1) / (x0 / n0), 1 / _WIDEST))
    found = np.where(x0 > 0, found, np.nan)
    end = np.full_like(found, np.log(_WIDEST))

    def statistic(log_ratio: np.ndarray) -> np.ndarray:
        return _ratio_z(np.exp(log_ratio), *data)

    low = np.where(x1 > 0, np.exp(_bisect(statistic, -end, found, z)), 0.0)
    high = np.exp(_bisect(statistic, end, found, -z))
    return np.where(x0 > 0, low, np.nan), np.where(x0 > 0, high, np.nan)


def _bisect(
    statistic: Callable[[np.ndarray], np.ndarray],
    outside: np.ndarray,
    inside: np.ndarray,
    target: float,
) -> np.ndarray:
    """Return where a statistic that falls along its argument crosses the target."""
    for _ in range(_HALVINGS):
        middle = (outside + inside) / 2
        beyond = np.abs(statistic(middle)) > abs(target)
        outside, inside = np.where(beyond, middle, outside), np.where(beyond, inside, middle)
    return (outside + inside) / 2


def _difference_z(
    difference: Any, x1: np.ndarray, n1: np.ndarray, x0: np.ndarray, n0: np.ndarray
) -> np.ndarray:
    """Return the score statistic of a difference; the shares under it solve a cubic."""
    total, count = n1 + n0, x1 + x0
    l2 = (n1 + 2 * n0) * difference - total - count
    l1 = (n0 * difference - total - 2 * x0) * difference + count
    l0 = x0 * difference * (1 - difference)
    q = l2**3 / (3 * total) ** 3 - l1 * l2 / (6 * total**2) + l0 / (2 * total)
    root = np.sqrt(np.maximum(l2**2 / (3 * total) ** 2 - l1 / (3 * total), 0))
    root = np.where(q < 0, -root, root)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(root == 0, 0.0, q / root**3)
        angle = (np.pi + np.arccos(np.clip(ratio, -1, 1))) / 3
        p0 = np.clip(2 * root * np.cos(angle) - l2 / (3 * total), 0, 1)
        p1 = np.clip(p0 + difference, 0, 1)
        variance = (p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0) * total / (total - 1)
        return (x1 / n1 - x0 / n0 - difference) / np.sqrt(variance)


def _ratio_z(
    ratio: np.ndarray, x1: np.ndarray, n1: np.ndarray, x0: np.ndarray, n0: np.ndarray
) -> np.ndarray:
    """Return the score statistic of a ratio; the shares under it solve a quadratic."""
    total = n1 + n0
    a, b, c = total * ratio, n1 * ratio + x1 + n0 + x0 * ratio, x1 + x0
    with np.errstate(divide="ignore", invalid="ignore"):
        # The form of the root that does not cancel where the ratio is small.
        p0 = np.clip(2 * c / (b + np.sqrt(np.maximum(b**2 - 4 * a * c, 0))), 0, 1)
        p1 = np.clip(ratio * p0, 0, 1)
        variance = (p1 * (1 - p1) / n1 + ratio**2 * p0 * (1 - p0) / n0) * total / (total - 1)
        return (x1 / n1 - ratio * x0 / n0) / np.sqrt(variance)
