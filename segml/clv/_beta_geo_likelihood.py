"""The log-likelihood of the BG/NBD model with its exact first and second derivatives."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln, polygamma

from ._unique import Floats, unique_rows


class BetaGeoLikelihood:
    r"""Sum over customers of the BG/NBD log-likelihood (Fader, Hardie & Lee 2005, equation 6).

    With D the log odds that a customer with x > 0 has left,

    .. math::

        \ell = \ln\frac{\Gamma(r+x)}{\Gamma(r)} + \ln\frac{B(a, b+x)}{B(a, b)}
        + r\ln\alpha - (r+x)\ln(\alpha+T) + \mathbb{1}_{x>0}\ln(1+e^D), \qquad
        D = \ln\frac{a}{b+x-1} + (r+x)\ln\frac{\alpha+T}{\alpha+t_x}

    The terms in x alone are summed once per value of x, those of customers
    without a repeat purchase once per value of T.

    Parameters
    ----------
    x, t_x, T : ndarray of shape (m,)
        Frequency, recency and age of each kind of customer.
    weights : ndarray of shape (m,)
        How many customers of each kind there are.
    """

    def __init__(self, x: Floats, t_x: Floats, T: Floats, weights: Floats) -> None:
        counts = unique_rows([x], weights)
        self.count, self.count_weight = x[counts.first], counts.counts
        ages = unique_rows([x, T], weights)
        self.age_x, self.age_T = x[ages.first], T[ages.first]
        self.age_weight = ages.counts
        repeat = x > 0
        self.x, self.t_x, self.T = x[repeat], t_x[repeat], T[repeat]
        self.weight = weights[repeat]
        self.count_of = counts.inverse[repeat]
        self.total = weights.sum()

    def __call__(self, parameters: Floats) -> tuple[float, Floats, Floats]:
        """Return value, gradient and Hessian at (r, alpha, a, b)."""
        r, alpha, a, b = parameters
        value, gradient, hessian = self._counts(r, a, b)
        value += self._ages(r, alpha, gradient, hessian)
        value += self._departures(r, alpha, a, b, gradient, hessian)
        rows, columns = np.triu_indices(4, 1)
        hessian[columns, rows] = hessian[rows, columns]
        return value, gradient, hessian

    def _counts(self, r: float, a: float, b: float) -> tuple[float, Floats, Floats]:
        x, w = self.count, self.count_weight
        value = (
            gammaln(r + x)
            - gammaln(r)
            + gammaln(b + x)
            - gammaln(b)
            - gammaln(a + b + x)
            + gammaln(a + b)
        )
        purchases, both = digamma(r + x) - digamma(r), digamma(a + b) - digamma(a + b + x)
        stayed = digamma(b + x) - digamma(b)
        both2 = w @ (polygamma(1, a + b) - polygamma(1, a + b + x))
        hessian = np.zeros((4, 4))
        hessian[0, 0] = w @ (polygamma(1, r + x) - polygamma(1, r))
        hessian[2, 2] = hessian[2, 3] = both2
        hessian[3, 3] = both2 + w @ (polygamma(1, b + x) - polygamma(1, b))
        gradient = np.array([w @ purchases, 0.0, w @ both, w @ (both + stayed)])
        return float(w @ value), gradient, hessian

    def _ages(self, r: float, alpha: float, gradient: Floats, hessian: Floats) -> float:
        w, n = self.age_weight, r + self.age_x
        older = alpha + self.age_T
        grown = np.log1p(self.age_T / alpha)  # ln((alpha + T) / alpha)
        purchases = self.age_x @ w
        total_grown, total_rate = w @ grown, w @ (1 / older)
        gradient[0] -= total_grown
        gradient[1] += r * self.total / alpha - w @ (n / older)
        hessian[0, 1] += self.total / alpha - total_rate
        hessian[1, 1] += w @ (n / older**2) - r * self.total / alpha**2
        return float(-(w * n) @ grown - purchases * np.log(alpha))

    def _departures(
        self, r: float, alpha: float, a: float, b: float, gradient: Floats, hessian: Floats
    ) -> float:
        w, n = self.weight, r + self.x
        since, older = 1 / (alpha + self.t_x), 1 / (alpha + self.T)
        silent = np.log1p((self.T - self.t_x) * since)  # ln((alpha + T) / (alpha + t_x))
        stay = 1 / (b + (self.x - 1))
        odds = np.log(a / (b + np.maximum(self.count - 1, 0)))[self.count_of] + n * silent
        small = np.exp(-np.abs(odds))
        left = np.where(odds > 0, 1.0, small) / (1 + small)
        change = older - since  # of `silent` by alpha
        slopes = np.stack([silent, n * change, np.full_like(n, 1 / a), -stay])
        wl = w * left
        gradient += slopes @ wl
        hessian += (slopes * (wl * (1 - left))) @ slopes.T
        hessian[0, 1] += wl @ change
        hessian[1, 1] += wl @ (n * (since**2 - older**2))
        hessian[2, 2] -= wl.sum() / a**2
        hessian[3, 3] += wl @ stay**2
        return float(w @ (np.maximum(odds, 0) + np.log1p(small)))  # ln(1 + e^odds)
