"""How one customer's P(alive) rose and fell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from segml._core import html, text
from segml._core.errors import DataError, NotEnoughDataError, ParameterError
from segml.features.dates import as_day, unit_ratio

from ._base import CLVModel
from .delta import predict_with_interval

_FREQUENCIES = {"h": "h", "D": "D", "W": "W-SUN", "M": "M", "Q": "Q", "Y": "Y"}


@dataclass(frozen=True)
class AliveHistory:
    """P(alive) of one customer at the end of each period.

    Parameters
    ----------
    table : DataFrame
        By ``date``, the start of each period from the first purchase: ``alive`` with its
        95% interval ``low`` to ``high``, and ``bought``, whether there was a purchase.
    """

    table: pd.DataFrame

    @property
    def n_purchases(self) -> int:
        """Periods with a purchase, the first one among them."""
        return int(self.table["bought"].sum())

    @property
    def last_purchase(self) -> pd.Timestamp:
        """Start of the last period with a purchase."""
        return self.table.index[self.table["bought"]][-1]

    def _repr_html_(self) -> str:
        now = self.table.iloc[-1]
        ends = f"95% interval {text.share(now['low'])} to {text.share(now['high'])}"
        return html.block(
            html.facts(
                [
                    ("P(alive)", text.share(now["alive"]), ends),
                    ("on", f"{self.table.index[-1]:%Y-%m-%d}", ""),
                    (
                        "purchases",
                        text.count(self.n_purchases),
                        f"the last on {self.last_purchase:%Y-%m-%d}",
                    ),
                ]
            )
        )


def alive_history(
    model: CLVModel,
    purchases: Any,
    until: Any,
    period: str = "D",
    *,
    time_unit: str | None = None,
    covariates: Mapping[str, float] | None = None,
) -> AliveHistory:
    """Follow the probability that a customer is alive from purchase to purchase.

    At the end of each period the model is asked with what was known then: frequency,
    recency and T up to that period.

    Parameters
    ----------
    model : fitted purchase model
        With ``expected_probability_alive``.
    purchases : Series, array or list of dates
        When the customer bought, in any order; text has the year first.
    until : date or str
        Last day to follow, not before the last purchase.
    period : {"h", "D", "W", "M", "Q", "Y"}, default "D"
        Calendar period within which purchases are one, as for the model's table.
    time_unit : {"h", "D", "W", "M", "Q", "Y"}, optional
        Time unit of the model; `period` when not given.
    covariates : mapping of str to float, optional
        The value of each covariate; needed where the model has some.

    Returns
    -------
    AliveHistory
        Holds no customer id.

    Raises
    ------
    NotEnoughDataError
        There are no purchases.
    DataError
        A purchase is not a date.
    ParameterError
        `until` is before the last purchase, or a period is wrong.
    NotFittedError, MissingTableError
        As the model's prediction.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2008). Computing P(alive) using the
    BG/NBD model. brucehardie.com/notes/021

    Examples
    --------
    >>> from segml.clv import BetaGeoModel
    >>> rfm = pd.DataFrame({"frequency": [0, 1, 1, 2, 3, 6], "recency": [0, 9, 2, 4, 21, 30],
    ...                     "T": [39, 36, 35, 38, 37, 39]})
    >>> model = BetaGeoModel().fit(rfm, weights=[900, 90, 150, 60, 40, 20])
    >>> history = alive_history(model, ["2026-01-05", "2026-03-02"], "2026-05-17", "W")
    >>> history.n_purchases, len(history.table)
    (2, 19)
    """
    multiply, divide = unit_ratio(period, time_unit or period)
    bought = _periods(purchases, period)
    end = pd.Timestamp(as_day(until, "until")) + pd.Timedelta(days=1, microseconds=-1)
    last = end.to_period(_FREQUENCIES[period])
    if last < bought[-1]:
        raise ParameterError(
            "until is before the last purchase",
            where="until",
            got=f"{end:%Y-%m-%d}",
            expected=f"a day from {bought[-1].start_time:%Y-%m-%d}",
            hint="leave out the purchases after it",
        )
    at = bought.asi8 - bought.asi8[0]
    ages = np.arange(int(last.ordinal - bought.asi8[0]) + 1)
    frequency = np.searchsorted(at, ages, side="right") - 1
    unit = multiply / divide
    log_gaps = np.concatenate([[0.0], np.cumsum(np.log(np.diff(at) * unit))])
    rfm = pd.DataFrame(
        {
            "frequency": frequency,
            "recency": at[frequency] * multiply / divide,
            "T": ages * multiply / divide,
            "litt": log_gaps[frequency],  # read by the models of regular purchases
        }
    ).assign(**dict(covariates or {}))
    alive = predict_with_interval(model, "expected_probability_alive", rfm).to_frame()
    dates = pd.period_range(bought[0], last).to_timestamp().rename("date")
    return AliveHistory(
        pd.DataFrame(
            {
                "alive": alive["probability_alive"].to_numpy(),
                "low": alive["low"].to_numpy(),
                "high": alive["high"].to_numpy(),
                "bought": np.isin(ages, at),
            },
            index=dates,
        )
    )


def _periods(purchases: Any, period: str) -> pd.PeriodIndex:
    """Return the distinct periods with a purchase, in order."""
    try:
        times = pd.DatetimeIndex(pd.to_datetime(list(purchases), format="ISO8601"))
    except (ValueError, TypeError) as error:
        raise DataError(
            "a purchase is not a date", where="purchases", expected="dates such as 1998-06-30"
        ) from error
    if times.hasnans:
        raise DataError(
            "the date of a purchase is missing",
            where="purchases",
            got=f"{text.count(np.count_nonzero(times.isna()))} missing of {text.count(len(times))}",
            expected="a date each",
        )
    if len(times) == 0:
        raise NotEnoughDataError("there are no purchases", where="purchases")
    return times.tz_localize(None).to_period(_FREQUENCIES[period]).unique().sort_values()
