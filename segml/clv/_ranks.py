"""Rank correlation of weighted rows, with its interval and test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from ._unique import Floats


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rank correlation.

    Parameters
    ----------
    value, low, high : float
        The correlation and its 95% interval.
    p_value : float
        Of the hypothesis that it is zero, two-sided.
    n : float
        Rows, or their total weight.
    """

    value: float
    low: float
    high: float
    p_value: float
    n: float


def rank_correlation(x: Floats, y: Floats, weights: Floats) -> RankCorrelation:
    r"""Correlate the ranks of two columns; ties share their middle rank.

    With :math:`z = \operatorname{artanh} \rho`, whose standard error is
    :math:`1 / \sqrt{n - 3}` where the columns are independent and
    :math:`\sqrt{(1 + \rho^2 / 2) / (n - 3)}` otherwise (Bonett, D. G. and Wright, T. A.
    (2000). Sample size requirements for estimating Pearson, Kendall and Spearman
    correlations. Psychometrika 65(1), 23-28).

    Parameters
    ----------
    x, y : ndarray of shape (m,)
    weights : ndarray of shape (m,)
        How often each row counts, in all more than 3.

    Examples
    --------
    >>> found = rank_correlation(np.arange(9.0), np.exp(np.arange(9.0)), np.ones(9))
    >>> round(found.value, 9), found.n
    (1.0, 9.0)
    """
    n = float(weights.sum())
    u, v = (_ranks(column, weights) - (n + 1) / 2 for column in (x, y))
    spread = np.sqrt((weights @ u**2) * (weights @ v**2))
    if spread == 0:  # one of them is the same for all
        return RankCorrelation(float("nan"), float("nan"), float("nan"), float("nan"), n)
    value = float(np.clip((weights * u) @ v / spread, -1, 1))
    z = np.arctanh(np.clip(value, -1 + 1e-15, 1 - 1e-15))
    half = ndtri(0.975) * np.sqrt((1 + value**2 / 2) / (n - 3))
    return RankCorrelation(
        value,
        float(np.tanh(z - half)),
        float(np.tanh(z + half)),
        float(2 * ndtr(-abs(z) * np.sqrt(n - 3))),
        n,
    )


def _ranks(values: Floats, weights: Floats) -> Floats:
    """Return the middle of the ranks that the copies of each value have."""
    _, kind = np.unique(values, return_inverse=True)
    copies = np.bincount(kind, weights=weights)
    middle = np.cumsum(copies) - (copies - 1) / 2
    ranks: Floats = middle[kind]
    return ranks
