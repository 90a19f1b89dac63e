"""The log-likelihood of the sBG model with its exact first and second derivatives."""

from __future__ import annotations

import numpy as np

from ._unique import Floats


class ShiftedBetaGeoLikelihood:
    r"""Sum over customers of the sBG log-likelihood (Fader & Hardie 2007, equations 5 and 6).

    With N_k renewals and C_k churns at the opportunity after k renewals,

    .. math:: \ell = \sum_k \Big( N_k \ln(\beta+k) + C_k \ln\alpha
        - (N_k + C_k) \ln(\alpha+\beta+k) \Big)

    Parameters
    ----------
    T, churned : ndarray of shape (m,)
        Renewal opportunities observed, and whether the last was one of churn.
    weights : ndarray of shape (m,)
        How many customers of each kind there are.

    Examples
    --------
    >>> one = ShiftedBetaGeoLikelihood(np.array([2.0]), np.ones(1), np.ones(1))
    >>> float(np.exp(one(np.ones(2))[0]).round(6))  # 1/2 * 1/3
    0.166667
    """

    def __init__(self, T: Floats, churned: Floats, weights: Floats) -> None:
        size = int(T.max())
        last = np.bincount(T.astype(np.intp), weights=weights, minlength=size + 1)
        asked = np.cumsum(last[::-1])[::-1][1:]  # those with T > k
        lost = weights * churned
        churns = np.bincount(T.astype(np.intp), weights=lost, minlength=size + 1)[1:]
        self.renewed, self.asked, self.lost = asked - churns, asked, float(lost.sum())
        self.k = np.arange(size, dtype=float)

    def __call__(self, parameters: Floats) -> tuple[float, Floats, Floats]:
        """Return value, gradient and Hessian at (alpha, beta)."""
        alpha, beta = parameters
        stay = beta + self.k
        either = alpha + stay
        value = self.lost * np.log(alpha / either[0])
        value -= float(self.renewed @ np.log1p(alpha / stay))
        value -= float((self.asked - self.renewed) @ np.log(either / either[0]))
        all_asked, all_asked2 = self.asked @ (1 / either), self.asked @ (1 / either**2)
        gradient = np.array([self.lost / alpha, self.renewed @ (1 / stay)]) - all_asked
        own = np.diag([self.lost / alpha**2, self.renewed @ (1 / stay**2)])
        return float(value), gradient, all_asked2 - own
