"""The lift of one variant over the control, in one segment or over several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .experiment_means import (
    Mean,
    fieller,
    log_ratio_variance,
    mean_of,
    mixed,
    t_quantiles,
    welch,
)
from .experiment_permutation import permutation_t
from .experiment_score import share_difference, share_p_value, share_ratio

_UNBOUNDED = "the control's mean is not clearly above 0, so the relative lift has no interval"
SCORE, WELCH, PERMUTATION = "score", "Welch", "permutation-t"


class Lift(NamedTuple):
    """A lift with its intervals; what cannot be computed is missing, and `reason` says why.

    Parameters
    ----------
    n, n_control : int
        Customers.
    mean, mean_control : float
        Outcome per customer; over several segments of the same mix of these.
    difference, low, high : float
        Variant less control.
    relative, relative_low, relative_high : float
        The difference as a share of the control's mean.
    p_value : float
        Two-sided, of no difference.
    method : str
        What the interval of the difference is by.
    variance, log_variance : float
        Squared standard errors of the difference and of log(mean / mean_control).
    reason : str
        Why something is missing.
    """

    n: int
    n_control: int
    mean: float = math.nan
    mean_control: float = math.nan
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    relative: float = math.nan
    relative_low: float = math.nan
    relative_high: float = math.nan
    p_value: float = math.nan
    method: str = ""
    variance: float = math.nan
    log_variance: float = math.nan
    reason: str = ""


def share_lift(
    one: Sequence[np.ndarray], control: Sequence[np.ndarray], weights: np.ndarray, level: float
) -> Lift:
    """Compare shares: intervals of Miettinen and Nurminen.

    Parameters
    ----------
    one, control : sequence of ndarray
        Outcomes of 0 and 1 of the variant and of the control, an array per segment.
    weights : ndarray, shape (n_segments,)
        Shares of the segments among all customers, together 1.
    level : float
        Coverage.

    Notes
    -----
    Over several segments the shares are means by `weights`, and stand for as many customers
    as would give them their variance (the effective sample size of Korn and Graubard 1998,
    Survey Methodology 24, 193-201).
    """
    (x1, n1, v1), (x0, n0, v0) = (_effective(arms, weights) for arms in (one, control))
    p1, p0 = x1 / n1, x0 / n0
    low, high = share_difference(x1, n1, x0, n0, level)
    ratio_low, ratio_high = share_ratio(x1, n1, x0, n0, level)
    return Lift(
        sum(len(arm) for arm in one),
        sum(len(arm) for arm in control),
        p1,
        p0,
        p1 - p0,
        float(low),
        float(high),
        p1 / p0 - 1 if p0 > 0 else math.nan,
        float(ratio_low) - 1,
        float(ratio_high) - 1,
        float(share_p_value(x1, n1, x0, n0)),
        SCORE,
        v1 + v0,
        v1 / p1**2 + v0 / p0**2 if p1 > 0 and p0 > 0 else math.nan,
        "" if p0 > 0 else "nobody in the control converted, so there is no relative lift",
    )


def mean_lift(
    one: Sequence[np.ndarray], control: Sequence[np.ndarray], weights: np.ndarray, level: float
) -> Lift:
    """Compare means: Welch's interval, and Fieller's of the ratio; see `share_lift`."""
    sizes = (sum(len(arm) for arm in one), sum(len(arm) for arm in control))
    m1, m0 = (mixed([mean_of(arm) for arm in arms], weights) for arms in (one, control))
    value, base = float(m1.value), float(m0.value)
    variance = float(m1.variance + m0.variance)
    if not variance > 0:
        reason = "the outcome does not vary"
        return Lift(*sizes, value, base, value - base, method=WELCH, reason=reason)
    p, low, high = welch(m1, m0, level)
    ratio_low, ratio_high = fieller(m1, m0, *t_quantiles(m1, m0, level))
    reason = ""
    if not base > 0:
        reason = "the control's mean is not above 0, so there is no relative lift"
    elif math.isnan(ratio_low):
        reason = _UNBOUNDED
    return Lift(
        *sizes,
        value,
        base,
        value - base,
        float(low),
        float(high),
        value / base - 1 if base > 0 else math.nan,
        float(ratio_low) - 1,
        float(ratio_high) - 1,
        float(p),
        WELCH,
        variance,
        float(log_ratio_variance(m1, m0)) if value > 0 and base > 0 else math.nan,
        reason,
    )


def skewed_lift(
    one: Sequence[np.ndarray],
    control: Sequence[np.ndarray],
    weights: np.ndarray,
    level: float,
    draws: Sequence[tuple[Mean, Mean]],
) -> Lift:
    """Compare means of skewed amounts by the permutation-t; see `share_lift`.

    Parameters
    ----------
    one, control, weights, level
        As for `share_lift`.
    draws : sequence of (Mean, Mean)
        Means of customers dealt out again, from `permuted_means`, one pair per segment.

    Notes
    -----
    Intervals are Welch's and Fieller's with the quantiles of the permutations.
    """
    plain = mean_lift(one, control, weights, level)
    if math.isnan(plain.p_value):
        return plain
    dealt = [mixed(list(side), weights) for side in zip(*draws, strict=True)]
    error = math.sqrt(plain.variance)
    p, below, above = permutation_t(plain.difference, error, (dealt[0], dealt[1]), level)
    if math.isnan(p):
        return plain
    m1, m0 = (mixed([mean_of(arm) for arm in arms], weights) for arms in (one, control))
    ratio_low, ratio_high = fieller(m1, m0, below, above)
    reason = plain.reason
    if plain.mean_control > 0:
        reason = _UNBOUNDED if math.isnan(ratio_low) else ""
    return plain._replace(
        p_value=p,
        low=plain.difference - above * error,
        high=plain.difference - below * error,
        relative_low=float(ratio_low) - 1,
        relative_high=float(ratio_high) - 1,
        method=PERMUTATION,
        reason=reason,
    )


def _effective(arms: Sequence[np.ndarray], weights: np.ndarray) -> tuple[float, float, float]:
    """Return effective conversions and customers, and a variance that is never 0.

    That is of a share to which a success and a failure are added (Agresti and Caffo 2000, The
    American Statistician 54, 280-288).
    """
    x, n = (np.array([float(value(arm)) for arm in arms]) for value in (np.sum, len))
    added = (x + 1) / (n + 2)
    smooth = float(weights**2 @ (added * (1 - added) / (n + 2)))
    if len(arms) == 1:
        return float(x[0]), float(n[0]), smooth
    shares = x / n
    share = float(weights @ shares)
    variance = float(weights**2 @ (shares * (1 - shares) / n))
    if 0 < share < 1 and variance > 0:
        effective = share * (1 - share) / variance
    else:
        share, effective = round(share), 1 / float(weights**2 @ (1 / n))
    return share * effective, effective, smooth
