r"""The probability that a Pareto/NBD customer buys n times.

A customer who stays for a time :math:`\tau` buys n times with the probability of the negative
binomial distribution, and so over all times t

.. math::

    P(X(t) = n) = \frac{\Gamma(r+n)}{\Gamma(r)\, n!} \left[ g(t) + \frac{s}{\beta}
    \int_0^t g(\tau) \frac{\beta}{\beta+\tau} d\tau \right], \qquad
    g(\tau) = \left(\frac{\tau}{\alpha+\tau}\right)^n
    \left(\frac{\alpha}{\alpha+\tau}\right)^r \left(\frac{\beta}{\beta+\tau}\right)^s

(Fader & Hardie 2006, equation 3 before its integral is written as a sum of n + 1 terms in
2F1, which cancel).  In w = ln(tau) the logarithm of the integrand is concave: it is integrated
around its peak, as far as anything is left.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit

from ._pareto_quadrature import gauss_panels
from ._unique import Floats

_CUT = 45.0  # the part left out is of the order exp(-45)
_FAR = 20.0  # beyond the peak: the logarithm is a straight line up to rounding
_BISECTIONS = 45
_NODES = 16
_PANEL = 1.5  # length of a panel, in units of the least width of the integrand
_BLOCK = 500_000  # numbers of one array at a time


class _Integrand:
    """The logarithm of g(tau) tau / (beta + tau) as a function of w, for each row."""

    def __init__(self, n: Floats, r: float, alpha: float, s: float, beta: float) -> None:
        self.n, self.r, self.s = n, r, s
        self.log_alpha, self.log_beta = np.log(alpha), np.log(beta)

    def __call__(self, w: Floats) -> Floats:
        a, b = w - self.log_alpha, w - self.log_beta
        value = self.n * log_expit(a) + self.r * log_expit(-a)
        return value + log_expit(b) + self.s * log_expit(-b)


def log_count_probability(
    n: Floats, t: Floats, r: float, alpha: float, s: float, beta: float
) -> Floats:
    """Return ln P(X(t) = n).

    Parameters
    ----------
    n : ndarray of shape (m,)
        Whole numbers, at least 0.
    t : ndarray of shape (m,)
        Time since the first purchase, greater than 0.
    r, alpha, s, beta : float
        Parameters of the model.

    Returns
    -------
    ndarray of shape (m,)

    Examples
    --------
    >>> n = np.arange(500.0)
    >>> np.exp(log_count_probability(n, np.full(500, 52.0), 0.55, 10.6, 0.61, 11.7)).sum().round(9)
    np.float64(1.0)
    """
    steps = np.arange(int(n.max()))
    ways = np.r_[0.0, np.cumsum(np.log1p((r - 1) / (steps + 1)))][n.astype(int)]
    stays = (
        n * log_expit(np.log(t) - np.log(alpha)) - r * np.log1p(t / alpha) - s * np.log1p(t / beta)
    )
    leaves = np.empty_like(n)
    low, high, n_panels = _range(n, np.log(t), r, alpha, s, beta)
    rows = max(1, _BLOCK // (_NODES * int(n_panels.max())))
    order = np.argsort(n_panels)
    for first in range(0, len(n), rows):
        some = order[first : first + rows]
        at, share = gauss_panels(_NODES, int(n_panels[some].max()))
        length = (high - low)[some, None]
        values = _Integrand(n[some, None], r, alpha, s, beta)(low[some, None] + length * at)
        top = values.max(axis=1, keepdims=True)
        total = (length * share * np.exp(values - top)).sum(axis=1)
        leaves[some] = top[:, 0] + np.log(s * total)
    return ways + np.logaddexp(stays, leaves)


def _range(
    n: Floats, end: Floats, r: float, alpha: float, s: float, beta: float
) -> tuple[Floats, Floats, Floats]:
    """Return from where to where in w the integral is to be taken, and in how many panels."""
    log = _Integrand(n, r, alpha, s, beta)

    def slope(w: Floats) -> Floats:
        a, b = np.exp(log_expit(w - log.log_alpha)), np.exp(log_expit(w - log.log_beta))
        return n * (1 - a) - r * a + (1 - b) - s * b

    far = min(log.log_alpha, log.log_beta) - np.log(1 + r + s) - _FAR
    least = np.minimum(far, end)
    peak = _last(lambda w: slope(w) > 0, least, end)
    floor = log(peak) - _CUT
    low = _last(lambda w: log(w) < floor, least - 2 * _CUT, peak)
    high = _last(lambda w: log(w) > floor, peak, end)
    width = 1 / np.sqrt(np.maximum(1, (n + r + s + 1) / 4))  # from the greatest curvature
    return low, high, np.maximum(np.ceil((high - low) / (_PANEL * width)), 1)


def _last(holds: Callable[[Floats], NDArray[np.bool_]], low: Floats, high: Floats) -> Floats:
    """Return the greatest w up to which something holds that holds at `low`."""
    everywhere = holds(high)
    a, b = low, high
    for _ in range(_BISECTIONS):
        middle = (a + b) / 2
        still = holds(middle)
        a, b = np.where(still, middle, a), np.where(still, b, middle)
    return np.where(everywhere, high, (a + b) / 2)
