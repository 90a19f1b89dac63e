"""The RFM table that lifetime models are fitted to, as one SQL text."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd

from segml._core.errors import NotEnoughDataError, ParameterError
from segml.engine import Table
from segml.engine.sql import Fragment

from .dates import PERIODS, as_day, as_orders, last_day, unit_ratio

_CALIBRATION = """
WITH bought AS (
    SELECT customer_id, {index}(ordered_at) AS period, sum(fixed(revenue)) AS spend
    FROM {orders}
    WHERE {index}(ordered_at) <= {index}({last})
    GROUP BY customer_id, {index}(ordered_at)
)
SELECT
    customer_id,
    count(*) - 1 AS frequency,
    CAST(max(period) - min(period) AS DOUBLE) * {multiply} / {divide} AS recency,
    CAST({index}({as_of}) - min(period) AS DOUBLE) * {multiply} / {divide} AS "T",
    safe_ratio(CAST(sum(spend) - min_by(spend, period) AS DOUBLE), count(*) - 1)
        AS monetary_value
FROM bought
GROUP BY customer_id
ORDER BY customer_id
"""

_HOLDOUT = """
WITH bought AS (
    SELECT
        customer_id,
        {index}(ordered_at) AS period,
        {index}(ordered_at) <= {index}({as_of}) AS known,
        sum(fixed(revenue)) AS spend
    FROM {orders}
    WHERE {index}(ordered_at) <= {index}({last})
    GROUP BY customer_id, {index}(ordered_at)
),
counted AS (
    SELECT
        customer_id,
        count(*) FILTER (WHERE known) - 1 AS frequency,
        min(period) AS first_period,
        max(period) FILTER (WHERE known) AS last_period,
        CAST(sum(spend) FILTER (WHERE known) - min_by(spend, period) AS DOUBLE) AS spend,
        count(*) FILTER (WHERE NOT known) AS frequency_holdout,
        CAST(sum(spend) FILTER (WHERE NOT known) AS DOUBLE) AS spend_holdout
    FROM bought
    GROUP BY customer_id
)
SELECT
    customer_id,
    frequency,
    CAST(last_period - first_period AS DOUBLE) * {multiply} / {divide} AS recency,
    CAST({index}({as_of}) - first_period AS DOUBLE) * {multiply} / {divide} AS "T",
    safe_ratio(spend, frequency) AS monetary_value,
    frequency_holdout,
    safe_ratio(spend_holdout, frequency_holdout) AS monetary_value_holdout,
    CAST({index}({last}) - {index}({as_of}) AS DOUBLE) * {multiply} / {divide}
        AS duration_holdout
FROM counted
WHERE frequency >= 0
ORDER BY customer_id
"""


def rfm_summary(
    orders: Any,
    as_of: Any = None,
    period: str = "D",
    holdout_end: Any = None,
    *,
    time_unit: str | None = None,
) -> pd.DataFrame:
    """Summarise orders as frequency, recency, T and monetary value.

    Purchases of a customer within one period count as one, their revenue added.

    Parameters
    ----------
    orders : CustomerData, DataTable, or anything that `segml.data.read_orders` takes
        The orders.
    as_of : date or str, optional
        Last day that is known; the day of the last order when not given. The whole
        period that it falls in belongs to what is known.
    period : {"h", "D", "W", "M", "Q", "Y"}, default "D"
        Calendar period within which purchases are one; weeks run Monday to Sunday.
    holdout_end : date or str, optional
        When given, the holdout columns are added, counted over the periods after `as_of`
        up to this day's.
    time_unit : {"h", "D", "W", "M", "Q", "Y"}, optional
        Unit of `recency`, `T` and `duration_holdout`; `period` when not given. With
        ``period="D", time_unit="W"`` they are days / 7, as in the literature on CDNOW.

    Returns
    -------
    DataFrame
        One row per customer who bought by `as_of`, indexed by `customer_id` in order:

        - ``frequency`` : periods with a purchase after the first one
        - ``recency`` : time from the first to the last purchase period
        - ``T`` : time from the first purchase period to that of `as_of`
        - ``monetary_value`` : mean revenue per repeat period; missing, not 0,
          for customers without a repeat purchase (lifetimes writes 0 there)

        and with `holdout_end`: ``frequency_holdout`` (periods with a purchase),
        ``monetary_value_holdout`` (mean revenue per such period, missing where none) and
        ``duration_holdout``.

    Raises
    ------
    NotEnoughDataError
        Nobody bought by `as_of`.
    ParameterError
        A date or period is wrong, or `holdout_end` is not in a later period than `as_of`.

    Notes
    -----
    The cut-off is compared by period, not by time of day: a purchase on the evening of
    `as_of` is known.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005). "Counting your customers" the
    easy way. Marketing Science 24(2), 275-284: (x, t_x, T).

    Examples
    --------
    >>> from segml.data import load_cdnow_sample
    >>> rfm = rfm_summary(load_cdnow_sample(), "1997-09-30", time_unit="W")
    >>> rfm.loc["0001"].round(1).to_dict()
    {'frequency': 2.0, 'recency': 30.4, 'T': 38.9, 'monetary_value': 22.3}
    """
    return (
        rfm_table(as_orders(orders), as_of, period, holdout_end, time_unit=time_unit)
        .to_pandas()
        .set_index("customer_id")
    )


def rfm_table(
    orders: Table,
    as_of: Any = None,
    period: str = "D",
    holdout_end: Any = None,
    *,
    time_unit: str | None = None,
) -> Table:
    """Define the table of :func:`rfm_summary` in the engine; see there.

    Parameters
    ----------
    orders : Table
        Canonical orders.
    as_of, period, holdout_end, time_unit
        As for :func:`rfm_summary`.

    Returns
    -------
    Table
        Lazy, ordered by customer.

    Raises
    ------
    NotEnoughDataError, ParameterError
        As for :func:`rfm_summary`.
    """
    multiply, divide = unit_ratio(period, time_unit or period)
    cut = last_day(orders) if as_of is None else as_day(as_of, "as_of")
    last = cut if holdout_end is None else as_day(holdout_end, "holdout_end")
    if holdout_end is not None and last <= cut:
        raise ParameterError(
            "holdout_end is not after as_of",
            where="holdout_end",
            got=last.isoformat(),
            expected=f"a day after {cut.isoformat()}",
        )
    index = PERIODS[period][0]
    # The end of the day: its last hour is known too.
    bounds = {"as_of": _end(cut), "last": _end(last)}
    if (
        holdout_end is not None
        and not orders.engine.fetch_row(
            "SELECT {index}({last}) > {index}({as_of})", index=Fragment(index), **bounds
        )[0]
    ):
        raise ParameterError(
            f"holdout_end falls into the same period {period} as as_of",
            where="holdout_end",
            got=last.isoformat(),
            expected=f"a day after the period that {cut.isoformat()} belongs to",
        )
    _check_known(orders, cut)
    return orders.engine.sql(
        _CALIBRATION if holdout_end is None else _HOLDOUT,
        orders=orders,
        index=Fragment(index),
        **bounds,
        multiply=multiply,
        divide=divide,
    )


def _end(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time.max)


def _check_known(orders: Table, cut: dt.date) -> None:
    first = orders.scalar("SELECT min(ordered_at) FROM {self}")
    if first is None or first.date() > cut:
        raise NotEnoughDataError(
            "nobody has bought by as_of",
            where="as_of",
            got=cut.isoformat(),
            expected="a day on or after the first order"
            + (f", {first.date().isoformat()}" if first is not None else ""),
        )
