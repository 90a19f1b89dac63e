"""Churn in a setting without contracts: who has probably left already, and who buys when."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from segml._core.check import number
from segml._core.errors import ParameterError

from ._purchases import Columns, PurchaseModel
from ._rfm import AGE, HISTORY
from ._root import roots
from ._unique import Codes, Floats
from .beta_geo_beta_binom import BetaGeoBetaBinomModel

BANDS = ("likely lost", "at risk", "active")
_FARTHEST = 200.0  # of the logarithm of a time
_HALF = 0.5


def churn_table(
    model: PurchaseModel,
    rfm: object,
    future_t: float,
    bands: tuple[float, float] = (0.25, 0.75),
) -> pd.DataFrame:
    r"""Return who is alive, who buys nothing in the next t, who buys when, and a band.

    Parameters
    ----------
    model : PurchaseModel
        Fitted.
    rfm : DataFrame
        One row per customer with frequency, recency and T, and what else the model reads.
    future_t : float
        Length of the period without a purchase, in the time unit of the table.
    bands : tuple of two floats
        Bounds on the chance of being alive: below the first a customer is
        "likely lost", from the second on "active", "at risk" in between.

    Returns
    -------
    DataFrame
        By customer; columns

        - ``p_alive`` : P(alive at T)
        - ``p_no_purchase`` : P(no purchase in (T, T + future_t])
        - ``next_purchase`` : median time from T to the next purchase; missing where the
          customer more probably never buys again
        - ``churn_band`` : ordered categorical from "likely lost" to "active"

    Raises
    ------
    ParameterError
        When `bands` are not two increasing chances or `future_t` is negative.
    NotFittedError, DataError, MissingTableError
        As the predictions of the model.

    Notes
    -----
    In the BG/NBD model customers leave after a repeat purchase only, so that one
    who has bought once has p_alive of 1, however long ago: ``p_no_purchase`` and
    ``next_purchase`` tell those apart.

    ``next_purchase`` is the time t at which

    .. math:: P(\text{no purchase in } (T, T + t]) = \tfrac12

    for the customer as they stand, who may have left already. It is the median because
    the mean does not exist: whoever has left never buys again, and even of a customer
    who is alive for certain the waiting time :math:`((\alpha + T) / (\alpha + T + t))^{r + x}`
    of the BG/NBD model has an infinite mean where r + x is at most 1. Where the chance of
    no purchase never falls to one half, as for all with p_alive below one half, there is
    no such time. A model whose time is counted in opportunities gives the first
    opportunity by which a purchase is at least as probable as none.

    Examples
    --------
    >>> from segml.clv import BetaGeoModel
    >>> rfm = pd.DataFrame({"frequency": [0, 1, 1, 2, 3, 6], "recency": [0, 9, 2, 4, 21, 30],
    ...                     "T": [39, 36, 35, 38, 37, 39]})
    >>> model = BetaGeoModel().fit(rfm, weights=[900, 90, 150, 60, 40, 20])
    >>> table = churn_table(model, rfm, future_t=26)
    >>> table["churn_band"].iloc[[0, 2]].tolist()
    ['active', 'likely lost']
    >>> table["next_purchase"].round(1).tolist()[3:]
    [nan, nan, nan]
    """
    low, high = _checked(bands)
    alive = model.expected_probability_alive(rfm)
    none = model.expected_probability_no_purchase(rfm, future_t)
    band = np.searchsorted([low, high], alive.to_numpy(), side="right")
    return pd.DataFrame(
        {
            "p_alive": alive,
            "p_no_purchase": none.to_numpy(),
            "next_purchase": _next_purchase(model, rfm).to_numpy(),
            "churn_band": pd.Categorical(np.array(BANDS)[band], categories=BANDS, ordered=True),
        },
        index=alive.index,
    )


def _next_purchase(model: PurchaseModel, rfm: object) -> pd.Series:
    """Return the median time to the next purchase."""

    def median(columns: Columns) -> Floats:
        times = np.full(len(columns[0]), np.nan)
        open_ = np.flatnonzero(model._alive(columns) > _HALF)  # the others never get there
        columns = tuple(column[open_] for column in columns)

        def none(which: Codes, log_t: Floats) -> Floats:
            return model._no_purchase(tuple(one[which] for one in columns), np.exp(log_t))

        high = _beyond(none, np.log1p(columns[HISTORY.index(AGE)]))
        found = np.exp(roots(none, np.full(len(open_), -_FARTHEST), high, _HALF))
        if isinstance(model, BetaGeoBetaBinomModel):
            found = np.round(found)  # the chance falls at whole numbers, found up to rounding
        times[open_] = found
        return times

    return model._predict(rfm, "next_purchase", median)


def _beyond(none: Callable[[Codes, Floats], Floats], start: Floats) -> Floats:
    """Return log times at which the chance of no purchase is below one half, where there are."""
    high, step = start, 2.0
    above = np.arange(len(start))
    while len(above) and step < 2 * _FARTHEST:
        above = above[none(above, high[above]) >= _HALF]
        high[above] = np.minimum(high[above] + step, _FARTHEST)
        step *= 2
    return high


def _checked(bands: tuple[float, float]) -> tuple[float, float]:
    if not isinstance(bands, (tuple, list)) or len(bands) != 2:
        raise ParameterError(
            "bands are not a pair", where="bands", got=bands, expected="two bounds"
        )
    low, high = (number(bound, "bands", low=0, high=1) for bound in bands)
    if low >= high:
        raise ParameterError(
            "bands do not increase", where="bands", got=bands, expected="the lower bound first"
        )
    return low, high
