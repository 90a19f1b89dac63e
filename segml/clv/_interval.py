"""Confidence intervals on the scale of the logarithm, of the log odds, or of the value."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.special import expit, logit, ndtri

from segml._core.check import number

from ._unique import Floats

Scale = Literal["positive", "probability", "real"]


def interval(value: Floats, error: Floats, scale: Scale, level: float) -> tuple[Floats, Floats]:
    """Return the ends of Wald intervals that stay inside the range of the values.

    Parameters
    ----------
    value, error : ndarray of shape (n,)
        Estimates and their standard errors.
    scale : {"positive", "probability", "real"}
        Whether the interval is symmetric in the logarithm, in the log odds or in the value.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    tuple of ndarray
        Lower and upper ends; both the estimate itself where that lies at the
        edge of its range or has no error.

    Raises
    ------
    ParameterError
        When `level` is out of range.

    Examples
    --------
    >>> low, high = interval(np.array([2.0, 0.0]), np.array([1.0, 0.0]), "positive", 0.95)
    >>> low.round(3), high.round(3)
    (array([0.751, 0.   ]), array([5.329, 0.   ]))
    """
    z = ndtri((1 + number(level, "level", low=0, high=0.9999, open_low=True)) / 2)
    if scale == "real":
        return value - z * error, value + z * error
    inside = (value > 0) & (error > 0)
    if scale == "probability":
        inside &= value < 1
    safe = np.where(inside, value, 0.5)
    if scale == "probability":
        half = z * error / (safe * (1 - safe))
        ends = expit(logit(safe) - half), expit(logit(safe) + half)
    else:
        half = z * error / safe
        with np.errstate(over="ignore"):  # an upper end of infinity says: not known at all
            ends = safe * np.exp(-half), safe * np.exp(half)
    return np.where(inside, ends[0], value), np.where(inside, ends[1], value)
