"""The log-likelihood of the Gamma-Gamma model with its exact derivatives, and its maximum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import digamma, gammaln, polygamma

from segml._core.errors import ConvergenceError

from ._fit import Optimum, maximise
from ._sums import BLOCK, dot
from ._unique import Floats, unique_rows


class GammaGammaLikelihood:
    r"""Sum over customers of the Gamma-Gamma log-likelihood, with exact derivatives.

    .. math::

        \ell = \ln\frac{\Gamma(px+q)}{\Gamma(px)\Gamma(q)} - q\ln\left(1+\frac{mx}{v}\right)
        - px\ln\left(1+\frac{v}{mx}\right) - \ln m

    Parameters
    ----------
    x, m : ndarray of shape (m,)
        Frequency and mean spend of each kind of customer, both greater than 0.
    weights : ndarray of shape (m,)
        How many customers of each kind there are.
    """

    def __init__(self, x: Floats, m: Floats, weights: Floats) -> None:
        counts = unique_rows([x], weights)
        self.count, self.count_weight = x[counts.first], counts.counts
        self.spent = m * x
        self.weights = np.stack([weights, weights * x])  # of customers, and of purchases
        self.total, self.purchases = self.weights.sum(axis=1)
        self.log_spent = float(dot(self.weights[1], np.log(self.spent)))
        self.constant = float(dot(weights, np.log(m)))

    def __call__(self, parameters: Floats) -> tuple[float, Floats, Floats]:
        """Return value, gradient and Hessian at (p, q, v)."""
        p, q, v = parameters
        x, w = self.count, self.count_weight
        both, own = digamma(p * x + q), digamma(p * x)
        both2, own2, q2 = (polygamma(1, at) for at in (p * x + q, p * x, q))
        value = w @ (gammaln(p * x + q) - gammaln(p * x) - gammaln(q)) - self.constant
        gradient = np.array([w @ (x * (both - own)), w @ (both - digamma(q)), 0.0])
        hessian = np.zeros((3, 3))
        hessian[0, 0] = w @ (x**2 * (both2 - own2))
        hessian[0, 1] = w @ (x * both2)
        hessian[1, 1] = w @ (both2 - q2)

        # Of each sum one over customers and one over purchases; ln(1 + v/s) is ln(1 + s/v) and
        # a logarithm whose sum is known.
        prior, inverse, square = np.zeros((3, 2))
        for begin in range(0, len(self.spent), BLOCK):
            at = slice(begin, begin + BLOCK)
            w, one = self.weights[:, at], 1 / (v + self.spent[at])
            prior += dot(w, np.log1p(self.spent[at] / v))
            inverse += dot(w, one)
            square += dot(w, one**2)
        share = prior[1] + self.purchases * np.log(v) - self.log_spent
        shapes = np.array([q, p])
        value -= q * prior[0] + p * share
        gradient -= [share, prior[0], shapes @ inverse - q * self.total / v]
        hessian[0, 2] = -inverse[1]
        hessian[1, 2] = self.total / v - inverse[0]
        hessian[2, 2] = shapes @ square - q * self.total / v**2
        return float(value), gradient, np.triu(hessian) + np.triu(hessian, 1).T


def highest(
    likelihood: GammaGammaLikelihood,
    starts: Sequence[Sequence[float]],
    names: Sequence[str],
    least_q: float | None,
) -> Optimum:
    """Maximise the likelihood, over q of at least `least_q` where that is given.

    Raises
    ------
    ConvergenceError
        As :func:`maximise`.
    """
    try:
        inside = maximise(likelihood, starts, names)
    except ConvergenceError:
        if least_q is None:
            raise
        edge = _edge(likelihood, starts, names, least_q)
        if edge.gradient[1] > 0:  # it runs off to a greater q, where the constraint is no help
            raise
        return edge
    if least_q is None or inside.parameters[1] >= least_q:
        return inside
    return _edge(likelihood, starts, names, least_q)


def _edge(
    likelihood: GammaGammaLikelihood,
    starts: Sequence[Sequence[float]],
    names: Sequence[str],
    q: float,
) -> Optimum:
    """Return the optimum over p and v at this q, which has no standard error."""
    p_and_v = [0, 2]

    def held(parameters: Floats) -> tuple[float, Floats, Floats]:
        value, gradient, hessian = likelihood(np.insert(parameters, 1, q))
        return value, gradient[p_and_v], hessian[np.ix_(p_and_v, p_and_v)]

    edge = maximise(held, [[start[0], start[2]] for start in starts], [names[0], names[2]])
    at = np.insert(edge.parameters, 1, q)
    gradient = likelihood(at)[1] * at
    covariance = np.zeros((3, 3))
    covariance[np.ix_(p_and_v, p_and_v)] = edge.covariance
    return replace(edge, parameters=at, gradient=gradient, covariance=covariance)
