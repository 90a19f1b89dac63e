"""The log-likelihood of the Pareto/NBD model with its exact first and second derivatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import digamma, expit, gammaln, polygamma

from ._covariates import CovariateLikelihood, Effect
from ._fit import LogLikelihood
from ._pareto_quadrature import integral, node_blocks, scale_and_reach
from ._rfm import HISTORY
from ._unique import Floats

_PAIRS = [(j, k) for j in range(4) for k in range(j, 4)]
_ROWS = 50_000  # at a time, as each has a Hessian


class ParetoNBDLikelihood:
    """Sum over customers of the Pareto/NBD log-likelihood.

    Parameters
    ----------
    columns : mapping of str to ndarray of shape (m,)
        Frequency, recency and T of each kind of customer, and the covariates.
    weights : ndarray of shape (m,)
        How many customers of each kind there are.
    effects : sequence of Effect
        The coefficients of the covariates.
    """

    def __init__(
        self, columns: Mapping[str, Floats], weights: Floats, effects: Sequence[Effect] = ()
    ) -> None:
        self.parts: list[LogLikelihood] = []
        for first in range(0, len(weights), _ROWS):
            rows = slice(first, first + _ROWS)
            some = {name: column[rows] for name, column in columns.items()}
            part = ParetoNBDRows(*(some[name] for name in HISTORY))
            if effects:
                self.parts.append(CovariateLikelihood(part, effects, some, weights[rows]))
            else:
                self.parts.append(_Sum(part, weights[rows]))

    def __call__(self, parameters: Floats) -> tuple[float, Floats, Floats]:
        """Return value, gradient and Hessian at (r, alpha, s, beta, coefficients)."""
        values, gradients, hessians = zip(*(part(parameters) for part in self.parts), strict=True)
        return float(sum(values)), np.sum(gradients, axis=0), np.sum(hessians, axis=0)


class _Sum:
    """The same where all rows have the same parameters."""

    def __init__(self, rows: ParetoNBDRows, weights: Floats) -> None:
        self.rows, self.weights = rows, weights

    def __call__(self, parameters: Floats) -> tuple[float, Floats, Floats]:
        r, alpha, s, beta = (float(value) for value in parameters)
        one = np.ones_like(self.weights)
        value, gradient, hessian = self.rows.natural(r, alpha * one, s, beta * one)
        total = [np.einsum("...m,m", part, self.weights) for part in (value, gradient, hessian)]
        return float(total[0]), total[1], np.triu(total[2]) + np.triu(total[2], 1).T


class ParetoNBDRows:
    r"""The Pareto/NBD log-likelihood of each kind of customer.

    With O the odds that the customer left before T,

    .. math::

        \ell = \ln\frac{\Gamma(r+x)}{\Gamma(r)} + r\ln\alpha - (r+x)\ln(\alpha+T)
        - s\ln\frac{\beta+T}{\beta} + \ln(1+O), \qquad
        O = s \int_{t_x}^T \left(\frac{\alpha+T}{\alpha+\tau}\right)^{r+x}
        \left(\frac{\beta+T}{\beta+\tau}\right)^{s} \frac{d\tau}{\beta+\tau}

    which is equation 15 of Fader & Hardie (2005), "A note on deriving the Pareto/NBD model
    and related expressions", before its integral is written as two 2F1.  Derivatives are
    taken under the integral: they are moments of the time of leaving.

    Parameters
    ----------
    x, t_x, T : ndarray of shape (m,)
        Frequency, recency and age of each kind of customer.
    """

    def __init__(self, x: Floats, t_x: Floats, T: Floats) -> None:
        self.x, self.T = x, T
        self.counts, self.count_of = np.unique(x, return_inverse=True)
        self.silent = np.flatnonzero(t_x < T)  # the others bought at T, and are alive
        self.t_x = t_x[self.silent]
        self.silence = T[self.silent] - self.t_x

    def __call__(self, logarithms: Sequence[Floats]) -> tuple[Floats, Floats, Floats]:
        """Return values, gradients and Hessians by the logarithms of the parameters.

        Parameters
        ----------
        logarithms : sequence of 4 arrays of shape (m,)
            Of r, alpha, s and beta in each row; r and s are the same in all rows.

        Returns
        -------
        ndarray of shapes (m,), (m, 4) and (m, 4, 4)
        """
        r, s = (float(np.exp(logarithms[j][0])) for j in (0, 2))
        alpha, beta = (np.exp(logarithms[j]) for j in (1, 3))
        value, gradient, hessian = self.natural(r, alpha, s, beta)
        scale: list[float | Floats] = [r, alpha, s, beta]
        for j in range(4):
            gradient[j] *= scale[j]
            for k in range(j, 4):
                hessian[j, k] *= scale[j] * scale[k]
                hessian[k, j] = hessian[j, k]
            hessian[j, j] += gradient[j]
        return value, gradient.T, np.moveaxis(hessian, 2, 0)

    def natural(
        self, r: float, alpha: Floats, s: float, beta: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Return the same by the parameters, as (m,), (4, m) and the upper half of (4, 4, m)."""
        value, gradient, hessian = self._never_left(r, alpha, s, beta)
        rows = self.silent
        odds, slopes, bends = self._left(r, alpha[rows], s, beta[rows])
        p = expit(odds)
        value[rows] += np.logaddexp(0, odds)
        gradient[:, rows] += p * slopes
        for j, k in _PAIRS:
            hessian[j, k, rows] += p * (bends[j, k] + (1 - p) * slopes[j] * slopes[k])
        return value, gradient, hessian

    def _never_left(
        self, r: float, alpha: Floats, s: float, beta: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Return the part of a customer who is alive at T."""
        x, T, n = self.x, self.T, r + self.x
        older, older_b = alpha + T, beta + T
        grown, grown_b = np.log1p(T / alpha), np.log1p(T / beta)
        purchases = (gammaln(r + self.counts) - gammaln(r))[self.count_of]
        by_r = (digamma(r + self.counts) - digamma(r))[self.count_of]
        by_rr = (polygamma(1, r + self.counts) - polygamma(1, r))[self.count_of]
        value = purchases - r * grown - x * np.log(older) - s * grown_b
        gradient = np.stack(
            [by_r - grown, r / alpha - n / older, -grown_b, s * T / (beta * older_b)]
        )
        hessian = np.zeros((4, 4, len(T)))
        hessian[0, 0] = by_rr
        hessian[0, 1] = T / (alpha * older)
        hessian[1, 1] = n / older**2 - r / alpha**2
        hessian[2, 3] = T / (beta * older_b)
        hessian[3, 3] = s / older_b**2 - s / beta**2
        return value, gradient, hessian

    def _left(
        self, r: float, alpha: Floats, s: float, beta: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Return ln O of the rows that were silent at T, with its derivatives.

        Over the time of leaving with density f, the gradient is the mean of the gradient g
        of ln f, and the Hessian is the covariance of g and the mean of the Hessian of ln f.
        """
        n, a, b = r + self.x[self.silent], alpha + self.t_x, beta + self.t_x
        older, older_b = a + self.silence, b + self.silence
        silent, silent_b = np.log1p(self.silence / a), np.log1p(self.silence / b)
        left, mean, product = _moments(n, a, s, b, self.silence)
        ends = [silent, n * (1 / older - 1 / a), 1 / s + silent_b, s / older_b - (s + 1) / b]
        signs: list[float | Floats] = [-1.0, n, -1.0, s + 1]
        slopes = np.stack([end + sign * m for end, sign, m in zip(ends, signs, mean, strict=True)])
        bends = np.zeros((4, 4, len(n)))
        for j, k in _PAIRS:
            bends[j, k] = signs[j] * signs[k] * (product[j, k] - mean[j] * mean[k])
        bends[0, 1] += 1 / older - 1 / a + mean[1]
        bends[1, 1] += n * (1 / a**2 - 1 / older**2 - 2 * mean[1] / a + product[1, 1])
        bends[2, 2] -= 1 / s**2
        bends[2, 3] += 1 / older_b - 1 / b + mean[3]
        bends[3, 3] += (s + 1) * (1 / b**2 - 2 * mean[3] / b + product[3, 3]) - s / older_b**2
        return np.log(s * left) + n * silent + s * silent_b, slopes, bends


def _moments(
    n: Floats, a: Floats, s: float, b: Floats, end: Floats
) -> tuple[Floats, Floats, Floats]:
    r"""Integrate over the time y of leaving since the last purchase.

    Returns the integral of :math:`(1+y/a)^{-n} (1+y/b)^{-(s+1)} / b` from 0 to the end, and with
    that as density the means of ln(1+y/a), 1/a-1/(a+y), ln(1+y/b), 1/b-1/(b+y) and of their
    products, the upper triangle of a matrix.
    """
    total = np.empty_like(n)
    mean, product = np.empty((4, len(n))), np.zeros((4, 4, len(n)))
    full = np.full_like(n, s + 1)
    for rows, y, weight in node_blocks(*scale_and_reach(n, a, full, b, end)):
        of_a, of_b = a[rows, None], b[rows, None]
        terms = [np.log1p(y / of_a), y / (of_a * (of_a + y))]
        terms += [np.log1p(y / of_b), y / (of_b * (of_b + y))]
        weight *= np.exp(-n[rows, None] * terms[0] - (s + 1) * terms[2])
        sums = weight.sum(axis=1)
        total[rows] = sums / b[rows]
        weight /= sums[:, None]
        for j, term in enumerate(terms):
            weighted = weight * term
            mean[j, rows] = weighted.sum(axis=1)
            for k in range(j, 4):
                product[j, k, rows] = np.einsum("ij,ij->i", weighted, terms[k])
    return total, mean, product


def log_odds_left(
    x: Floats, t_x: Floats, T: Floats, r: float, alpha: Floats, s: float, beta: Floats
) -> Floats:
    r"""Return ln O, the logarithm of the odds that a customer left before T.

    Parameters
    ----------
    x, t_x, T : ndarray of shape (m,)
        Frequency, recency and age of each kind of customer.
    r, s : float
        Shapes of the rates of purchase and of leaving.
    alpha, beta : ndarray of shape (m,) or ()
        Rates of these distributions, in time units.

    Returns
    -------
    ndarray of shape (m,)
        Minus infinity where t_x = T.

    Examples
    --------
    >>> one = np.ones(1)
    >>> log_odds_left(0 * one, 0 * one, one, 1.0, one, 1.0, one)  # ln(4 * 3 / 8)
    array([0.40546511])
    """
    n, a, b, silence = r + x, alpha + t_x, beta + t_x, T - t_x
    left = integral(n, a, np.full_like(T, s + 1), b, silence) / b
    with np.errstate(divide="ignore"):
        return np.log(s * left) + n * np.log1p(silence / a) + s * np.log1p(silence / b)
