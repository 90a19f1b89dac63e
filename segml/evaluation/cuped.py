"""CUPED: what customers did before a test takes chance out of what they did during it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Cuped(NamedTuple):
    """Outcomes less what earlier behaviour foretold.

    Parameters
    ----------
    values : ndarray, shape (n_customers,)
        Adjusted outcomes, of the same mean over all groups together.
    theta : float
        The coefficient.
    reduction : float
        Share of the variance of the outcomes that is gone.
    """

    values: np.ndarray
    theta: float
    reduction: float


def cuped(y: np.ndarray, x: np.ndarray, groups: np.ndarray) -> Cuped:
    """Adjust outcomes for a covariate from before the test.

    Parameters
    ----------
    y, x : ndarray, shape (n_customers,)
        Outcome, and the same or another measure of the time before the assignment.
    groups : ndarray, shape (n_customers,)
        Who was in which group.

    Returns
    -------
    Cuped
        With theta and reduction 0 where x does not vary.

    Notes
    -----
    y - θ (x - x̄) with θ = cov(y, x) / var(x), both within groups, so that an effect does not
    count as variance; the variance falls by ρ² (Deng, Xu, Kohavi and Walker 2013, WSDM,
    123-132, eqs. 3 to 5). The mean x̄ is that of all groups.

    Examples
    --------
    >>> y, x = np.array([3.0, 5.0, 4.0, 6.0]), np.array([1.0, 3.0, 1.0, 3.0])
    >>> cuped(y, x, np.array(["a", "a", "b", "b"])).values.tolist()
    [4.0, 4.0, 5.0, 5.0]
    """
    _, codes = np.unique(groups, return_inverse=True)
    sizes = np.bincount(codes)
    inside_y = y - (np.bincount(codes, y) / sizes)[codes]
    inside_x = x - (np.bincount(codes, x) / sizes)[codes]
    spread, own = float(inside_x @ inside_x), float(inside_y @ inside_y)
    if not np.ptp(x) or spread == 0 or own == 0:
        return Cuped(y, 0.0, 0.0)
    shared = float(inside_x @ inside_y)
    theta = shared / spread
    return Cuped(y - theta * (x - x.mean()), theta, min(shared * theta / own, 1.0))
