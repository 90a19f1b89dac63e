"""What each customer adds to a KPI: for those who compare, split or model it further."""

from __future__ import annotations

from typing import Any

import pandas as pd

from segml._core.check import one_of
from segml._core.errors import MissingTableError, NotEnoughDataError, ParameterError
from segml.data import CustomerData

from .assigned import check_segments, register_segments
from .costs import COSTED, has_segment_costs
from .kpi import KPI
from .measure import Customers, lives
from .registry import KPIS
from .rows import Rows, missing_reasons
from .work import NOT_WHOLE, not_whole, periods_of


def summable() -> list[str]:
    """Return the KPIs that are sums over customers or ratios of such sums, by name.

    Medians, predictions and payback times are none; shares of all customers have nothing to
    split, as all together are always 1.
    """
    return [
        kpi.name
        for kpi in KPIS.values()
        if kpi.interval not in ("order", "jackknife", "model") and not kpi.of_all
    ]


def customer_sums(
    data: CustomerData, segments: pd.Series, kpi: str, period: tuple[Any, Any]
) -> tuple[pd.DataFrame, KPI]:
    """Return what each customer adds to the numerator and the denominator of a KPI.

    Parameters
    ----------
    data : CustomerData
        What is known of the customers.
    segments : Series
        Segment id, indexed by customer_id.
    kpi : str
        One of :func:`summable`.
    period : (start, end)
        Days, both of which belong to it.

    Returns
    -------
    frame : DataFrame
        The customers of `segments` who have ordered by the end of the period, in order:
        ``segment``, ``numerator`` and, of ratios, ``denominator``. Summed they give what
        `kpi_table` gives.
    kpi : KPI
        The KPI itself.

    Raises
    ------
    ParameterError
        The KPI is unknown, with the nearest spelling, or no sum or ratio of sums.
    MissingTableError
        A table or a column that it needs is missing or without a value.
    NotEnoughDataError
        The window that growth compares with is not wholly in the data.
    DataError
        As `kpi_table`.

    Examples
    --------
    >>> from segml.data import read_orders
    >>> orders = pd.DataFrame({
    ...     "customer_id": ["a", "a", "b"], "order_id": [1, 2, 3],
    ...     "ordered_at": ["2026-01-01", "2026-03-01", "2026-03-02"],
    ...     "revenue": [10.0, 20.0, 15.0]})
    >>> data, segments = CustomerData(read_orders(orders)), pd.Series({"a": 0, "b": 1})
    >>> customer_sums(data, segments, "aov", ("2026-03-01", "2026-03-31"))[0]
                 segment  numerator  denominator
    customer_id
    a                  0       20.0          1.0
    b                  1       15.0          1.0
    """
    spec = KPIS[one_of(kpi, KPIS, "kpi")]
    if kpi not in summable():
        raise ParameterError(
            "this KPI is neither a sum over customers nor a ratio of two",
            where="kpi",
            got=kpi,
            expected="one of " + ", ".join(summable()),
        )
    if kpi in COSTED and has_segment_costs(data):
        raise ParameterError(
            "this KPI rests on costs that are known by segment, not by customer",
            where="kpi",
            got=kpi,
            expected="another KPI, or costs without the column segment",
        )
    check_segments(segments)
    lacking = missing_reasons(data, [spec])
    if not lacking:
        rows = Rows(data, spec.measures.values())
        periods = periods_of(rows, [period], None, 1)
        lacking = rows.without_values([spec])
        if not_whole(spec, periods[0], rows.first):
            raise NotEnoughDataError(NOT_WHOLE, where=kpi, got=periods[0].label)
    if lacking:
        raise MissingTableError(lacking[kpi], where=kpi)
    rows.check(spec.tables)
    who = register_segments(lives(rows), segments, rows.last)
    customers = Customers(rows, who.table, len(who.ids), periods, [spec])
    expressions = {f"({spec.numerator})": "numerator"}
    if spec.denominator:
        expressions[f"(coalesce({spec.denominator}, 0))"] = "denominator"
    frame = customers.wide([spec], expressions).to_pandas().drop(columns="period")
    frame.insert(1, "segment", [who.ids[code] for code in frame.pop("code")])
    return frame.set_index("customer_id").sort_index(), spec
