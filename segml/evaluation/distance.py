"""How far apart two distributions are, and how much of that sampling alone would bring."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2, wasserstein_distance

from segml._core import text

from .distance_bins import Bins

_EMPTY = 0.5  # customers that an empty bin counts for
_CELLS = 1000  # of the grid on which the Wasserstein distance is resampled


def psi(reference: Any, current: Any) -> np.ndarray:
    r"""Return the population stability index of counts.

    Parameters
    ----------
    reference, current : array, shape (..., n_bins)
        Customers by bin.

    Returns
    -------
    ndarray, shape (...)
        0 where the shares are the same; missing where there is no customer.

    Notes
    -----
    With the shares p of the reference and q (Siddiqi 2006, Credit Risk Scorecards, ch. 8)

    .. math:: \sum_b (q_b - p_b) \ln (q_b / p_b)

    which is the sum of the two Kullback-Leibler divergences. An empty bin counts as half a
    customer, so that the logarithm is finite.

    Examples
    --------
    >>> psi([50, 50], [60, 40]).round(4)
    np.float64(0.0405)
    """
    p, q = (_shares(np.where(np.equal(side, 0), _EMPTY, side)) for side in (reference, current))
    found = ((q - p) * np.log(q / p)).sum(axis=-1)
    empty = (np.sum(reference, axis=-1) == 0) | (np.sum(current, axis=-1) == 0)
    return np.where(empty, np.nan, found)[()]


def psi_expected(bins: Bins) -> tuple[float, float]:
    r"""Return the PSI that sampling alone brings, and how likely it brings this much.

    Returns
    -------
    expected : float
        (B - 1) (1 / n + 1 / m) with B bins and n and m customers.
    p_value : float
        Of equal distributions; missing with a single bin.

    Notes
    -----
    Under equal distributions PSI / (1 / n + 1 / m) is about χ² with B - 1 degrees of freedom
    (Yurdakul 2018, Statistical properties of population stability index, Western Michigan
    University, ch. 3), for customers drawn independently at both times. Of the same
    customers the true chance is less: they change less than others would differ.

    Examples
    --------
    >>> expected, p_value = psi_expected(Bins(["a", "b"], np.array([50, 50]), np.array([60, 40])))
    >>> expected, round(p_value, 3)
    (0.02, 0.154)
    """
    rate = 1 / bins.reference.sum() + 1 / bins.current.sum()
    freedom = len(bins.labels) - 1
    if not freedom:
        return 0.0, np.nan
    value = float(psi(bins.reference, bins.current))
    return float(freedom * rate), float(chi2.sf(value / rate, freedom))


def js_distance(reference: Any, current: Any) -> Any:
    """Return the Jensen-Shannon distance of counts: 0 when alike, 1 when nothing is shared.

    Parameters
    ----------
    reference, current : array, shape (..., n_bins)
        Customers by bin.

    Notes
    -----
    The square root of the Jensen-Shannon divergence to base 2 (Lin 1991, IEEE Transactions
    on Information Theory 37, 145-151; Endres and Schindelin 2003, ibid. 49, 1858-1860).

    Examples
    --------
    >>> js_distance([9, 0], [0, 4])
    np.float64(1.0)
    """
    return jensenshannon(reference, current, base=2, axis=-1)


def interval(
    bins: Bins, distance: Any, level: float, n_resamples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the interval of a distance of counts.

    Parameters
    ----------
    bins : Bins
        Customers.
    distance : callable
        Of counts before and after, by the last axis.
    level : float
        Coverage.
    n_resamples : int
        How often customers are drawn again.
    rng : Generator
        Draws them.

    Notes
    -----
    Basic bootstrap: both sides are drawn from their shares (multinomial), and the ends are
    2 d - d*, at least 0. A distance is never negative, so that sampling makes it too large;
    reflected, the interval takes as much off as resampling adds.
    """
    draws = [
        rng.multinomial(int(side.sum()), side / side.sum(), size=n_resamples)
        for side in (bins.reference, bins.current)
    ]
    found = float(distance(bins.reference, bins.current))
    return _reflected(found, np.asarray(distance(*draws)), level)


def _reflected(found: float, draws: np.ndarray, level: float) -> tuple[float, float]:
    low, high = np.quantile(draws, [0.5 - level / 2, 0.5 + level / 2])
    return max(0.0, 2 * found - float(high)), max(0.0, 2 * found - float(low))


def wasserstein(
    reference: np.ndarray,
    current: np.ndarray,
    level: float,
    n_resamples: int,
    rng: np.random.Generator,
) -> tuple[float, float, float]:
    """Return how far values moved on average, in their unit, with the interval.

    Parameters
    ----------
    reference, current : ndarray
        Known values.
    level : float
        Coverage.
    n_resamples : int
        How often customers are drawn again.
    rng : Generator
        Draws them.

    Returns
    -------
    tuple of float
        The distance and the ends of its interval; missing where a side is empty.

    Notes
    -----
    The 1-Wasserstein distance, the area between the two distribution functions. The interval
    is as that of the other distances, on a grid of a thousand quantiles of all values.
    """
    if not len(reference) or not len(current):
        return np.nan, np.nan, np.nan
    found = float(wasserstein_distance(reference, current))
    pooled = np.concatenate([reference, current])
    grid = np.unique(np.quantile(pooled, np.linspace(0, 1, _CELLS), method="inverted_cdf"))
    if len(grid) == 1:
        return found, found, found
    gaps = np.diff(grid)

    def area(before: np.ndarray, after: np.ndarray) -> np.ndarray:
        steps = [
            side.cumsum(axis=-1)[..., :-1] / side.sum(axis=-1)[..., None]
            for side in (before, after)
        ]
        return (np.abs(steps[0] - steps[1]) * gaps).sum(axis=-1)

    sides = [
        np.bincount(np.searchsorted(grid, side), minlength=len(grid))
        for side in (reference, current)
    ]
    low, high = interval(Bins([], *sides), area, level, n_resamples, rng)
    coarse = float(area(*sides))  # than the distance itself, by a little
    return found, max(0.0, low + found - coarse), max(0.0, high + found - coarse)


def _shares(counts: np.ndarray) -> np.ndarray:
    return counts / counts.sum(axis=-1, keepdims=True)


def say_bins(bins: Bins) -> pd.DataFrame:
    """Return customers and shares by bin, and what each adds to the PSI."""
    p, q = (_shares(np.where(side == 0, _EMPTY, side)) for side in (bins.reference, bins.current))
    return pd.DataFrame(
        {
            "bin": bins.labels,
            "n_reference": bins.reference,
            "n_current": bins.current,
            "reference": _shares(bins.reference),
            "current": _shares(bins.current),
            "psi": (q - p) * np.log(q / p),
        }
    )


def say_psi(value: float) -> str:
    """Format an index: two places are all it is worth.

    Examples
    --------
    >>> say_psi(0.1234), say_psi(0.001), say_psi(np.nan)
    ('0.12', '<0.01', 'n/a')
    """
    if np.isnan(value):
        return text.MISSING
    return "<0.01" if 0 < value < 0.005 else f"{value:.2f}"
