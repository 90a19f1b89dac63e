r"""Integrals over the unseen time at which a Pareto/NBD customer leaves.

All that the model says about one customer comes from integrals of

.. math:: f(y) = e^{-\delta y} (1 + y/A)^{-p} (1 + y/B)^{-q}

over y from 0 to some end.  The known closed forms take differences of 2F1 or divide by
s - 1 or by alpha - beta; here f is integrated as it stands: it is positive, nothing
cancels, and no parameter is special.

With y = c (e^w - 1) and 1/c about the rate at which f falls at first, f is analytic for
|Im w| < pi and does not grow in the inner half of that strip, whatever the parameters.
Gauss-Legendre over w is therefore exact up to rounding with a number of nodes that the length
in w alone tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from ._unique import Codes, Floats

_CUT = 40.0  # the part left out is below exp(-40) of the whole
_STRIP = np.pi / 2  # half width of the strip in w in which f does not grow
_DIGITS = 17.0  # the error of the rule is below exp(-2 * 17)
_PANEL = 4.0  # greatest length of a panel in w
_KINDS = 64  # more than half the greatest number of nodes of a panel
_BLOCK = 50_000  # numbers of one array at a time, which fit into the cache
_GREATEST = 300.0  # exponent that does not overflow


def scale_and_reach(
    p: Floats, A: Floats, q: Floats, B: Floats, end: Floats, delta: float = 0.0
) -> tuple[Floats, Floats]:
    """Return the scale c of y and where to end, as nothing is left beyond.

    What is left of the integral beyond y is at most (1 + y/A)^-(p - 1) of it, (1 + y/B)^-(q - 1)
    of it, and exp(-delta y) of it.

    Parameters
    ----------
    p, A, q, B : ndarray of shape (m,)
        Powers, at least 0, and the scales of time that belong to them.
    end : ndarray of shape (m,)
        Where the integral ends; may be infinite where delta is greater than 0.
    delta : float
        Rate of the exponential, at least 0.

    Examples
    --------
    >>> one = np.ones(1)
    >>> scale_and_reach(9 * one, one, one, one, 50 * one)
    (array([0.08333333]), array([50.]))
    """
    reach = end
    for power, time in ((p, A), (q, B)):
        with np.errstate(divide="ignore"):
            steep = np.where(power > 1, _CUT / np.maximum(power - 1, 0), np.inf)
        far = time * np.expm1(np.minimum(steep, _GREATEST))
        reach = np.minimum(reach, np.where(steep < _GREATEST, far, np.inf))
    if delta > 0:
        reach = np.minimum(reach, _CUT / delta)
    return 1 / (delta + (p + 1) / A + (q + 1) / B), reach


def node_blocks(scale: Floats, reach: Floats) -> Iterator[tuple[Codes, Floats, Floats]]:
    """Yield rows, their nodes y and the weights of these, in blocks of bounded size.

    Parameters
    ----------
    scale, reach : ndarray of shape (m,)
        Of :func:`scale_and_reach`, the reach finite.

    Yields
    ------
    rows : ndarray of int, shape (k,)
    y, weight : ndarray of shape (k, n_nodes)

    Examples
    --------
    >>> for rows, y, weight in node_blocks(np.array([0.5]), np.array([50.0])):
    ...     print((weight * (1 + y) ** -2).sum(axis=1) - 50 / 51 < 1e-15)
    [ True]
    """
    if not len(scale):
        return
    length = np.log1p(reach / scale)
    panels = np.maximum(np.ceil(length / _PANEL), 1)
    with np.errstate(divide="ignore", over="ignore"):  # where the length is 0 or nearly
        needed = _DIGITS / np.arcsinh(2 * _STRIP * panels / length)
    halves = np.maximum(np.ceil(needed / 2), 1)  # even numbers of nodes, so that rows share them
    kind = (panels * _KINDS + halves).astype(np.uint16)  # sorted in linear time
    order = np.argsort(kind, kind="stable")
    begins = np.flatnonzero(np.diff(kind[order], prepend=0))
    for begin, end in zip(begins, np.r_[begins[1:], len(kind)], strict=True):
        n_panels, half = divmod(int(kind[order[begin]]), _KINDS)
        at, share = gauss_panels(2 * half, n_panels)
        size = max(1, _BLOCK // len(at))
        for first in range(begin, end, size):
            rows = order[first : min(first + size, end)]
            c, reached = scale[rows, None], length[rows, None]
            y = c * np.expm1(reached * at)
            yield rows, y, (reached * share) * (y + c)


@cache
def gauss_panels(n_nodes: int, n_panels: int) -> tuple[Floats, Floats]:
    """Return nodes and weights on (0, 1) of Gauss-Legendre on panels of equal length."""
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    at = ((nodes + 1) / 2 + np.arange(n_panels)[:, None]).ravel() / n_panels
    return at, np.tile(weights / 2, n_panels) / n_panels


def integral(p: Floats, A: Floats, q: Floats, B: Floats, end: Floats, delta: float = 0.0) -> Floats:
    r"""Return the integral of f from 0 to the end.

    Parameters
    ----------
    p, A, q, B, end, delta
        As for :func:`scale_and_reach`.

    Returns
    -------
    ndarray of shape (m,)
        In units of time.

    Examples
    --------
    >>> one = np.ones(1)
    >>> integral(0 * one, one, 2 * one, 3 * one, 6 * one).round(12)
    array([2.])
    """
    total = np.empty_like(A)
    for rows, y, weight in node_blocks(*scale_and_reach(p, A, q, B, end, delta)):
        exponent = p[rows, None] * np.log1p(y / A[rows, None])
        exponent += q[rows, None] * np.log1p(y / B[rows, None])
        if delta > 0:
            exponent += delta * y
        total[rows] = (weight * np.exp(-exponent)).sum(axis=1)
    return total
