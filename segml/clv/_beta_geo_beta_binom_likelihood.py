r"""The log-likelihood of the BG/BB model with its exact first and second derivatives.

A customer bought x times, last at opportunity t_x, and was silent from then to
opportunity n.  The sum over the opportunity of death (Fader, Hardie & Shang 2010,
equation 5) is here a recurrence.  Given the past up to opportunity j and that the
customer was alive at j, the chance of silence from j to n is

.. math:: R_j = \frac{\gamma}{\gamma+\delta+j}
    + \frac{\delta+j}{\gamma+\delta+j}\,\frac{\beta+j-x}{\alpha+\beta+j}\, R_{j+1},
    \qquad R_n = 1

either dying before j + 1, or living and not buying at it.  All terms are positive and
at most 1: nothing cancels, overflows or vanishes, however long the silence.  Then

.. math:: L = \frac{B(\alpha+x, \beta+t_x-x)}{B(\alpha, \beta)}\,
    \frac{B(\gamma, \delta+t_x)}{B(\gamma, \delta)}\, R_{t_x}
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ._unique import Codes, Floats, unique_rows

_BLOCK = 8_192  # groups that go back in time together


@dataclass(frozen=True)
class _Step:
    """One step back in time, from opportunity j + 1 to j.

    Parameters
    ----------
    j : float
        The opportunity.
    active : int
        How many groups were still observed at j + 1; they come first.
    groups, rows : ndarray of int
        The groups and rows of the histories whose last purchase was at j.
    """

    j: float
    active: int
    groups: Codes
    rows: Codes


@dataclass(frozen=True)
class _Silence:
    """Groups of equal (x, n), the last observed first, with their steps back in time."""

    x: Floats
    steps: list[_Step]


def _silences(x: Floats, t_x: Floats, n: Floats) -> Iterator[_Silence]:
    """Group the histories that end in silence: all of equal (x, n) share one recurrence."""
    silent = np.flatnonzero(t_x < n)
    if not len(silent):
        return
    kinds = unique_rows([-n[silent], x[silent]])
    group_x, group_n = x[silent][kinds.first], n[silent][kinds.first]
    order = np.argsort(kinds.inverse, kind="stable")
    for begin in range(0, len(kinds), _BLOCK):
        end = min(begin + _BLOCK, len(kinds))
        span = np.searchsorted(kinds.inverse[order], [begin, end])
        members = order[slice(*span)]
        members = members[np.argsort(t_x[silent][members], kind="stable")]
        last = t_x[silent][members]
        block_n = group_n[begin:end]
        steps = []
        for j in np.arange(block_n[0] - 1, last[0] - 1, -1):
            low, high = np.searchsorted(last, [j, j + 1])
            here = members[low:high]
            active = int(np.searchsorted(-block_n, -j))  # those with n > j
            steps.append(_Step(float(j), active, kinds.inverse[here] - begin, silent[here]))
        yield _Silence(group_x[begin:end], steps)


def silence(parameters: Floats, x: Floats, t_x: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Return the chance of silence from t_x to n, and that of silence and being alive at n.

    Parameters
    ----------
    parameters : ndarray of shape (4,)
        alpha, beta, gamma, delta.
    x, t_x, n : ndarray of shape (m,)
        Frequency, recency and number of opportunities.

    Returns
    -------
    tuple of ndarray of shape (m,)
        Both given the purchases up to t_x.

    Examples
    --------
    >>> silent, alive = silence(np.ones(4), np.array([1.0]), np.array([1.0]), np.array([2.0]))
    >>> silent.round(6), alive.round(6)  # 1/3 + 2/3 * 1/3, 2/3 * 1/3
    (array([0.555556]), array([0.222222]))
    """
    alpha, beta, gamma, delta = parameters
    silent, alive = np.ones_like(x), np.ones_like(x)
    for block in _silences(x, t_x, n):
        R, V = np.ones_like(block.x), np.ones_like(block.x)
        for step in block.steps:
            j, now = step.j, slice(step.active)
            passed = np.maximum(j - block.x[now], 0)  # before j = x nothing is read
            stay = (delta + j) / (gamma + delta + j) * ((beta + passed) / (alpha + beta + j))
            V[now] *= stay
            R[now] = gamma / (gamma + delta + j) + stay * R[now]
            silent[step.rows], alive[step.rows] = R[step.groups], V[step.groups]
    return silent, alive


