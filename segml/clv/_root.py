"""Where many falling functions reach a level, all solved at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ._unique import Codes, Floats

_ACCURACY = 1e-13
_STEPS = 200  # bisection alone would need 50


def roots(
    function: Callable[[Codes, Floats], Floats], low: Floats, high: Floats, level: float
) -> Floats:
    """Return where each falling function crosses the level, missing where it does not.

    Chandrupatla's method: inverse quadratic interpolation where the three latest points
    allow it, bisection elsewhere.

    Parameters
    ----------
    function : callable
        From the positions of some of the functions, and a point for each, to their values.
    low, high : ndarray of shape (n,)
        Ends of the search.
    level : float
        What they are to reach; a function that is never above it, or never below it,
        between the ends does not cross it.

    Returns
    -------
    ndarray of shape (n,)

    References
    ----------
    Chandrupatla, T. R. (1997). A new hybrid quadratic/bisection algorithm for finding the
    zero of a nonlinear function without using derivatives. Advances in Engineering
    Software 28(3), 145-149.

    Examples
    --------
    >>> rate = np.array([1.0, 2.0, 0.0])
    >>> roots(lambda which, t: np.exp(-rate[which] * t), np.zeros(3), np.full(3, 9.0), 0.5)
    array([0.69314718, 0.34657359,        nan])
    """
    found = np.full(len(low), np.nan)
    everyone = np.arange(len(low))
    at_low, at_high = function(everyone, low) - level, function(everyone, high) - level
    left = everyone[(at_low > 0) & (at_high < 0)]
    a, fa = high[left], at_high[left]
    b, fb = low[left], at_low[left]
    share = np.full(len(left), 0.5)
    for _ in range(_STEPS):
        if not len(left):
            break
        t = a + share * (b - a)
        ft = function(left, t) - level
        same = np.sign(ft) == np.sign(fa)
        # a is the latest point, b the end on the other side of the level, c the one before
        c, fc = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = t, ft
        best = np.where(np.abs(fa) < np.abs(fb), a, b)
        reach = 2 * _ACCURACY * np.maximum(1.0, np.abs(best)) / np.abs(b - a)
        done = (reach > 1) | (fa == 0)
        found[left[done]] = best[done]
        share = _share(a, b, c, fa, fb, fc, np.minimum(reach, 0.5))
        left, a, b, fa, fb, share = (one[~done] for one in (left, a, b, fa, fb, share))
    return found


def _share(
    a: Floats, b: Floats, c: Floats, fa: Floats, fb: Floats, fc: Floats, least: Floats
) -> Floats:
    """Return how far from a towards b to look next."""
    with np.errstate(divide="ignore", invalid="ignore"):
        xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
        usable: NDArray[np.bool_] = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
        quadratic = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (
            fc - fb
        )
    return np.clip(np.where(usable, quadratic, 0.5), least, 1 - least)
