"""The log-likelihood of each customer in the BG/NBD family, with parameters of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import digamma, gammaln, polygamma

from ._unique import Floats


class BetaGeoRows:
    """What `BetaGeoLikelihood` sums, row by row, where covariates move the parameters; k = 1.

    Parameters
    ----------
    x, t_x, T : ndarray of shape (m,)
        Frequency, recency and age.
    at_once : bool
        Whether a customer may leave after the first purchase.
    """

    def __init__(self, x: Floats, t_x: Floats, T: Floats, at_once: bool) -> None:
        self.x, self.t_x, self.T, self.d = x, t_x, T, int(at_once)

    def __call__(self, logarithms: Sequence[Floats]) -> tuple[Floats, Floats, Floats]:
        """Return values (m,), gradients (m, 4) and Hessians (m, 4, 4) by ln r, alpha, a, b."""
        r, alpha, a, b = (np.exp(u) for u in logarithms)
        x, stays = self.x, self.x + self.d
        n, older, since = r + x, alpha + self.T, alpha + self.t_x
        grown = np.log1p(self.T / alpha)
        silent = np.log1p((self.T - self.t_x) / since)
        may_leave = stays > 0
        least = np.maximum(stays - 1, 0)
        odds = np.where(may_leave, np.log(a / (b + least)) + n * silent, -np.inf)
        left = np.where(odds > 0, 1, np.exp(-np.abs(odds))) / (1 + np.exp(-np.abs(odds)))
        value = (
            gammaln(r + x)
            - gammaln(r)
            + gammaln(b + stays)
            - gammaln(b)
            - gammaln(a + b + stays)
            + gammaln(a + b)
            - n * grown
            - x * np.log(alpha)
            + np.maximum(odds, 0)
            + np.log1p(np.exp(-np.abs(odds)))
        )
        change = 1 / older - 1 / since  # of `silent` by alpha
        slopes = np.stack([silent, n * change, 1 / a, -1 / (b + least)], axis=1)
        both = digamma(a + b) - digamma(a + b + stays)
        gradient = left[:, None] * slopes
        gradient[:, 0] += digamma(r + x) - digamma(r) - grown
        gradient[:, 1] += r / alpha - n / older
        gradient[:, 2] += both
        gradient[:, 3] += both + digamma(b + stays) - digamma(b)

        both2 = polygamma(1, a + b) - polygamma(1, a + b + stays)
        hessian = (left * (1 - left))[:, None, None] * slopes[:, :, None] * slopes[:, None, :]
        hessian[:, 0, 0] += polygamma(1, r + x) - polygamma(1, r)
        hessian[:, 0, 1] += 1 / alpha - 1 / older + left * change
        hessian[:, 1, 0] = hessian[:, 0, 1]
        hessian[:, 1, 1] += n / older**2 - r / alpha**2 + left * n * (1 / since**2 - 1 / older**2)
        hessian[:, 2, 2] += both2 - left / a**2
        hessian[:, 2, 3] += both2
        hessian[:, 3, 2] = hessian[:, 2, 3]
        hessian[:, 3, 3] += both2 + polygamma(1, b + stays) - polygamma(1, b)
        hessian[:, 3, 3] += left / (b + least) ** 2

        scale = np.stack([r, alpha, a, b], axis=1)
        gradient = gradient * scale
        hessian = hessian * scale[:, :, None] * scale[:, None, :]
        hessian[:, range(4), range(4)] += gradient
        return value, gradient, hessian
