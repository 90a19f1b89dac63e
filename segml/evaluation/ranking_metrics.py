"""Whether forecasts put the right customers first."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from segml._core.check import number

from .count_metrics import Estimate, Floats, checked

_NEAR = 0.025  # of the ranks: how wide it is looked around the border of the top


def gini(actual: ArrayLike, forecast: ArrayLike) -> Estimate:
    r"""Return the normalised Gini coefficient of a ranking.

    Parameters
    ----------
    actual : array, shape (n_customers,)
        Purchases, money, or 0 and 1.
    forecast : array, shape (n_customers,)
        What customers are ranked by.

    Returns
    -------
    Estimate
        1 for the order of what happened, 0 for chance, negative for a wrong order. Missing
        where all customers did the same.

    Notes
    -----
    With the mid-ranks R(f), from 0 to 1, the concentration of y by f and its ratio to that
    by y itself are

    .. math:: C(f) = \frac{1}{n} \sum_i y_i (2 R_i(f) - 1), \qquad G = C(f) / C(y)

    of which C(y) over the mean of y is the Gini coefficient of y (Kakwani, N. (1980). Income
    Inequality and Poverty, chapter 8). For y of 0 and 1 it is 2 AUC - 1.

    Examples
    --------
    >>> round(gini([0, 0, 1, 5], [0.1, 0.4, 0.2, 3.0]).value, 3)
    0.875
    """
    y, f = checked(actual, forecast)
    best = _concentration(y, y)
    if not best.value > 0:
        return Estimate.missing(len(y), "all customers did the same")
    return Estimate.ratio(_concentration(y, f), best)


def _concentration(y: Floats, f: Floats) -> Estimate:
    """Return the concentration of y by the ranks of f; a U-statistic, and so its influence."""
    n = len(y)
    _, codes, counts = np.unique(f, return_inverse=True, return_counts=True)
    ranks = ((np.cumsum(counts) - counts / 2) / n)[codes]  # from 0 to 1, ties in the middle
    # What others have who rank above each customer, those of the same rank counted half.
    of_code = np.bincount(codes, weights=y)
    above = (of_code.sum() - np.cumsum(of_code) + of_code / 2)[codes] / n
    own = y * (2 * ranks - 1)
    value, by_rank = float(own.mean()), 2 * above
    return Estimate(value, own - value + by_rank - by_rank.mean())


def top_capture(actual: ArrayLike, forecast: ArrayLike, share: float = 0.1) -> Estimate:
    r"""Return the share of all that was bought by the customers who were ranked first.

    Parameters
    ----------
    actual : array, shape (n_customers,)
        Purchases or money.
    forecast : array, shape (n_customers,)
        What customers are ranked by; of those with the same forecast at the border each
        counts in part.
    share : float, default 0.1
        How many customers are first.

    Returns
    -------
    Estimate
        From 0 to 1, `share` for chance. Missing where nothing was bought.

    Notes
    -----
    With weights w that sum to n times the share, the capture is
    :math:`\sum w_i y_i / \sum y_i`. The influence of the border on it is that of a quantile:
    :math:`(w_i - share)` times the mean of y there, which is looked up in the 5% of ranks
    around it.

    Examples
    --------
    >>> float(top_capture([1, 0, 0, 0, 0, 0, 0, 1, 2, 6], range(10)).value)
    0.6
    """
    y, f = checked(actual, forecast)
    part = number(share, "share", low=0, high=1, open_low=True)
    if y.sum() == 0:
        return Estimate.missing(len(y), "nothing was bought")
    n = len(y)
    _, codes, counts = np.unique(f, return_inverse=True, return_counts=True)
    above = n - np.cumsum(counts)  # customers of higher forecasts
    w = np.clip((part * n - above) / counts, 0, 1)[codes]
    away = np.abs((above + counts / 2) / n - part)[codes]  # in ranks, from the border
    border = away <= max(_NEAR, away.min())
    taken = w * y
    top = Estimate(
        float(taken.mean()), taken - taken.mean() - float(y[border].mean()) * (w - w.mean())
    )
    return Estimate.ratio(top, Estimate.mean(y))


def auc(actual: ArrayLike, forecast: ArrayLike) -> Estimate:
    """Return the area under the ROC curve: the chance that of two the right one ranks higher.

    Parameters
    ----------
    actual : array of 0 and 1, shape (n_customers,)
        Whether it happened.
    forecast : array, shape (n_customers,)
        Its chance, or a score.

    Returns
    -------
    Estimate
        Missing where it happened to all or to nobody. Influence values are the placements of
        DeLong, E. R., DeLong, D. M. and Clarke-Pearson, D. L. (1988). Comparing the areas
        under two or more correlated receiver operating characteristic curves. Biometrics 44,
        837-845, equations 4 and 5.

    Examples
    --------
    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]).value
    0.75
    """
    y, f = checked(actual, forecast)
    happened = y == 1
    n, n_1 = len(y), int(happened.sum())
    if n_1 in (0, n):
        return Estimate.missing(n, "nobody churned" if n_1 == 0 else "everybody churned")
    _, codes = np.unique(f, return_inverse=True)
    yes, no = np.bincount(codes, weights=y), np.bincount(codes, weights=1 - y)
    below = (np.cumsum(no) - no / 2) / (n - n_1)  # shares of the other kind, ties counted half
    above = 1 - (np.cumsum(yes) - yes / 2) / n_1
    placement = np.where(happened, below[codes], above[codes])
    value = float(placement[happened].mean())
    kind = np.where(happened, n_1, n - n_1)
    return Estimate(value, (placement - value) * n / kind)