class BetaGeoBetaBinomLikelihood:
    r"""Sum over customers of the BG/BB log-likelihood (Fader, Hardie & Shang 2010, equation 5).

    The likelihood is of the sequence of purchases, without a binomial coefficient, as in
    the paper.  The part up to t_x is a sum over opportunities k of logarithms of
    :math:`\alpha+k, \beta+k, \alpha+\beta+k, \delta+k, \gamma+\delta+k`, each as often as
    customers need it.  The derivatives of :math:`\ln R_j` follow the recurrence too: those
    of the logarithm of a sum of two are the mean of theirs, and the variance between them.

    Parameters
    ----------
    x, t_x, n : ndarray of shape (m,)
        Frequency, recency and number of opportunities of each kind of customer.
    weights : ndarray of shape (m,)
        How many customers of each kind there are.
    """

    def __init__(self, x: Floats, t_x: Floats, n: Floats, weights: Floats) -> None:
        size = int(t_x.max())
        bought, passed, both = (_more_than(v, weights, size) for v in (x, t_x - x, t_x))
        self.times = np.stack([bought, passed, -both, both, -both])
        self.k = np.arange(size, dtype=float)
        self.blocks = list(_silences(x, t_x, n))
        self.weights = weights

    def __call__(self, parameters: Floats) -> tuple[float, Floats, Floats]:
        """Return value, gradient and Hessian at (alpha, beta, gamma, delta)."""
        value, gradient, hessian = self._purchases(parameters)
        for block in self.blocks:
            value += self._silence(block, parameters, gradient, hessian)
        return value, gradient, hessian

    def _purchases(self, parameters: Floats) -> tuple[float, Floats, Floats]:
        alpha, beta, gamma, delta = parameters
        bases = np.array([alpha, beta, alpha + beta, delta, gamma + delta])[:, None] + self.k
        value = float((self.times * np.log(bases)).sum())
        slopes = self.times / bases
        a, b, ab, d, gd = slopes.sum(axis=1)
        a2, b2, ab2, d2, gd2 = -(slopes / bases).sum(axis=1)
        gradient = np.array([a + ab, b + ab, gd, d + gd])
        hessian = np.zeros((4, 4))
        hessian[:2, :2] = [[a2 + ab2, ab2], [ab2, b2 + ab2]]
        hessian[2:, 2:] = [[gd2, gd2], [gd2, d2 + gd2]]
        return value, gradient, hessian

    def _silence(
        self, block: _Silence, parameters: Floats, gradient: Floats, hessian: Floats
    ) -> float:
        beta, x, value = parameters[1], block.x, 0.0
        R, g, h = np.ones_like(x), np.zeros((4, len(x))), np.zeros((4, 4, len(x)))
        terms = _Terms(parameters, np.array([step.j for step in block.steps]))
        for i, step in enumerate(block.steps):
            now = slice(step.active)
            pass_on = beta + np.maximum(step.j - x[now], 0)  # before j = x nothing is read
            dead, one = terms.dead[i], 1 / pass_on
            stay = terms.stay[i] * pass_on * R[now]
            R[now] = total = dead + stay
            p = stay / total
            apart = g[:, now]  # the slopes of ln(stay) less those of ln(dead)
            apart += terms.apart[i]
            apart[1] += one
            curve = h[:, :, now]
            curve += apart[:, None] * (apart * (dead / total))
            curve += terms.curve_apart[i]
            curve[1, 1] -= one * one
            curve *= p
            curve += terms.curve_dead[i]
            apart *= p
            apart += terms.slope_dead[i]
            if len(step.rows):
                w, groups = self.weights[step.rows], step.groups
                value += float(w @ np.log(R[groups]))
                gradient += g[:, groups] @ w
                hessian += h[:, :, groups] @ w
        return value


class _Terms:
    """What a step of the recurrence needs that is the same for all customers, for each j.

    ``dead`` is the chance to die, ``stay`` that to live over that not to buy, but for the
    factor beta + j - x.  ``slope_dead`` and ``curve_dead`` are the derivatives of the
    logarithm of the first, ``apart`` and ``curve_apart`` those of the second less those.
    """

    def __init__(self, parameters: Floats, j: Floats) -> None:
        alpha, beta, gamma, delta = parameters
        chances, life, lived = alpha + beta + j, gamma + delta + j, delta + j
        self.dead = gamma / life
        self.stay = lived / (life * chances)
        self.slope_dead = np.zeros((len(j), 4, 1))
        self.slope_dead[:, 2, 0], self.slope_dead[:, 3, 0] = lived / (gamma * life), -1 / life
        self.apart = np.empty((len(j), 4, 1))
        self.apart[:, :2, 0] = (-1 / chances)[:, None]
        self.apart[:, 2, 0], self.apart[:, 3, 0] = -1 / gamma, 1 / lived
        self.curve_dead = np.zeros((len(j), 4, 4, 1))
        self.curve_dead[:, 2:, 2:, 0] = (1 / life**2)[:, None, None]
        self.curve_dead[:, 2, 2, 0] -= 1 / gamma**2
        self.curve_apart = np.zeros((len(j), 4, 4, 1))
        self.curve_apart[:, :2, :2, 0] = (1 / chances**2)[:, None, None]
        self.curve_apart[:, 2, 2, 0] = 1 / gamma**2
        self.curve_apart[:, 3, 3, 0] = -1 / lived**2


def _more_than(values: Floats, weights: Floats, size: int) -> Floats:
    """Return the weight of the values greater than k, for k from 0 to size - 1."""
    each = np.bincount(values.astype(np.intp), weights=weights, minlength=size + 1)
    return np.asarray(np.cumsum(each[::-1])[::-1][1:], dtype=float)
