"""Churn in a setting without contracts: who has probably left already."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segml._core.check import number
from segml._core.errors import ParameterError

from .beta_geo import BetaGeoModel

BANDS = ("likely lost", "at risk", "active")


def churn_table(
    model: BetaGeoModel,
    rfm: object,
    future_t: float,
    bands: tuple[float, float] = (0.25, 0.75),
) -> pd.DataFrame:
    """Return the chance that each customer is alive, the chance of no purchase, and a band.

    Parameters
    ----------
    model : BetaGeoModel
        Fitted.
    rfm : DataFrame
        One row per customer with frequency, recency and T.
    future_t : float
        Length of the period without a purchase, in the time unit of the table.
    bands : tuple of two floats
        Bounds on the chance of being alive: below the first a customer is
        "likely lost", from the second on "active", "at risk" in between.

    Returns
    -------
    DataFrame
        By customer; columns ``p_alive``, ``p_no_purchase`` and ``churn_band``, an
        ordered categorical from "likely lost" to "active".

    Raises
    ------
    ParameterError
        When `bands` are not two increasing chances or `future_t` is negative.
    NotFittedError, DataError, MissingTableError
        As the predictions of the model.

    Notes
    -----
    In the BG/NBD model customers leave after a repeat purchase only, so that one
    who has bought once has p_alive of 1, however long ago: ``p_no_purchase`` tells
    those apart.

    Examples
    --------
    >>> rfm = pd.DataFrame({"frequency": [0, 1, 1, 2, 3, 6], "recency": [0, 9, 2, 4, 21, 30],
    ...                     "T": [39, 36, 35, 38, 37, 39]})
    >>> model = BetaGeoModel().fit(rfm, weights=[900, 90, 150, 60, 40, 20])
    >>> churn_table(model, rfm, future_t=26)["churn_band"].iloc[0]
    'active'
    """
    low, high = _checked(bands)
    alive = model.expected_probability_alive(rfm)
    none = model.expected_probability_no_purchase(rfm, future_t)
    band = np.searchsorted([low, high], alive.to_numpy(), side="right")
    return pd.DataFrame(
        {
            "p_alive": alive,
            "p_no_purchase": none.to_numpy(),
            "churn_band": pd.Categorical(np.array(BANDS)[band], categories=BANDS, ordered=True),
        },
        index=alive.index,
    )


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
