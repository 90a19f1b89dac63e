"""Repeat purchases over calendar time: what a model expects beside what happened."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from segml._core import html, text
from segml._core.errors import ParameterError
from segml.engine import Table
from segml.engine.sql import Fragment
from segml.features.dates import (
    PERIODS,
    as_day,
    as_orders,
    last_day,
    period_end,
    period_index,
    unit_ratio,
)
from segml.features.rfm_query import check_known

from ._purchases import PurchaseModel
from ._slopes import Estimated, estimated
from ._unique import Floats

# How many periods are tracked as one: short ones by the week.
_STEPS = {"h": 24 * 7, "D": 7}
_NAMES = {"h": "week", "D": "week", "W": "week", "M": "month", "Q": "quarter", "Y": "year"}

_COUNTED = """
WITH bought AS (
    SELECT customer_id, {index}(ordered_at) AS period
    FROM {orders}
    WHERE ordered_at <= {end}
    GROUP BY customer_id, {index}(ordered_at)
),
known AS (
    SELECT period, min(period) OVER (PARTITION BY customer_id) AS first_period
    FROM bought
)
SELECT
    period,
    count(*) FILTER (WHERE period = first_period) AS new_customers,
    count(*) FILTER (WHERE period > first_period) AS repeats
FROM known
WHERE first_period <= {last}
GROUP BY period
ORDER BY period
"""


@dataclass(frozen=True)
class Tracking:
    """Repeat purchases of the customers known at the cut-off, step by step.

    Parameters
    ----------
    table : DataFrame
        By ``end``, the last day of each step: repeat purchases ``actual`` and
        ``expected`` in the step, the latter with its 95% interval ``low`` to
        ``high``; the same up to the end of the step as ``actual_total``,
        ``expected_total``, ``low_total`` and ``high_total``; ``holdout``, whether the
        step is after the cut-off; and ``complete``, whether the data cover all of it.
    as_of : date
        The cut-off: the end of calibration.
    step : str
        Name of a step: "week", "month", "quarter" or "year".
    n_customers : int
        Customers who bought by the cut-off; nobody else is counted.
    """

    table: pd.DataFrame
    as_of: dt.date
    step: str
    n_customers: int

    @property
    def error(self) -> float:
        """Relative error of the expected total at the end; missing where nobody bought again."""
        last = self.table.iloc[-1]
        return _error(last["expected_total"], last["actual_total"])

    @property
    def holdout_error(self) -> float:
        """Relative error of the sum after the cut-off; missing where there is nothing."""
        after = self.table[self.table["holdout"]]
        return _error(float(after["expected"].sum()), float(after["actual"].sum()))

    def _repr_html_(self) -> str:
        last = self.table.iloc[-1]
        after = self.table[self.table["holdout"]]
        items = [
            ("customers", text.count(self.n_customers), f"first bought by {self.as_of}"),
            (
                "repeat purchases",
                text.count(last["actual_total"]),
                f"up to {self.table.index[-1]:%Y-%m-%d}",
            ),
            (
                "expected",
                text.count(last["expected_total"]),
                f"95% interval {text.count(last['low_total'])} to {text.count(last['high_total'])}",
            ),
        ]
        if len(after):
            detail = f"{text.count(after['actual'].sum())} happened"
            items.append(
                ("expected after the cut-off", text.count(after["expected"].sum()), detail)
            )
        return html.block(html.facts(items))


def track_purchases(
    model: PurchaseModel,
    orders: Any,
    as_of: Any,
    until: Any = None,
    period: str = "D",
    *,
    time_unit: str | None = None,
) -> Tracking:
    r"""Compare repeat purchases over calendar time with those that a model expects.

    Expected by the end of period :math:`c` are

    .. math:: \sum_f n_f \, E[X(c - f)]

    over the periods f in which :math:`n_f` customers first bought: each customer counts
    from the own first purchase, and no customer's later history is used.

    Parameters
    ----------
    model : fitted purchase model
        BetaGeoModel, or another with ``expected_purchases_new_customer``; fitted on
        ``rfm_summary(orders, as_of, period, time_unit=time_unit)``.
    orders : CustomerData, DataTable, or anything that `segml.data.read_orders` takes
        The orders, those after `as_of` too.
    as_of : date or str
        The cut-off: last day that the model knew. Customers who first bought later are
        left out, expected and actual.
    until : date or str, optional
        Last day to track; the day of the last order when not given, or `as_of` if that is
        later.
    period : {"h", "D", "W", "M", "Q", "Y"}, default "D"
        Calendar period within which purchases are one, as for the model's table. Hours and
        days are tracked by weeks of seven days that end with the cut-off's day.
    time_unit : {"h", "D", "W", "M", "Q", "Y"}, optional
        Time unit of the model; `period` when not given.

    Returns
    -------
    Tracking

    Raises
    ------
    NotEnoughDataError
        Nobody bought by `as_of`.
    ParameterError
        A date or period is wrong, `until` is before `as_of`, or `model` is of another kind.
    NotFittedError

    Notes
    -----
    Intervals are of the expected number: they hold the uncertainty of the parameters, by
    the delta method, not the chance in what customers do.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005). "Counting your customers" the
    easy way. Marketing Science 24(2), 275-284: figures 3 and 4.

    Examples
    --------
    >>> from segml.clv import BetaGeoModel
    >>> from segml.data import load_cdnow_sample
    >>> from segml.features import rfm_summary
    >>> orders = load_cdnow_sample()
    >>> model = BetaGeoModel().fit(rfm_summary(orders, "1997-09-30", time_unit="W"))
    >>> tracking = track_purchases(model, orders, "1997-09-30", time_unit="W")
    >>> tracking.table[["actual_total", "expected_total"]].iloc[[38, 77]].round(1)
                actual_total  expected_total
    end
    1997-09-30          2457          2494.0
    1998-06-30          4339          4160.6
    """
    if not isinstance(model, PurchaseModel):
        raise ParameterError(
            "model is of another kind",
            where="model",
            got=type(model).__name__,
            expected="a model of purchases, such as BetaGeoModel",
        )
    table = as_orders(orders)
    day = as_day(as_of, "as_of")
    end = max(day, last_day(table)) if until is None else as_day(until, "until")
    if end < day:
        raise ParameterError(
            "until is before as_of",
            where="until",
            got=end.isoformat(),
            expected=f"a day from {day.isoformat()}",
        )
    multiply, divide = unit_ratio(period, time_unit or period)
    check_known(table, day)
    known, last = period_index(day, period), period_index(end, period)
    counted = _counted(table, period, known, last)
    at = counted["period"].to_numpy(dtype=np.int64)
    new = counted["new_customers"].to_numpy(dtype=float)
    ends = _ends(int(at[0]), known, last, _STEPS.get(period, 1))

    def totals(one: PurchaseModel) -> Floats:
        return _expected_totals(one, at[new > 0], new[new > 0], ends, multiply / divide)

    total = estimated(model, totals)
    before = np.vstack([np.zeros(total.jacobian.shape[1]), total.jacobian[:-1]])
    each = Estimated(np.diff(total.values, prepend=0), total.jacobian - before, total.covariance)
    reached = np.searchsorted(at, ends, side="right")
    actual = np.cumsum(counted["repeats"].to_numpy(dtype=np.int64))[reached - 1]
    low, high = each.ends("positive")
    low_total, high_total = total.ends("positive")
    length = np.diff(ends, prepend=at[0] - 1)
    frame = pd.DataFrame(
        {
            "actual": np.diff(actual, prepend=0),
            "expected": each.values,
            "low": low,
            "high": high,
            "actual_total": actual,
            "expected_total": total.values,
            "low_total": low_total,
            "high_total": high_total,
            "holdout": ends > known,
            "complete": length == _STEPS.get(period, 1),
        },
        index=pd.DatetimeIndex([period_end(int(i), period).date() for i in ends], name="end"),
    )
    return Tracking(frame, day, _NAMES[period], int(new.sum()))


def _counted(orders: Table, period: str, known: int, last: int) -> pd.DataFrame:
    """Return new customers and repeat purchases by period, of the customers known."""
    return orders.engine.sql(
        _COUNTED,
        orders=orders,
        index=Fragment(PERIODS[period][0]),
        end=period_end(last, period),
        last=known,
    ).to_pandas()


def _ends(first: int, known: int, last: int, step: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the last periods of the steps, one of which ends with the cut-off."""
    earliest = known - (known - first) // step * step
    ends = np.arange(earliest, last + 1, step)
    return ends if ends[-1] == last else np.append(ends, last)


def _expected_totals(
    model: PurchaseModel,
    first: np.ndarray[Any, np.dtype[np.int64]],
    customers: Floats,
    ends: np.ndarray[Any, np.dtype[np.int64]],
    unit: float,
) -> Floats:
    """Return the repeat purchases expected by each end, of cohorts by first period."""
    # Times recur: E[X] is computed once for each that some cohort has at some end.
    wanted = np.zeros(int(ends[-1] - first[0]) + 1, dtype=bool)
    for end in ends:
        wanted[end - first[first <= end]] = True
    lags = np.flatnonzero(wanted)
    by_lag = np.zeros(len(wanted))
    by_lag[lags] = model.expected_purchases_new_customer(lags * unit)
    return np.array(
        [
            customers[: (n := np.searchsorted(first, end, "right"))] @ by_lag[end - first[:n]]
            for end in ends
        ]
    )


def _error(expected: float, actual: float) -> float:
    return float(expected / actual - 1) if actual else float("nan")
