"""Whether effects differ between segments, or only their estimates do."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp, ndtr, ndtri
from scipy.stats import chi2

_STEPS = 400
_HALVINGS = 45  # from the width of an estimate to 12 digits


class Heterogeneity(NamedTuple):
    """Cochran's test of equal effects.

    Parameters
    ----------
    q, p_value : float
        The statistic, and the chance of as large a one when all effects are equal.
    i_squared : float
        Share of the variance of the estimates that is due to true differences.
    n : int
        Number of effects.
    """

    q: float
    p_value: float
    i_squared: float
    n: int


def cochran(
    effects: np.ndarray,
    variances: np.ndarray,
    chance: tuple[np.ndarray, np.ndarray] | None = None,
) -> Heterogeneity:
    """Test whether independent estimates share one effect.

    Parameters
    ----------
    effects, variances : ndarray, shape (n,)
        Estimates and their squared standard errors; those that are missing do not count.
    chance : tuple of ndarray, shape (n_resamples, n), optional
        Estimates and squared standard errors where there is no effect, for estimates that are
        far from normal.

    Returns
    -------
    Heterogeneity
        Missing values where fewer than two estimates are known.

    Notes
    -----
    Q = Σ w (d - d̄)² with w = 1 / v and d̄ the mean by these weights, chi-square with n - 1
    degrees of freedom (Cochran 1954, Biometrics 10, 101-129);
    I² = max(0, (Q - (n - 1)) / Q) (Higgins and Thompson 2002, Statistics in Medicine 21,
    1539-1558). With `chance`, the p-value is the share of its Q that are as large, the one seen
    counted among them; a resample in which an estimate is missing counts as one as large.

    Examples
    --------
    >>> found = cochran(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    >>> found.q, round(found.p_value, 3), found.i_squared
    (2.0, 0.157, 0.5)
    """
    known = _known(effects, variances)
    n = int(known.sum())
    if n < 2:
        return Heterogeneity(np.nan, np.nan, np.nan, n)
    q = float(_q(effects[known], variances[known]))
    i_squared = max(0.0, (q - (n - 1)) / q) if q > 0 else 0.0
    if chance is None:
        return Heterogeneity(q, float(chi2.sf(q, n - 1)), i_squared, n)
    drawn = _q(*(part[:, known] for part in chance))
    smaller = int((drawn < q).sum())
    return Heterogeneity(q, (len(drawn) - smaller + 1) / (len(drawn) + 1), i_squared, n)


def _q(effects: np.ndarray, variances: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):  # resamples where nobody bought
        weights = 1 / variances
        mean = (weights * effects).sum(axis=-1, keepdims=True)
        mean = mean / weights.sum(axis=-1, keepdims=True)
        return np.asarray((weights * (effects - mean) ** 2).sum(axis=-1))


def shrunken(
    effects: np.ndarray, variances: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return effects drawn towards their common mean, as far as chance explains them.

    Parameters
    ----------
    effects, variances : ndarray, shape (n,)
        Estimates and their squared standard errors.
    level : float
        Coverage.

    Returns
    -------
    mean, low, high : ndarray, shape (n,)
        Missing where an estimate is, and all of them where fewer than three are known.

    Notes
    -----
    d ~ Normal(θ, v), θ ~ Normal(μ, τ²), flat in μ and τ: given τ the effects are normal, and
    τ is summed over its posterior (Rubin 1981, Journal of Educational Statistics 6, 377-401;
    Gelman et al. 2013, Bayesian Data Analysis, 3rd ed., section 5.4). Putting one estimate of τ
    in its place gives intervals that are too short with few segments.

    The intervals hold 95% of effects that scatter as the model says, not each effect: one far
    from the others is drawn too near to them. In simulation they hold 94 to 96% of effects that
    differ by at least as much as their standard errors, and up to 99% of those that hardly
    differ. Priors by which two estimates could be drawn together (half-Cauchy, uniform
    shrinkage) fall to 92 or 93% where effects differ, which is why two are left alone.

    Examples
    --------
    >>> mean, _, _ = shrunken(np.array([0.0, 1.0, 8.0]), np.full(3, 4.0), 0.95)
    >>> mean.round(1).tolist()
    [0.4, 1.3, 7.4]
    """
    mean, low, high = (np.full(len(effects), np.nan) for _ in range(3))
    known = _known(effects, variances)
    d, v = effects[known], variances[known]
    if len(d) < 3:
        return mean, low, high
    # Up to where the likelihood has died away, as τ to the power 1 - n; denser near 0.
    top = 100 * max(float(np.ptp(d)), float(np.sqrt(v.max())))
    grid = (np.arange(_STEPS) + 0.5) / _STEPS
    tau, step = top * grid**3, 3 * top * grid**2
    total = v + tau[:, None] ** 2
    precision = (1 / total).sum(axis=1)
    center = (d / total).sum(axis=1) / precision
    log_density = (
        -0.5 * np.log(precision)
        - 0.5 * np.log(total).sum(axis=1)
        - 0.5 * ((d - center[:, None]) ** 2 / total).sum(axis=1)
        + np.log(step)
    )
    weight = np.exp(log_density - logsumexp(log_density))[:, None]
    keep = tau[:, None] ** 2 / total  # of the estimate's own distance from the mean
    means = center[:, None] + keep * (d - center[:, None])
    spread = np.sqrt(keep * v + (1 - keep) ** 2 / precision[:, None])
    tail = (1 - level) / 2
    mean[known] = (weight * means).sum(axis=0)
    low[known] = _quantile(tail, weight, means, spread)
    high[known] = _quantile(1 - tail, weight, means, spread)
    return mean, low, high


def _quantile(
    share: float, weight: np.ndarray, means: np.ndarray, spread: np.ndarray
) -> np.ndarray:
    """Return the quantile of mixtures of normal distributions, one a column."""
    each = means + ndtri(share) * spread  # those of the parts lie around that of the mixture
    low, high = each.min(axis=0), each.max(axis=0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below = (weight * ndtr((middle - means) / spread)).sum(axis=0) < share
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def _known(effects: np.ndarray, variances: np.ndarray) -> np.ndarray:
    return ~(np.isnan(effects) | np.isnan(variances)) & (np.nan_to_num(variances) > 0)
