"""Ratios of observed to expected counts, the uncertain ones drawn towards 1."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import betaln, xlog1py, xlogy
from scipy.stats import gamma

_FLAT, _FIRM = 1e-2, 1e6  # between next to no drawing, and none of the ratios differing


def prior_strength(observed: np.ndarray, expected: np.ndarray) -> float:
    """Estimate how far true ratios are from 1, as the shape a of their distribution.

    Parameters
    ----------
    observed, expected : ndarray, shape (n,)
        Counts, not necessarily whole; expected above 0.

    Returns
    -------
    float
        a of Gamma(a, a), between 0.01 and a million, by maximum likelihood; large where the
        counts differ from those expected no more than by chance.

    Notes
    -----
    With O | λ ~ Poisson(λ E) and λ ~ Gamma(a, a), O is negative binomial, with
    log p(O) = log Γ(a + O) - log Γ(a) - log Γ(O + 1) + a log(a / (a + E))
    + O log(E / (a + E)) (Clayton and Kaldor 1987, Biometrics 43, 671-681, section 3; with
    the mean of the prior held at 1, as the ratios have it over all).

    Examples
    --------
    >>> prior_strength(np.array([10.0, 20.0]), np.array([10.0, 20.0]))
    1000000.0
    """

    def loss(log_a: float) -> float:
        return -log_likelihood(float(np.exp(log_a)), observed, expected)

    grid = np.linspace(np.log(_FLAT), np.log(_FIRM), 41)
    best = int(np.argmin([loss(one) for one in grid]))
    if best in (0, len(grid) - 1):
        return _FLAT if best == 0 else _FIRM
    found = minimize_scalar(
        loss, bounds=(grid[best - 1], grid[best + 1]), method="bounded", options={"xatol": 1e-8}
    )
    return float(np.exp(found.x))


def log_likelihood(a: float, observed: np.ndarray, expected: np.ndarray) -> float:
    """Return the log-likelihood of `prior_strength`, but for what does not depend on a.

    log Γ(a + O) - log Γ(a) is log Γ(O) - log B(a, O), which does not cancel where a is large.
    """
    seen = observed > 0
    # a log(a / (a + E)) and O log(a / (a + E)), the latter from E / (a + E) less what is fixed
    total = -xlog1py(a, expected / a).sum() - xlogy(observed, a + expected).sum()
    return float(total - betaln(a, observed[seen]).sum())


def shrunk_ratios(
    observed: np.ndarray, expected: np.ndarray, a: float, level: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean (a + O) / (a + E) of each ratio given its counts, and its interval.

    Notes
    -----
    λ | O ~ Gamma(a + O, a + E); the interval leaves (1 - level) / 2 of it on either side.

    Examples
    --------
    >>> mean, low, high = shrunk_ratios(np.array([0.0]), np.array([2.0]), 2.0, 0.95)
    >>> mean.tolist(), low.round(3).tolist(), high.round(3).tolist()
    ([0.5], [0.061], [1.393])
    """
    shape, rate = a + observed, a + expected
    tail = (1 - level) / 2
    return shape / rate, gamma.ppf(tail, shape) / rate, gamma.isf(tail, shape) / rate
