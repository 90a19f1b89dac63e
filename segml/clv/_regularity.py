r"""Erlang-k times between purchases: k Poisson events of a customer make one purchase.

The events since the last purchase, j of k, are not seen.  Given that a customer of x
purchases is alive at T, the likelihood of j is proportional to

.. math:: q_j = \frac{(r + kx)_j}{j!} \left(\frac{T - t_x}{\alpha + T}\right)^j,
    \qquad j = 0, \ldots, k - 1, \qquad Q = \sum_j q_j

(Platzer & Reutterer 2016), and their purchase rate is then Gamma(r + kx + j, alpha + T).
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from segml._core.errors import MissingTableError

from ._rfm import as_frame, finite_numbers
from ._unique import Floats

LITT = "litt"
_BLOCK = 1_000_000  # numbers held at a time


def living_events(n: Floats, fraction: Floats, k: int) -> Floats:
    r"""Return the logarithms of q_0, ..., q_{k-1}.

    Parameters
    ----------
    n : ndarray of shape (m,)
        r + kx.
    fraction : ndarray of shape (m,)
        (T - t_x) / (alpha + T).
    k : int

    Returns
    -------
    ndarray of shape (k, m)

    Examples
    --------
    >>> np.exp(living_events(np.array([2.0]), np.array([0.5]), 3)).round(6).T
    array([[1.  , 1.  , 0.75]])
    """
    logarithms = np.zeros((k, len(n)))
    with np.errstate(divide="ignore"):
        each = np.log(fraction)
    for j in range(1, k):
        logarithms[j] = logarithms[j - 1] + each + np.log((n + (j - 1)) / j)
    return logarithms


def log_sum(logarithms: Floats) -> Floats:
    """Return ln Q from :func:`living_events`.

    Examples
    --------
    >>> log_sum(np.log([[1.0], [1.0], [0.75]])).round(6)
    array([1.011601])
    """
    highest = logarithms.max(axis=0)
    total: Floats = highest + np.log(np.exp(logarithms - highest).sum(axis=0))
    return total


def log_sum_derivatives(
    n: Floats, silence: Floats, older: Floats, k: int
) -> tuple[Floats, Floats, Floats]:
    """Return ln Q with its derivatives by r and alpha.

    Parameters
    ----------
    n : ndarray of shape (m,)
        r + kx.
    silence, older : ndarray of shape (m,)
        T - t_x and alpha + T.
    k : int

    Returns
    -------
    value : ndarray of shape (m,)
    gradient : ndarray of shape (2, m)
        By r and alpha.
    hessian : ndarray of shape (3, m)
        By r twice, by r and alpha, by alpha twice.
    """
    value, gradient, hessian = np.empty(len(n)), np.empty((2, len(n))), np.empty((3, len(n)))
    size = max(1, _BLOCK // k)
    for begin in range(0, len(n), size):
        at = slice(begin, begin + size)
        value[at], gradient[:, at], hessian[:, at] = _block(n[at], silence[at], older[at], k)
    return value, gradient, hessian


def _block(n: Floats, silence: Floats, older: Floats, k: int) -> tuple[Floats, Floats, Floats]:
    logarithms = living_events(n, silence / older, k)
    value = log_sum(logarithms)
    share = np.exp(logarithms - value)
    rise, bend = np.zeros_like(share), np.zeros_like(share)  # of ln q_j by r, once and twice
    for j in range(1, k):
        rise[j] = rise[j - 1] + 1 / (n + (j - 1))
        bend[j] = bend[j - 1] - 1 / (n + (j - 1)) ** 2
    events = np.arange(k)[:, None]
    mean_rise, mean_events = (share * rise).sum(axis=0), (share * events).sum(axis=0)
    rise, off = rise - mean_rise, events - mean_events
    hessian = [
        (share * (bend + rise**2)).sum(axis=0),
        -(share * rise * off).sum(axis=0) / older,
        ((share * off**2).sum(axis=0) + mean_events) / older**2,
    ]
    return value, np.stack([mean_rise, -mean_events / older]), np.stack(hessian)


def times_between(x: Floats, litt: float, weights: Floats, k: int) -> float:
    r"""Return what the times between purchases add to the log-likelihood, given k.

    .. math:: (k - 1) \sum_i w_i\, \mathrm{litt}_i - \ln\Gamma(k) \sum_i w_i x_i

    Parameters
    ----------
    x, weights : ndarray of shape (n,)
        Frequency, and how many customers have it.
    litt : float
        Sum over customers of the logarithms of the times between their purchases.
    k : int
    """
    return (k - 1) * litt - float(gammaln(k)) * float(weights @ x)


def read_litt(rfm: object) -> Floats:
    """Read the sums of the logarithms of the times between purchases.

    Raises
    ------
    MissingTableError
        When the table has no column ``litt``.
    DataError
        When a value is missing or infinite, or the column not of numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> read_litt(pd.DataFrame({"litt": [0.0, 2.5]}))
    array([0. , 2.5])
    """
    frame = as_frame(rfm)
    if LITT not in frame.columns:
        raise MissingTableError(
            f"the RFM table has no column {LITT}, which regular times between purchases need",
            where="rfm",
            got=", ".join(str(column) for column in frame.columns),
            expected=f"{LITT}, the sum of the logarithms of the times between purchases",
            hint="rfm_summary(orders, as_of, litt=True), or k=1",
        )
    return finite_numbers(frame, LITT)
