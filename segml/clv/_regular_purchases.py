r"""Purchases expected from a customer who is alive and buys at every k-th Poisson event.

Let j events have happened since the last purchase, and v = lambda s count the events
expected in the time s.  Given the chance p to leave after a purchase, with q = 1 - p and
sigma = q^(1/k), purchases come with the density

.. math:: \sum_{m \ge 1} q^{m-1} e^{-v} \frac{v^{km-j-1}}{(km-j-1)!}
    = e^{-(1-\sigma) v} \sigma^{-i}\, \phi_i(\sigma v), \qquad i = k - 1 - j

in v, where :math:`\phi_i(y)` is the chance that a Poisson count of mean y is i modulo k.
Its mean over p is a function of v alone.  It is integrated over v as far as lambda t, for
a grid of rates lambda that all customers share, and then averaged over each one's
gamma distribution of the rate: all terms are positive, and nothing cancels.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from ._alive_purchases import beta_nodes
from ._unique import Floats

_CUT = 45.0  # the weight left out is of the order exp(-45)
_STEP = 0.25  # between logarithms of rates, at most
_GAUSS_NODES, _GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(6)
_FIRST_NODES, _FIRST_WEIGHTS = np.polynomial.legendre.leggauss(16)
_TINY = 1e-100
_BLOCK = 1_000_000  # numbers held at a time


def regular_purchases(
    n: float, A: Floats, share: Floats, a: float, B: float, t: float, delta: float = 0.0
) -> Floats:
    """Return purchases expected in the next t of customers who are alive, discounted at delta.

    Parameters
    ----------
    n : float
        r + kx, the same for all.
    A : ndarray of shape (m,)
        alpha + T.
    share : ndarray of shape (k, m)
        Chances that j = 0, ..., k - 1 events have happened since the last purchase.
    a, B : float
        Parameters of the beta distribution of the chance to leave after a purchase.
    t : float
        Length of time, at least 0; it may be infinite where delta is greater than 0.
    delta : float
        Continuous discount rate, at least 0.

    Returns
    -------
    ndarray of shape (m,)

    Examples
    --------
    Of customers who never leave and have just bought, every second event is a purchase,
    less a quarter for the event that is left over half of the time:

    >>> at, just_bought = np.array([100.0]), np.array([[1.0], [0.0]])
    >>> float(regular_purchases(1000.0, at, just_bought, 1e-14, 1.0, 20.0)[0].round(6))
    99.75
    """
    if t == 0:
        return np.zeros(len(A))
    k = len(share)
    reach = min(t, (_CUT + 5 * k) / max(delta, _TINY))
    step = min(_STEP, 0.5 / k, 0.7 / np.sqrt(n + k))
    logs = _log_rates(n, k, A, reach, step)
    density = _Density(k, a, B)
    per_rate = _by_rate(density, np.exp(logs), step, reach, delta)  # (k, rates)
    expected = np.zeros(len(A))
    rows = max(1, _BLOCK // len(logs))
    for begin in range(0, len(A), rows):
        block = slice(begin, begin + rows)
        log_g = logs + np.log(A[block])[:, None]
        g = np.exp(log_g)
        for j in range(k):
            R = n + j
            weight = step * np.exp(R * log_g - g - gammaln(R))
            expected[block] += share[j, block] * (weight @ per_rate[j])
    return expected


def _log_rates(n: float, k: int, A: Floats, reach: float, step: float) -> Floats:
    """Return logarithms of rates that hold what counts of all the gamma distributions."""
    peak = np.log(n) - np.log(A.max())
    lowest = peak - _below(n)
    # Where lambda t is small nothing is bought, and the integrand falls off by one power more.
    few = min(-np.log(reach), peak) - _below(n + 1)
    most = n + k
    above = np.log1p(_CUT / most + np.sqrt(2 * _CUT / most)) + 0.5 / np.sqrt(most)
    highest = np.log(most) + above - np.log(A.min())
    low = max(lowest, few)
    return low + step * np.arange(int(np.ceil((highest - low) / step)) + 1)


def _below(n: float) -> float:
    """Return a y with n (e^-y - 1 + y) >= 45: so far below its peak a gamma density is nothing."""
    return _CUT / n + min(1.0, float(np.sqrt(2 * _CUT / n)))


class _Density:
    """The density of purchases in v for each j, averaged over the chance to leave."""

    def __init__(self, k: int, a: float, B: float) -> None:
        self.k, self.a, self.B = k, a, B

    def __call__(self, v: Floats) -> Floats:
        """Return the densities at increasing v, of shape (k, len(v))."""
        k = self.k
        knee = float(np.log1p(v[-1] / self.B))
        logits, weight = beta_nodes(np.array([self.a]), np.array([self.B]), knee)
        log_sigma = -np.logaddexp(0, logits[0]) / k
        sigma, left = np.exp(log_sigma), -np.expm1(log_sigma)
        found = np.empty((k, len(v)))
        rows = max(1, _BLOCK // len(sigma))
        for begin in range(0, len(v), rows):
            some = v[begin : begin + rows]
            decay = np.exp(-np.outer(some, left)) * weight[0]
            y = np.outer(some, sigma)
            for i in range(k):
                mean = (decay * _scaled_chance(y, i, k)).sum(axis=1)
                found[k - 1 - i, begin : begin + rows] = some**i * mean
        return found


def _scaled_chance(y: Floats, i: int, k: int) -> Floats:
    """Return phi_i(y) / y^i."""
    low = y < 2 * k
    out = np.empty_like(y)
    few, many = y[low], y[~low]
    total = np.zeros_like(few)
    top = float(few.max(initial=0.0))
    last = i + k * int(np.ceil((top + 12 * np.sqrt(top + 1) + 12) / k))
    powers = few**k
    for m in range(last, i - 1, -k):  # sum of y^(m - i) / m!
        total = total * powers + np.exp(-gammaln(m + 1))
    out[low] = total * np.exp(-few)
    waves = np.ones_like(many)
    for wave in range(1, k // 2 + 1):
        angle = 2 * np.pi * wave / k
        twice = 1.0 if 2 * wave == k else 2.0
        damped = np.exp(-(1 - np.cos(angle)) * many)
        waves += twice * damped * np.cos(many * np.sin(angle) - i * angle)
    out[~low] = waves / k / many**i
    return out


def _by_rate(density: _Density, rates: Floats, step: float, reach: float, delta: float) -> Floats:
    """Return, for each j and rate, the purchases expected within reach."""
    v = rates * reach
    first = min(v[0], 1.0, rates[0] / max(delta, _TINY))
    n_before = int(np.ceil(np.log(v[0] / first) / 0.25)) if v[0] > first else 0
    ends = np.r_[np.geomspace(first, v[0], n_before + 1), v[1:]] if n_before else v
    half, middle = np.diff(ends) / 2, (ends[1:] + ends[:-1]) / 2
    inner = middle[:, None] + half[:, None] * _GAUSS_NODES
    nodes = np.r_[first * (_FIRST_NODES + 1) / 2, inner.ravel()]
    widths = np.r_[first * _FIRST_WEIGHTS / 2, (half[:, None] * _GAUSS_WEIGHTS).ravel()]
    mass = density(nodes) * widths
    up_to = len(_FIRST_NODES) + len(_GAUSS_NODES) * (n_before + np.arange(len(rates)))
    if delta == 0:
        cumulated: Floats = np.cumsum(mass, axis=1)[:, up_to - 1]
        return cumulated
    found = np.empty((len(mass), len(rates)))
    for at, (rate, end) in enumerate(zip(rates, up_to, strict=True)):
        found[:, at] = mass[:, :end] @ np.exp(-delta / rate * nodes[:end])
    return found
