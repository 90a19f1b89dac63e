"""Intervals of ratios of sums over customers."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import norm


def wilson(successes: float, trials: float, level: float) -> tuple[float, float]:
    """Return Wilson's interval of a share.

    Parameters
    ----------
    successes, trials : float
        Counts; `trials` is positive.
    level : float
        Coverage, such as 0.95.

    Notes
    -----
    Wilson (1927), JASA 22, 209-212: the shares p for which
    |p̂ - p| <= z sqrt(p (1 - p) / n).

    Examples
    --------
    >>> low, high = wilson(5, 10, 0.95)
    >>> round(low, 4), round(high, 4)
    (0.2366, 0.7634)
    """
    z = float(norm.ppf(0.5 + level / 2))
    share = successes / trials
    center = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials**2))
    scale = 1 + z * z / trials
    # Exact at the ends, where rounding would leave a trace.
    low = 0.0 if successes == 0 else (center - half) / scale
    high = 1.0 if successes == trials else (center + half) / scale
    return low, high


def delta_ratio(y: np.ndarray, x: np.ndarray, level: float) -> tuple[float, float]:
    """Return the delta-method interval of sum(y) / sum(x) over sampled customers.

    Parameters
    ----------
    y, x : ndarray, shape (n_customers,)
        Numerator and denominator of each customer; the sum of `x` is not 0, n >= 2.
    level : float
        Coverage.

    Notes
    -----
    With r the ratio, its variance is n / (n - 1) sum((y - r x)²) / sum(x)²
    (Cochran 1977, Sampling Techniques, 3rd ed., eq. 6.13).

    Examples
    --------
    >>> low, high = delta_ratio(np.array([1.0, 2.0, 3.0]), np.ones(3), 0.95)
    >>> round(low, 3), round(high, 3)
    (0.868, 3.132)
    """
    n, total = len(y), x.sum()
    ratio = y.sum() / total
    variance = n / (n - 1) * ((y - ratio * x) ** 2).sum() / total**2
    half = norm.ppf(0.5 + level / 2) * math.sqrt(variance)
    return float(ratio - half), float(ratio + half)
