"""Intervals of ratios of sums over customers."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import binom, chi2, norm


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


def delta(ratio: float, spread: float, total: float, n: int, level: float) -> tuple[float, float]:
    """Return the delta-method interval of a ratio of sums, from sums.

    Parameters
    ----------
    ratio : float
        Sum of y / sum of x.
    spread : float
        Sum over customers of (y - ratio x)².
    total : float
        Sum of x, not 0.
    n : int
        Customers, at least 2.
    level : float
        Coverage.

    Examples
    --------
    >>> low, high = delta(2.0, 2.0, 3.0, 3, 0.95)  # of 1, 2 and 3
    >>> round(low, 3), round(high, 3)
    (0.868, 3.132)
    """
    half = float(norm.ppf(0.5 + level / 2)) * math.sqrt(n / (n - 1) * spread) / abs(total)
    return ratio - half, ratio + half


def bounded(value: float, half: float, lower: float, upper: float) -> tuple[float, float]:
    """Return the interval value ± half on the log scale, where it would leave a limit.

    Parameters
    ----------
    value, half : float
        A value and half the width of its interval.
    lower, upper : float
        What the value cannot be below or above; infinite where there is no limit.

    Returns
    -------
    low, high : float
        Missing where the value is at the limit: then its spread says nothing.

    Notes
    -----
    With d the distance to the limit that value ± half would leave, log d has the standard
    error of d over d (delta method), so that the ends lie d exp(± half / d) from the limit.
    Away from limits the interval is the plain one: the scales agree where half is small
    against d.

    Examples
    --------
    >>> bounded(10.0, 4.0, 0.0, math.inf)
    (6.0, 14.0)
    >>> low, high = bounded(10.0, 15.0, 0.0, math.inf)
    >>> round(low, 2), round(high, 2)
    (2.23, 44.82)
    """
    if value in (lower, upper):
        return math.nan, math.nan
    low, high = value - half, value + half
    if low < lower or high > upper:
        limit = lower if low < lower else upper
        distance = value - limit
        factor = math.exp(half / abs(distance))
        low, high = sorted((limit + distance / factor, limit + distance * factor))
    return low, high


def clustered(
    ratio: float, spread: float, total: float, squares: float, n: int, level: float
) -> tuple[float, float]:
    """Return Wilson's interval of a share of rows of which a customer may have several.

    Parameters
    ----------
    ratio, spread, total, n, level
        As of :func:`delta`; the ratio is between 0 and 1.
    squares : float
        Sum of x².

    Notes
    -----
    The trials are the effective sample size p (1 - p) / v, with v the delta method's
    variance: as many independent rows would be as telling. Where v is 0, as all customers are
    alike, they are Kish's effective number of customers, sum(x)² / sum(x²). After Korn and
    Graubard (1998), Survey Methodology 24, 193-201; with Wilson's interval, Dean and Pagano
    (2015), Journal of Survey Statistics and Methodology 3, 484-503.

    Examples
    --------
    >>> low, high = clustered(0.0, 0.0, 40.0, 80.0, 30, 0.95)  # 20 customers, 2 rows each
    >>> low, round(high, 3)
    (0.0, 0.161)
    """
    variance = n / (n - 1) * spread / total**2
    inside = 0 < ratio < 1 and variance > 0
    trials = ratio * (1 - ratio) / variance if inside else total**2 / squares
    return wilson(ratio * trials, trials, level)


def newcombe(
    share: float, trials: float, other: float, other_trials: float, level: float
) -> tuple[float, float]:
    """Return the interval of the difference of two independent shares, the first less the second.

    Notes
    -----
    Newcombe (1998), Statistics in Medicine 17, 873-890, method 10: from the two Wilson
    intervals.

    Examples
    --------
    >>> low, high = newcombe(56 / 70, 70, 48 / 80, 80, 0.95)  # his table II, case (a)
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3339)
    """
    low, high = wilson(share * trials, trials, level)
    other_low, other_high = wilson(other * other_trials, other_trials, level)
    difference = share - other
    return (
        difference - math.hypot(share - low, other_high - other),
        difference + math.hypot(high - share, other - other_low),
    )


def median(values: np.ndarray, counts: np.ndarray, level: float) -> tuple[float, float, float]:
    """Return the median of counted values and its interval by order statistics.

    Parameters
    ----------
    values : ndarray, shape (n_values,)
        In ascending order.
    counts : ndarray, shape (n_values,)
        How many customers have each.
    level : float
        Least coverage.

    Returns
    -------
    value, low, high : float
        The ends are missing where there are too few customers for this coverage.

    Notes
    -----
    The k-th smallest and the k-th largest value, with the largest k for which a binomial
    variable of n trials and chance 1/2 is below k with chance (1 - level) / 2 at most
    (Hahn and Meeker 1991, Statistical Intervals, 5.2).

    Examples
    --------
    >>> median(np.arange(1.0, 11.0), np.ones(10), 0.95)
    (5.5, 2.0, 9.0)
    """
    places = np.cumsum(counts)
    n = int(places[-1])

    def at(place: int) -> float:
        return float(values[np.searchsorted(places, place)])

    value = (at((n + 1) // 2) + at(n // 2 + 1)) / 2
    tail = (1 - level) / 2
    k = int(binom.ppf(tail, n, 0.5))  # the smallest with P(B <= k) >= tail: below it, less
    if binom.cdf(k, n, 0.5) <= tail:
        k += 1
    if k < 1:
        return value, math.nan, math.nan
    return value, at(k), at(n + 1 - k)


def poisson(events: int, level: float) -> tuple[float, float]:
    """Return the exact interval of the mean of a Poisson count.

    Notes
    -----
    Garwood (1936), Biometrika 28, 437-442.

    Examples
    --------
    >>> low, high = poisson(10, 0.95)
    >>> round(low, 3), round(high, 3)
    (4.795, 18.39)
    """
    tail = (1 - level) / 2
    low = float(chi2.ppf(tail, 2 * events)) / 2 if events else 0.0
    return low, float(chi2.ppf(1 - tail, 2 * events + 2)) / 2
