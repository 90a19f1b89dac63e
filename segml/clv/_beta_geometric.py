r"""Lifetimes that end at an opportunity with a chance that is beta distributed over customers.

With the chance to leave at each opportunity :math:`\theta \sim \mathrm{Beta}(a, b)`, a
customer is still there after t of them with probability

.. math:: S(t) = E[(1 - \theta)^t] = \prod_{k=0}^{t-1} \frac{b+k}{a+b+k}

Who has stayed n times has b + n in place of b.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import log_expit

from ._unique import Floats

_CUT = 50.0  # what is left out at either end is of the order exp(-50)
_STEP = 0.05  # between nodes where the integrand changes over a unit of logit(theta)
_BLOCK = 2_000_000  # numbers held at a time


def log_survival(a: float, b: Floats, t: float) -> Floats:
    """Return ln S(t), without cancellation: a sum of logarithms of one sign.

    Parameters
    ----------
    a : float
        First parameter of the beta distribution of the chance to leave.
    b : ndarray of shape (m,)
        Second parameter of it.
    t : float
        Number of opportunities, whole and finite.

    Returns
    -------
    ndarray of shape (m,)

    Examples
    --------
    >>> np.exp(log_survival(1.0, np.array([1.0, 2.0]), 2.0)).round(6)
    array([0.333333, 0.5     ])
    """
    total = np.zeros(len(b))
    for k in _blocks(t, len(b)):
        total -= np.log1p(a / (b[:, None] + k)).sum(axis=1)
    return total


def discounted_survival(a: float, b: Floats, t: float, delta: float = 0.0) -> Floats:
    r"""Return the opportunities survived of the next t, each discounted.

    .. math:: \sum_{j=1}^{t} e^{-\delta j} S(j)

    For a finite t it is summed as it stands.  For an infinite one it is, times
    :math:`e^{-\delta} b / (a + b)`, the :math:`{}_2F_1(1, b+1; a+b+1; e^{-\delta})` of
    the literature, here the mean over theta of a geometric series, all terms positive.

    Parameters
    ----------
    a : float
        First parameter of the beta distribution of the chance to leave.
    b : ndarray of shape (m,)
        Second parameter of it.
    t : float
        Number of opportunities, whole or infinite.
    delta : float
        Continuous discount rate per opportunity, at least 0.

    Returns
    -------
    ndarray of shape (m,)
        Infinite where the sum is: for infinite t without discount, when a is at most 1.

    Examples
    --------
    >>> one = np.array([1.0])
    >>> float(discounted_survival(1.0, one, 2.0)[0].round(6))  # 1/2 + 1/3
    0.833333
    >>> float(discounted_survival(1.0, one, np.inf, np.log(2))[0].round(6))  # 2 ln(2) - 1
    0.386294
    """
    if math.isfinite(t):
        total, reached = np.zeros(len(b)), np.ones(len(b))
        for k in _blocks(t, len(b)):
            stay = b[:, None] + k
            survived = reached[:, None] * np.cumprod(stay / (a + stay), axis=1)
            total += (survived * np.exp(-delta * (k + 1))).sum(axis=1)
            reached = survived[:, -1]
        return total
    if delta == 0:
        return b / (a - 1) if a > 1 else np.full(len(b), np.inf)
    return _endless(a, b, delta)


def _blocks(t: float, rows: int) -> list[Floats]:
    """Return 0 .. t - 1 in pieces that, times rows, fit in memory."""
    size = max(1, _BLOCK // max(rows, 1))
    return [
        np.arange(begin, min(begin + size, int(t)), dtype=float) for begin in range(0, int(t), size)
    ]


def _endless(a: float, b: Floats, delta: float) -> Floats:
    r"""Return the mean over theta of :math:`1 / (e^\delta - 1 + e^{\delta + w})`, w = logit(theta).

    That is the sum of :math:`e^{-\delta j} (1 - \theta)^j`.  The trapezoidal rule in v,
    with w = centre + scale sinh(v): the weights fall off doubly exponentially at both
    ends, where the rule is exact up to rounding (Takahasi & Mori 1974).
    """
    centre = np.log(a / b)
    bend = math.log(-math.expm1(-delta))  # left of this w the series no longer grows
    knee = max(0.0, float(np.max(centre)) - bend)
    width = np.minimum(1.0, np.sqrt(1 / a + 1 / b))
    scale = 4 * width
    left = np.arcsinh((_CUT / a + 10 * width + np.maximum(0, centre) + knee) / scale)
    right = np.arcsinh((_CUT / b + 10 * width + np.maximum(0, -centre)) / scale)
    step = _STEP * scale / np.hypot(scale, knee)
    n_nodes = int(np.ceil(((left + right) / step).max())) + 1
    at = np.linspace(0, 1, n_nodes)
    mean = np.empty(len(b))
    rows = max(1, _BLOCK // n_nodes)
    for begin in range(0, len(b), rows):
        part = slice(begin, begin + rows)
        v = -left[part, None] + (left + right)[part, None] * at
        w = centre[part, None] + scale[part, None] * np.sinh(v)
        log_weight = a * log_expit(w) + b[part, None] * log_expit(-w) + np.log(np.cosh(v))
        weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
        # 1 / (e^w + 1 - e^-delta) = e^-max(w, bend) / (1 + e^-|w - bend|), which cannot overflow
        series = np.exp(-delta - np.maximum(w, bend)) / (1 + np.exp(-np.abs(w - bend)))
        mean[part] = (weight * series).sum(axis=1) / weight.sum(axis=1)
    return mean
