"""The log-likelihood of the BG/NBD family with its exact first and second derivatives."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln, polygamma

from ._regularity import log_sum_derivatives
from ._sums import BLOCK, dot
from ._unique import Floats, unique_rows


class BetaGeoLikelihood:
    r"""Sum over customers of the log-likelihood, without the times between purchases.

    The model is BG/NBD (Fader, Hardie & Lee 2005, equation 6), with d = 0, or MBG/NBD
    (Batislam et al. 2007), with d = 1, where a customer may leave after the first
    purchase too; and k events make a purchase (Platzer & Reutterer 2016).  With Q as in
    `_regularity`, 1 where k = 1, and D the log odds that a customer has left for k = 1,

    .. math::

        \ell = \ln\frac{\Gamma(r+kx)}{\Gamma(r)} + \ln\frac{B(a, b+x+d)}{B(a, b)}
        + r\ln\alpha - (r+kx)\ln(\alpha+T) + \ln(Q + \mathbb{1}_{x+d>0}\, e^D), \qquad
        D = \ln\frac{a}{b+x+d-1} + (r+kx)\ln\frac{\alpha+T}{\alpha+t_x}

    The terms in x alone are summed once per value of x, those in x and T once per pair.

    Parameters
    ----------
    x, t_x, T : ndarray of shape (m,)
        Frequency, recency and age of each kind of customer.
    weights : ndarray of shape (m,)
        How many customers of each kind there are.
    at_once : bool
        Whether a customer may leave after the first purchase.
    k : int
        Events to a purchase.
    """

    def __init__(
        self,
        x: Floats,
        t_x: Floats,
        T: Floats,
        weights: Floats,
        at_once: bool = False,
        k: int = 1,
    ) -> None:
        self.d, self.k = int(at_once), k
        counts = unique_rows([x], weights)
        self.count, self.count_weight = x[counts.first], counts.counts
        ages = unique_rows([x, T], weights)
        self.age_x, self.age_T = k * x[ages.first], T[ages.first]
        self.age_weight = ages.counts
        # the last term is 0 of the others
        some = np.ones(len(x), dtype=bool) if at_once or k > 1 else x > 0
        self.x, self.t_x, self.T = x[some], t_x[some], T[some]
        self.weight = weights[some]
        self.count_of = counts.inverse[some]
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
        w, events, stays = self.count_weight, self.k * self.count, self.count + self.d
        value = (
            gammaln(r + events)
            - gammaln(r)
            + gammaln(b + stays)
            - gammaln(b)
            - gammaln(a + b + stays)
            + gammaln(a + b)
        )
        purchases = digamma(r + events) - digamma(r)
        both, stayed = digamma(a + b) - digamma(a + b + stays), digamma(b + stays) - digamma(b)
        both2 = w @ (polygamma(1, a + b) - polygamma(1, a + b + stays))
        hessian = np.zeros((4, 4))
        hessian[0, 0] = w @ (polygamma(1, r + events) - polygamma(1, r))
        hessian[2, 2] = hessian[2, 3] = both2
        hessian[3, 3] = both2 + w @ (polygamma(1, b + stays) - polygamma(1, b))
        gradient = np.array([w @ purchases, 0.0, w @ both, w @ (both + stayed)])
        return float(w @ value), gradient, hessian

    def _ages(self, r: float, alpha: float, gradient: Floats, hessian: Floats) -> float:
        w, n = self.age_weight, r + self.age_x
        older = alpha + self.age_T
        grown = np.log1p(self.age_T / alpha)  # ln((alpha + T) / alpha)
        purchases = dot(self.age_x, w)
        total_grown, total_rate = dot(w, grown), dot(w, 1 / older)
        gradient[0] -= total_grown
        gradient[1] += r * self.total / alpha - dot(w, n / older)
        hessian[0, 1] += self.total / alpha - total_rate
        hessian[1, 1] += dot(w, n / older**2) - r * self.total / alpha**2
        return float(-dot(w * n, grown) - purchases * np.log(alpha))

    def _departures(
        self, r: float, alpha: float, a: float, b: float, gradient: Floats, hessian: Floats
    ) -> float:
        stays = self.count + (self.d - 1)
        with np.errstate(divide="ignore"):
            leaves = np.where(stays >= 0, np.log(a / (b + np.maximum(stays, 0))), -np.inf)
        value = 0.0
        for begin in range(0, len(self.x), BLOCK):
            at = slice(begin, begin + BLOCK)
            value += self._block(at, leaves, r, alpha, a, b, gradient, hessian)
        return value

    def _block(
        self,
        at: slice,
        leaves: Floats,
        r: float,
        alpha: float,
        a: float,
        b: float,
        gradient: Floats,
        hessian: Floats,
    ) -> float:
        """Add what the departures of some rows give; `leaves` is ln(a / (b + x + d - 1))."""
        w, x, t_x, T = self.weight[at], self.x[at], self.t_x[at], self.T[at]
        n = r + self.k * x
        since, older = 1 / (alpha + t_x), 1 / (alpha + T)
        silent = np.log1p((T - t_x) * since)  # ln((alpha + T) / (alpha + t_x))
        stay = 1 / (b + np.maximum(x + (self.d - 1), 0))
        odds = leaves[self.count_of[at]] + n * silent
        if self.k > 1:
            living = log_sum_derivatives(n, T - t_x, alpha + T, self.k)
            odds -= living[0]
        small = np.exp(-np.abs(odds))
        left = np.where(odds > 0, 1.0, small) / (1 + small)
        change = older - since  # of `silent` by alpha
        slopes = np.stack([silent, n * change, np.full_like(n, 1 / a), -stay])
        wl = w * left
        hessian[0, 1] += dot(wl, change)
        hessian[1, 1] += dot(wl, n * (since**2 - older**2))
        hessian[2, 2] -= wl.sum() / a**2
        hessian[3, 3] += dot(wl, stay**2)
        gradient += dot(slopes, wl)
        value = float(dot(w, np.maximum(odds, 0) + np.log1p(small)))  # ln(1 + e^odds)
        if self.k > 1:
            events, slope, curve = living
            stayed = w - wl
            value += float(dot(w, events))
            gradient[:2] += dot(slope, stayed)
            hessian[0, :2] += dot(curve[:2], stayed)
            hessian[1, 1] += dot(curve[2], stayed)
            slopes[:2] -= slope
        for i, row in enumerate(slopes * (wl * (1 - left))):
            hessian[i, i:] += dot(slopes[i:], row)
        return value
