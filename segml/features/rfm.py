"""The RFM table that lifetime models are fitted to."""

from __future__ import annotations

from typing import Any

import pandas as pd

from segml._core.errors import ParameterError
from segml.engine import Table

from .dates import as_day, as_orders, last_day
from .rfm_query import Query, check_known


def rfm_summary(
    orders: Any,
    as_of: Any = None,
    period: str = "D",
    holdout_end: Any = None,
    *,
    time_unit: str | None = None,
    litt: bool = False,
) -> pd.DataFrame:
    r"""Summarise orders as frequency, recency, T and monetary value.

    Purchases of a customer within one period count as one, their revenue added. Of a
    customer with purchases in the periods :math:`p_0 < p_1 < \dots < p_x` of revenue
    :math:`z_0, \dots, z_x`, at the cut-off period :math:`c`:

    .. math:: \mathrm{frequency} = x, \quad \mathrm{recency} = p_x - p_0, \quad
        T = c - p_0, \quad \mathrm{monetary\_value} = \frac{1}{x} \sum_{j=1}^x z_j, \quad
        \mathrm{litt} = \sum_{j=1}^x \ln (p_j - p_{j-1})

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
        Unit of `recency`, `T`, `litt` and `duration_holdout`; `period` when not given. With
        ``period="D", time_unit="W"`` they are days / 7, as in the literature on CDNOW.
    litt : bool, default False
        Add the sum of log intertransaction times, which models of regular purchasing
        (Pareto/GGG, BG/CNBD-k and MBG/CNBD-k) take.

    Returns
    -------
    DataFrame
        One row per customer who bought by `as_of`, indexed by `customer_id` in order:

        - ``frequency`` : periods with a purchase after the first one
        - ``recency`` : time from the first to the last purchase period
        - ``T`` : time from the first purchase period to that of `as_of`
        - ``monetary_value`` : mean revenue per repeat period; missing, not 0,
          for customers without a repeat purchase (lifetimes writes 0 there)

        with `litt`: ``litt`` (sum of the natural logarithms of the times between
        consecutive purchase periods; 0 without a repeat purchase), and with
        `holdout_end`: ``frequency_holdout`` (periods with a purchase),
        ``monetary_value_holdout`` (mean revenue per such period, missing where none) and
        ``duration_holdout``.

    Raises
    ------
    NotEnoughDataError
        Nobody bought by `as_of`.
    ParameterError
        A date or period is wrong, or `holdout_end` is not in a later period than `as_of`.

    See Also
    --------
    rfm_summaries : Several cut-offs in one pass.
    rfm_counts : How many customers have each frequency, recency and T.

    Notes
    -----
    Times are the store's local time, as `segml.data.read_orders` leaves them
    (``time_zone=``), and so are days, weeks and the cut-off.

    The cut-off is compared by period, not by time of day: a purchase on the evening of
    `as_of` is known. lifetimes and pymc-marketing compare times with midnight at the
    start of the last calibration day, and count later purchases of that day in the
    holdout; lifetimes also averages the holdout's money per order and not per period.

    An `as_of` or a `holdout_end` after the last order is taken at its word: the time up to
    it was observed, and nobody bought.

    Sums are exact: the order of rows changes nothing.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005). "Counting your customers" the
    easy way. Marketing Science 24(2), 275-284: (x, t_x, T).

    Platzer, M. and Reutterer, T. (2016). Ticking away the moments: timing regularity helps
    to better predict customer activity. Marketing Science 35(5), 779-799; litt as in the
    R package BTYDplus, ``elog2cbs``.

    Examples
    --------
    >>> from segml.data import load_cdnow_sample
    >>> rfm = rfm_summary(load_cdnow_sample(), "1997-09-30", time_unit="W")
    >>> rfm.loc["0001"].round(1).to_dict()
    {'frequency': 2.0, 'recency': 30.4, 'T': 38.9, 'monetary_value': 22.3}
    """
    return (
        rfm_table(as_orders(orders), as_of, period, holdout_end, time_unit=time_unit, litt=litt)
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
    litt: bool = False,
) -> Table:
    """Define the table of :func:`rfm_summary` in the engine; see there.

    Parameters
    ----------
    orders : Table
        Canonical orders.
    as_of, period, holdout_end, time_unit, litt
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
    query = Query(period, time_unit or period, holdout=holdout_end is not None, litt=litt)
    day = last_day(orders) if as_of is None else as_day(as_of, "as_of")
    last = day if holdout_end is None else as_day(holdout_end, "holdout_end")
    if query.holdout and last <= day:
        raise ParameterError(
            "holdout_end is not after as_of",
            where="holdout_end",
            got=last.isoformat(),
            expected=f"a day after {day.isoformat()}",
        )
    cut = query.cut(day, last)
    if query.holdout and cut.last == cut.known:
        raise ParameterError(
            f"holdout_end falls into the same period {period} as as_of",
            where="holdout_end",
            got=last.isoformat(),
            expected=f"a day after the period that {day.isoformat()} belongs to",
        )
    if as_of is not None:
        check_known(orders, day)
    return query.one(orders, cut)
