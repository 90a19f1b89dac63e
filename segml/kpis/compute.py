"""Compute KPIs by period and segment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from segml._core import text
from segml._core.check import number, one_of
from segml._core.errors import NotEnoughDataError
from segml.clv import Prediction
from segml.data import CustomerData, DataTable, read_orders
from segml.features.dates import as_day

from .assigned import ALL, check_segments, register_segments, segment_names
from .costs import BY_SEGMENT, has_segment_costs, segment_costs
from .kpi import KPI
from .measure import Customers
from .payback import payback
from .periods import Period, as_periods, so_far
from .predicted import from_prediction, per_cost
from .registry import KPIS, SOURCES
from .rows import Rows, missing_reasons
from .table import KpiTable
from .values import NO_DENOMINATOR, Result, from_counts, from_sums

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
    wanted = [KPIS[one_of(name, KPIS, "kpis")] for name in (kpis or KPIS)]
    first, known, found = _periods(data, periods, as_of, days)
    check_segments(segments)
    work = _Work(data, segments, names, found, first, known, level, periods is None, currency)
    table = work.table([_meant(kpi, retained) for kpi in wanted], dict(predictions or {}))
    return KpiTable(table, found[-1].end, days, currency, tuple(work.notes), tuple(found), level)


def _periods(
    data: CustomerData, periods: Any, as_of: Any, days: int
) -> tuple[dt.date, dt.date, list[Period]]:
    """Return the day of the first order, the last day that is known, and the periods."""
    ends = data.orders.table.row("SELECT min(ordered_at), max(ordered_at) FROM {self}")
    if ends[0] is None:
        raise NotEnoughDataError("there are no orders")
    first, last = (moment.date() for moment in ends)
    if periods is None:
        day = last if as_of is None else as_day(as_of, "as_of")
        return first, day, [so_far(first, day, days)]
    if as_of is not None:
        day = as_day(as_of, "as_of")
        return first, day, as_periods(periods, first, day)
    words = isinstance(periods, str) or any(isinstance(part, str) for part in periods[:1])
    found = as_periods(periods, first, last if words else None)
    return first, max(last, found[-1].end), found


def _meant(kpi: KPI, retained: str) -> KPI:
    """Return a KPI for what a retained customer is."""
    if retained == "ordered" or "bought_recent" not in kpi.words:
        return kpi
    return replace(
        kpi,
        numerator=kpi.numerator.replace("bought_", "visited_"),
        denominator=kpi.denominator.replace("bought_", "visited_"),
    )


class _Work:
    """What computing one table needs."""

    def __init__(
        self,
        data: CustomerData,
        segments: pd.Series,
        names: Mapping[Any, str] | pd.Series | None,
        periods: Sequence[Period],
        first: dt.date,
        known: dt.date,
        level: float,
        is_all: bool,
        currency: str,
    ) -> None:
        self.data, self.segments, self.given_names = data, segments, names
        self.periods, self.first, self.known = periods, first, known
        self.level, self.is_all, self.currency = level, is_all, currency
        self.notes: list[str] = []

    def table(self, kpis: Sequence[KPI], predictions: Mapping[str, Prediction]) -> pd.DataFrame:
        reasons = {
            kpi.name: f"this needs the prediction {kpi.prediction}"
            for kpi in kpis
            if kpi.prediction and kpi.prediction not in predictions
        }
        # What a prediction is divided by is computed even if it was not asked for.
        asked = [*kpis, *(KPIS[k.denominator] for k in kpis if k.prediction and k.denominator)]
        counted = list({kpi.name: kpi for kpi in asked if not kpi.prediction}.values())
        by_segment = any(kpi.name == "cac" for kpi in counted) and has_segment_costs(self.data)
        lacking = missing_reasons(self.data, counted)
        if by_segment:
            lacking.pop("cac", None)
        reasons |= lacking
        plain = [kpi for kpi in counted if kpi.name not in lacking]
        plain = [kpi for kpi in plain if not (by_segment and kpi.name == "cac")]
        cells, without = self._measured(plain)
        reasons |= without
        if by_segment:
            cells["cac"] = self._cac()
        for kpi in kpis:
            if kpi.prediction and kpi.name not in reasons:
                cells[kpi.name] = self._predicted(kpi, predictions[kpi.prediction], cells, reasons)
        nothing = [Result()] * (len(self.who.ids) + 1)
        rows = []
        for kpi in kpis:
            for p, period in enumerate(self.periods):
                row = cells[kpi.name][p] if kpi.name in cells else nothing
                for code, (i, cell) in enumerate(zip([*self.who.ids, ALL], row, strict=True)):
                    rows.append(
                        {
                            "kpi": kpi.name,
                            "period": period.label,
                            "segment": str(i),
                            "name": self.names[i],
                            "value": cell.value,
                            "low": cell.low,
                            "high": cell.high,
                            "n": int(self._n[p].sum() if i == ALL else self._n[p, code]),
                            "difference": cell.difference,
                            "difference_low": cell.difference_low,
                            "difference_high": cell.difference_high,
                            "numerator": cell.numerator,
                            "denominator": cell.denominator,
                            "reason": reasons.get(kpi.name) or cell.reason,
                        }
                    )
        return pd.DataFrame(rows)

    def _measured(
        self, kpis: Sequence[KPI]
    ) -> tuple[dict[str, list[list[Result]]], dict[str, str]]:
        """Return the cells of KPIs, and why others have none."""
        measures = {name: measure for kpi in kpis for name, measure in kpi.measures.items()}
        self.rows = Rows(self.data, self.periods, measures.values(), self.known)
        orders = self.rows.known("orders")
        also = list(dict(self.given_names if self.given_names is not None else {}))
        self.who = register_segments(orders, self.segments, self.known, also)
        self.names = segment_names(self.who.ids, self.given_names)
        self.notes += self.who.notes
        without = self.rows.without_values(kpis)
        kpis = [kpi for kpi in kpis if kpi.name not in without]
        measures = {name: measure for kpi in kpis for name, measure in kpi.measures.items()}
        self.rows.check({table for kpi in kpis for table in kpi.tables})
        second = any("second_day" in kpi.words for kpi in kpis)
        customers = Customers(self.rows, self.who.table, len(self.who.ids), self.periods, second)
        self._customers = customers
        self._n = customers.counts()
        customers.aggregate(measures)
        if any("sessions" in kpi.tables for kpi in kpis):
            self._note_unknown_sessions()
        sums = customers.sums([k for k in kpis if k.interval not in ("order", "jackknife")])
        out = {}
        for kpi in kpis:
            if kpi.interval == "jackknife":
                cells = payback(self.rows, customers, self._n, self.level)
            elif kpi.interval == "order":
                counts = customers.values(kpi)
                cells = [
                    list(from_counts(counts, self._n, p, self.level))
                    for p in range(len(self.periods))
                ]
            else:
                cells = [
                    list(from_sums(kpi, sums[kpi.name], self._n, p, self.level))
                    for p in range(len(self.periods))
                ]
            out[kpi.name] = [
                [Result(reason=why)] * len(row) if (why := self._why_not(kpi, p)) else row
                for p, row in enumerate(cells)
            ]
        return out, without

    def _why_not(self, kpi: KPI, p: int) -> str:
        """Say why there is nothing to compute a KPI from in a period."""
        period = self.periods[p]
        for measure in kpi.measures.values():
            if measure.table == "customers" or measure.window not in ("period", "recent"):
                continue
            if not self._customers.rows_in(measure)[p]:
                source = SOURCES.get(measure.table)
                if source and self._has_rows(source.table, p):
                    return source.empty
                table = source.table if source else measure.table
                when = f"by {period.end.isoformat()}" if self.is_all else "in the period"
                return f"the table {table} has no row {when}"
        if kpi.name == "growth" and period.earlier < self.first:
            return "the window before is not wholly in the data"
        return ""

    def _has_rows(self, table: str, p: int) -> bool:
        return bool(
            self.rows.table(table, "period").scalar(
                "SELECT count(*) FROM {self} WHERE period = {p}", p=p
            )
        )

    def _note_unknown_sessions(self) -> None:
        sessions = self.data.require("sessions").table
        unknown, n = sessions.row(
            "SELECT count(*) - count(customer_id), count(*) FROM {self}"
            " WHERE day_index(started_at) <= day_index({end})",
            end=self.periods[-1].end,
        )
        if unknown:
            self.notes.append(
                f"{text.count(unknown)} of {text.count(n)} sessions are of visitors who are not "
                "known: they count nowhere."
            )

    def _cac(self) -> list[list[Result]]:
        self.rows.check({"costs"})
        costs, of_all, notes = segment_costs(
            self.rows, self.who.ids, self.names, len(self.periods), self.currency
        )
        self.notes += notes
        new = self._customers.sums([KPIS["new_customers"]])["new_customers"].y
        out = []
        for p in range(len(self.periods)):
            pairs = [*zip(costs[p], new[p], strict=True), (of_all[p], new[p].sum())]
            whole = pairs[-1][0] / pairs[-1][1] if pairs[-1][1] else np.nan
            out.append([self._cost(float(y), float(x), float(whole)) for y, x in pairs])
        return out

    @staticmethod
    def _cost(y: float, x: float, whole: float) -> Result:
        if not x:
            return Result(numerator=y, denominator=x, reason=NO_DENOMINATOR)
        return Result(
            y / x, difference=y / x - whole, numerator=y, denominator=x, reason=BY_SEGMENT
        )

    def _predicted(
        self,
        kpi: KPI,
        prediction: Prediction,
        cells: Mapping[str, list[list[Result]]],
        reasons: dict[str, str],
    ) -> list[list[Result]]:
        """Return the means for the last period: a prediction is of the state at its end."""
        last: Iterable[Result] = from_prediction(
            kpi, prediction, self.segments, self.who.ids, self.level
        )
        if kpi.denominator and kpi.denominator in reasons:
            reasons[kpi.name] = reasons[kpi.denominator]
            return [[Result()] * (len(self.who.ids) + 1)] * len(self.periods)
        if kpi.denominator:
            divided = [
                per_cost(one, cost)
                for one, cost in zip(last, cells[kpi.denominator][-1], strict=True)
            ]
            last = [replace(one, difference=one.value - divided[-1].value) for one in divided]
        early = [Result(reason="a prediction is of the state at the end of the last period")]
        before = [early * (len(self.who.ids) + 1)] * (len(self.periods) - 1)
        return [*before, list(last)]
