"""Customer lifetime value: discounted margin of the purchases to come."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.linalg import block_diag

from segml._core.check import number
from segml._core.errors import ParameterError

from ._purchases import PurchaseModel
from .delta import predict_by_delta
from .gamma_gamma import GammaGammaModel
from .prediction import Prediction


def customer_lifetime_value(
    model: PurchaseModel,
    spend: GammaGammaModel,
    rfm: object,
    horizon: float,
    discount_rate: float = 0.0,
    margin: float = 1.0,
) -> Prediction:
    r"""Compute the expected discounted margin of each customer in (T, T + horizon].

    .. math:: \mathrm{CLV} = \mathrm{margin} \cdot E[M]
        \int_0^h e^{-\delta s}\, E[\text{purchase rate at } T + s]\, ds,
        \qquad \delta = \ln(1 + d)

    with discounting in continuous time, not in monthly steps, and spend per
    purchase independent of the number of purchases (Fader, Hardie & Lee 2005,
    "RFM and CLV: using iso-value curves for customer base analysis", Journal of
    Marketing Research 42(4), equation 1).

    Parameters
    ----------
    model : PurchaseModel
        Fitted model of purchases, such as `BetaGeoModel`.
    spend : GammaGammaModel
        Fitted model of spend per purchase.
    rfm : DataFrame
        One row per customer with frequency, recency, T and monetary_value, and what
        else the model of purchases reads.
    horizon : float
        Length h of the period, in the time unit of the table.  With a discount rate
        greater than 0 it may be ``np.inf``: all that a customer is still worth, where the
        number of purchases is the "discounted expected residual transactions" (DERT) of
        Fader, Hardie & Lee.
    discount_rate : float
        Effective rate d per time unit of the table, not per year.  A yearly rate D
        becomes ``(1 + D) ** (1 / 52.1775) - 1`` for weeks and
        ``(1 + D) ** (1 / 365.2425) - 1`` for days.
    margin : float
        Share of the spend that is margin.

    Returns
    -------
    Prediction
        Named ``clv``, in money at time T, not counting the purchases up to then.  Its
        uncertainty is that of the parameters of both models, which were estimated apart.

    Raises
    ------
    ParameterError
        When an argument is out of range, the horizon infinite without a discount, or
        `model` or `spend` of another kind.
    NotFittedError, DataError, MissingTableError
        As the predictions of the models.

    Examples
    --------
    >>> from segml.clv import BetaGeoModel
    >>> rfm = pd.DataFrame({"frequency": [0, 1, 1, 2, 3, 6], "recency": [0, 9, 2, 4, 21, 30],
    ...                     "T": [39, 36, 35, 38, 37, 39],
    ...                     "monetary_value": [0, 8.0, 95.0, 31.0, 24.0, 42.0]})
    >>> model = BetaGeoModel().fit(rfm, weights=[900, 90, 150, 60, 40, 20])
    >>> rng = np.random.default_rng(2)
    >>> means = 1 / rng.gamma(4, 1 / 100, 500)
    >>> buyers = pd.DataFrame({"frequency": 3, "monetary_value": means * rng.gamma(9, 1, 500) / 9})
    >>> spend = GammaGammaModel().fit(buyers)
    >>> clv = customer_lifetime_value(model, spend, rfm, horizon=52, discount_rate=0.002)
    >>> clv.values.index.equals(rfm.index), bool((clv.to_frame()["high"] > clv.values).all())
    (True, True)
    """
    if not isinstance(model, PurchaseModel):
        raise _wrong_kind("model", model, "a model of purchases, such as BetaGeoModel")
    if not isinstance(spend, GammaGammaModel):
        raise _wrong_kind("spend", spend, "a GammaGammaModel")
    delta = math.log1p(number(discount_rate, "discount_rate", low=0))
    time = _checked_horizon(horizon, delta)
    share = number(margin, "margin", low=0, open_low=True)
    purchases = predict_by_delta(model, "_discounted_purchases", rfm, future_t=time, delta=delta)
    value = predict_by_delta(spend, "expected_customer_spend", rfm)
    n, m = purchases.values.to_numpy(), value.values.to_numpy()
    return Prediction(
        pd.Series(share * n * m, index=purchases.values.index, name="clv"),
        share * np.hstack([purchases.jacobian * m[:, None], value.jacobian * n[:, None]]),
        block_diag(purchases.covariance, value.covariance),
        "clv",
        "positive",
    )


def _checked_horizon(horizon: float, delta: float) -> float:
    if not (isinstance(horizon, (float, np.floating)) and horizon == math.inf):
        return number(horizon, "horizon", low=0, open_low=True)
    if delta == 0:
        raise ParameterError(
            "an infinite horizon without a discount has no finite value",
            where="horizon",
            got=horizon,
            expected="a finite horizon, or a discount_rate greater than 0",
            hint="discount_rate=(1 + 0.1) ** (1 / 52.1775) - 1 for 10% a year in weeks",
        )
    return math.inf


def _wrong_kind(where: str, got: object, expected: str) -> ParameterError:
    return ParameterError(
        f"{where} is of another kind", where=where, got=type(got).__name__, expected=expected
    )
