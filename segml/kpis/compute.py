"""Compute KPIs by period and segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import pandas as pd

from segml._core.check import number, one_of
from segml.clv import Prediction
from segml.data import CustomerData, DataTable, read_orders

from .assigned import check_segments
from .kpi import KPI
from .registry import KPIS
from .table import KpiTable
from .work import Work

Retained = Literal["ordered", "visited"]


def kpi_table(
    data: CustomerData | DataTable | Any,
    segments: pd.Series,
    names: Mapping[Any, str] | pd.Series | None = None,
    *,
    as_of: Any = None,
    periods: Any = None,
    period_days: int = 90,
    retained: Retained = "ordered",
    kpis: Sequence[str] | None = None,
    predictions: Mapping[str, Prediction] | None = None,
    currency: str = "",
    level: float = 0.95,
) -> KpiTable:
    r"""Compute KPIs for each segment and for all customers, and for each period.

    Parameters
    ----------
    data : CustomerData, DataTable of orders, or anything that `read_orders` takes
        What is known of the customers.
    segments : Series
        Segment id, indexed by customer_id, one row per customer.
    names : mapping or Series of int to str, optional
        Segment names; segments that have a name and no customer are rows without values.
    as_of : date or str, optional
        Last day that counts. When not given, the day of the last order, or the end of the
        last period.
    periods : sequence of (start, end), or calendar word, or (word, how many), optional
        Days, both of which belong to the period; or the calendar periods, "week", "month",
        "quarter" or "year", that are over by `as_of`, as ``("month", 6)`` the last six. When
        not given, one period: all that is known.
    period_days : int, default 90
        Without periods, retention, churn, inactivity and growth compare the last
        `period_days` days with those before. A period is compared with the one before it of
        the same length, a calendar period with the calendar period before.
    retained : {"ordered", "visited"}
        What a retained customer does in both windows: order, or visit the site.
    kpis : sequence of str, optional
        Which KPIs; all of `KPIS` when not given.
    predictions : mapping of str to Prediction, optional
        "clv" and "p_alive", from segml.clv, as of the end of the last period.
    currency : str, optional
        ISO code, for display.
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    KpiTable
        A KPI that cannot be computed has a missing value and the reason.

    Raises
    ------
    ParameterError
        An unknown KPI, with the nearest spelling; a number out of range; a name given twice;
        periods that overlap.
    DataError
        A customer stands in `segments` twice, without a segment, or has no order; a cost is
        negative; an answer to the question nps is out of 0 to 10.
    NotEnoughDataError
        No calendar period is over.

    Notes
    -----
    Intervals take the customers for a sample of those that the shop could have. With
    numerator :math:`y_i` and denominator :math:`x_i` of customer i of n, and ratio r, the
    delta method's variance is

    .. math:: \frac{n}{n - 1} \frac{\sum_i (y_i - r x_i)^2}{(\sum_i x_i)^2}

    (Cochran 1977, Sampling Techniques, 3rd ed., eq. 6.13). Shares of customers have Wilson's
    interval, shares of rows Wilson's with the effective sample size. The interval of the
    difference to all customers knows that the segment is a part of these: influences for
    ratios, Newcombe's method on segment and others for shares of customers. Those of
    predictions hold the uncertainty of the model's parameters.

    Sessions without a customer are of no segment: they count nowhere, not in "all customers"
    either, and a note says how many there are.

    Where `costs` has values in its column segment, names or ids of segments, CAC is the costs
    of the segment in the period / its new customers; else it rests on
    `customers.acquisition_cost`.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({
    ...     "customer_id": ["a", "a", "b"], "order_id": [1, 2, 3],
    ...     "ordered_at": pd.to_datetime(["2026-01-01", "2026-03-01", "2026-03-02"]),
    ...     "revenue": [10.0, 20.0, 15.0]})
    >>> table = kpi_table(orders, pd.Series({"a": 0, "b": 1}), kpis=["aov", "repeat_rate"])
    >>> table.values()["segment 0"].to_dict()
    {'aov': 15.0, 'repeat_rate': 1.0}
    """
    if not isinstance(data, CustomerData):
        data = CustomerData(data if isinstance(data, DataTable) else read_orders(data))
    days = int(number(period_days, "period_days", low=1, whole=True))
    number(level, "level", low=0, high=1, open_low=True)
    one_of(retained, ("ordered", "visited"), "retained")
    wanted = [_meant(KPIS[one_of(name, KPIS, "kpis")], retained) for name in (kpis or KPIS)]
    check_segments(segments)
    work = Work(data, segments, names, level, currency)
    work.begin(wanted, dict(predictions or {}), as_of, periods, days)
    table, found = work.table(), work.periods
    return KpiTable(table, found[-1].end, days, currency, tuple(work.notes), tuple(found), level)


def _meant(kpi: KPI, retained: str) -> KPI:
    """Return a KPI for what a retained customer is."""
    if retained == "ordered" or "bought_recent" not in kpi.words:
        return kpi
    return replace(
        kpi,
        numerator=kpi.numerator.replace("bought_", "visited_"),
        denominator=kpi.denominator.replace("bought_", "visited_"),
    )
