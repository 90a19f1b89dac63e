"""Differences and ratios of two means of any variances: Welch's and Fieller's intervals."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.stats import t as student


class Mean(NamedTuple):
    """An estimated mean; each field a number, or an array of as many repetitions.

    Parameters
    ----------
    value : float or ndarray
        The mean.
    variance : float or ndarray
        Its squared standard error.
    freedom : float or ndarray
        Degrees of freedom of the variance.
    """

    value: Any
    variance: Any
    freedom: Any


def mean_of(values: np.ndarray) -> Mean:
    """Return the mean of values, shape (..., n), n >= 2, along the last axis.

    Examples
    --------
    >>> mean_of(np.array([1.0, 2.0, 3.0])).value
    np.float64(2.0)
    """
    n = values.shape[-1]
    return Mean(values.mean(axis=-1), values.var(axis=-1, ddof=1) / n, n - 1)


def mixed(parts: list[Mean], weights: np.ndarray) -> Mean:
    """Return the mean over strata of known weights, which sum to 1.

    Notes
    -----
    Variance Σ w² v; degrees of freedom (Σ w² v)² / Σ (w² v)² / f, of Satterthwaite
    (1946, Biometrics Bulletin 2, 110-114).
    """
    value = sum(w * one.value for w, one in zip(weights, parts, strict=True))
    shares = [w**2 * one.variance for w, one in zip(weights, parts, strict=True)]
    variance = sum(shares)
    square = sum(share**2 / one.freedom for share, one in zip(shares, parts, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = np.where(np.asarray(square) > 0, np.asarray(variance) ** 2 / square, 1.0)
    return Mean(value, variance, freedom)


def welch(one: Mean, control: Mean, level: float) -> tuple[Any, Any, Any]:
    """Return p-value, and low and high of the difference of two means.

    Notes
    -----
    Welch (1947), Biometrika 34, 28-35, eq. 28: t with the degrees of freedom of
    `mixed` with both weights 1. Missing where neither mean varies.

    Examples
    --------
    >>> p, low, high = welch(mean_of(np.array([4.0, 6, 11])), mean_of(np.array([1.0, 2, 3])), 0.95)
    >>> round(float(p), 2), round(float(low), 2), round(float(high), 2)
    (0.13, -3.21, 13.21)
    """
    difference = one.value - control.value
    error, freedom = _error(one, control)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(error > 0, 2 * student.sf(np.abs(difference) / error, freedom), np.nan)
    half = np.where(error > 0, student.ppf(0.5 + level / 2, freedom) * error, np.nan)
    return p, difference - half, difference + half


def t_quantiles(one: Mean, control: Mean, level: float) -> tuple[Any, Any]:
    """Return the quantiles that the statistic of `welch` lies between, with no difference."""
    above = student.ppf(0.5 + level / 2, _error(one, control)[1])
    return -above, above


def fieller(one: Mean, control: Mean, below: Any, above: Any) -> tuple[Any, Any]:
    """Return low and high of the ratio of two independent means.

    Parameters
    ----------
    one, control : Mean
        Numerator and denominator.
    below, above : float or ndarray
        Between which the statistic of `welch` lies with no difference; see `t_quantiles`.

    Returns
    -------
    low, high
        Missing where the control's mean is not clearly above 0: the ratio has no bounded
        interval then.

    Notes
    -----
    The ratios r for which m1 - r m0 does not differ from 0 by such a test (Fieller 1954, JRSS B
    16, 175-185). With t a quantile, g = t² v0 / m0² and R = m1 / m0 they end at
    (R - t / m0 sqrt((1 - g) v1 + R² v0)) / (1 - g), the low end with the quantile above. The
    interval holds 1 whenever that of the difference holds 0.

    Examples
    --------
    >>> low, high = fieller(Mean(12.0, 0.25, 999), Mean(10.0, 0.25, 999), -1.96, 1.96)
    >>> round(float(low), 3), round(float(high), 3)
    (1.057, 1.366)
    """
    ends, bounded = [], (np.asarray(control.value) > 0) & (_error(one, control)[0] > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = one.value / control.value
        for t in (above, below):
            g = t**2 * control.variance / np.square(control.value)
            root = np.sqrt((1 - g) * one.variance + ratio**2 * control.variance)
            ends.append((ratio - t / control.value * root) / (1 - g))
            bounded = bounded & (g < 1)
    low, high = (np.where(bounded, end, np.nan) for end in ends)
    return low, high


def log_ratio_variance(one: Mean, control: Mean) -> Any:
    """Return the squared standard error of log(m1 / m0), by the delta method."""
    return one.variance / one.value**2 + control.variance / control.value**2


def _error(one: Mean, control: Mean) -> tuple[Any, Any]:
    both = mixed([one, control], np.ones(2))
    return np.sqrt(both.variance), both.freedom
