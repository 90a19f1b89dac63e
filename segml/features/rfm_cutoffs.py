"""RFM tables of several cut-off dates from one pass over the orders, for backtests."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable
from typing import Any

import pandas as pd

from segml._core.check import number
from segml._core.errors import ParameterError
from segml.engine import Table

from .dates import as_day, as_orders
from .rfm_query import Cut, Query, check_known


def rfm_summaries(
    orders: Any,
    cutoffs: Iterable[Any],
    period: str = "D",
    holdout: int | None = None,
    *,
    time_unit: str | None = None,
    litt: bool = False,
) -> pd.DataFrame:
    """Summarise orders as of several cut-off dates, in one pass.

    Parameters
    ----------
    orders : CustomerData, DataTable, or anything that `segml.data.read_orders` takes
        The orders.
    cutoffs : iterable of date or str
        Last known days, in any order; of a period at most one.
    period : {"h", "D", "W", "M", "Q", "Y"}, default "D"
        Calendar period within which purchases are one.
    holdout : int, optional
        When given, the holdout columns are added, counted over as many periods after
        each cut-off's. A holdout may reach into the time that later cut-offs know.
    time_unit, litt
        As for :func:`rfm_summary`.

    Returns
    -------
    DataFrame
        The rows of ``rfm_summary(orders, as_of, period, holdout_end)`` of each cut-off,
        the same to the last digit, one below the other: indexed by ``customer_id``, with
        the first column ``as_of`` (datetime64), in the order of both.

    Raises
    ------
    NotEnoughDataError
        Nobody bought by the earliest cut-off.
    ParameterError
        `cutoffs` is empty, not a list of dates, or has two dates within one period; a
        period or `holdout` is wrong.

    Notes
    -----
    Orders are added up by customer and period once; of these each cut-off takes what it
    knows. Cut-offs and holdouts that end after the last order are taken at their word,
    as in :func:`rfm_summary`: leave out those for which the data are not complete.

    Examples
    --------
    >>> from segml.data import load_cdnow_sample
    >>> rfm = rfm_summaries(load_cdnow_sample(), ["1997-06-30", "1997-09-30"], "W", holdout=13)
    >>> rfm.groupby("as_of")[["frequency", "frequency_holdout"]].sum().to_dict("index")
    {Timestamp('1997-06-30 00:00:00'): {'frequency': 1584, 'frequency_holdout': 664},
     Timestamp('1997-09-30 00:00:00'): {'frequency': 2248, 'frequency_holdout': 685}}
    """
    table = rfm_summaries_table(
        as_orders(orders), cutoffs, period, holdout, time_unit=time_unit, litt=litt
    )
    frame = table.to_arrow().to_pandas(date_as_object=False)
    return frame.set_index("customer_id")


def rfm_summaries_table(
    orders: Table,
    cutoffs: Iterable[Any],
    period: str = "D",
    holdout: int | None = None,
    *,
    time_unit: str | None = None,
    litt: bool = False,
) -> Table:
    """Define the table of :func:`rfm_summaries` in the engine; see there.

    Parameters
    ----------
    orders : Table
        Canonical orders.
    cutoffs, period, holdout, time_unit, litt
        As for :func:`rfm_summaries`.

    Returns
    -------
    Table
        Lazy, ordered by ``as_of`` (a date) and customer.

    Raises
    ------
    NotEnoughDataError, ParameterError
        As for :func:`rfm_summaries`.
    """
    query = Query(period, time_unit or period, holdout=holdout is not None, litt=litt)
    ahead = 0 if holdout is None else int(number(holdout, "holdout", low=1, whole=True))
    cuts = [query.cut(day, ahead=ahead) for day in _days(cutoffs)]
    _refuse_same_period(cuts, period)
    check_known(orders, cuts[0].day)
    return query.several(orders, cuts)


def _days(cutoffs: Any) -> list[dt.date]:
    if isinstance(cutoffs, (str, bytes)) or not isinstance(cutoffs, Iterable):
        raise ParameterError(
            "cutoffs is not a list of dates",
            where="cutoffs",
            got=cutoffs,
            expected='such as ["1997-06-30", "1997-09-30"]',
        )
    days = sorted(as_day(value, "cutoffs") for value in cutoffs)
    if not days:
        raise ParameterError("cutoffs is empty", where="cutoffs", expected="at least one date")
    return days


def _refuse_same_period(cuts: list[Cut], period: str) -> None:
    for one, other in itertools.pairwise(cuts):
        if one.known == other.known:
            raise ParameterError(
                f"two cut-offs fall into the same period {period}"
                if one.day < other.day
                else "a cut-off is there twice",
                where="cutoffs",
                got=f"{one.day.isoformat()} and {other.day.isoformat()}",
                expected="at most one in a period",
            )
