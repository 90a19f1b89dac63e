"""The table of KPIs by segment and period, with intervals and reasons."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pandas as pd

from segml._core import text
from segml._core.check import one_of

from .assigned import ALL
from .periods import Period
from .registry import KPIS

__all__ = ["ALL", "KpiTable"]


@dataclass(frozen=True)
class KpiTable:
    """KPIs by segment and period.

    Parameters
    ----------
    table : DataFrame
        One row per KPI, period and segment: ``kpi``, ``period``, ``segment`` (id, or "all
        customers"), ``name``, ``value``, ``low``, ``high``, ``n`` (customers who have ordered
        by the end of the period), ``difference`` to all customers and its interval
        ``difference_low`` to ``difference_high`` where there is one, ``numerator`` and
        ``denominator``, and ``reason`` where the value or its interval is missing.
    as_of : date
        Last day that counts.
    period_days : int
        Without periods: length of each of the two windows that retention and churn compare.
    currency : str
        ISO code for display.
    notes : tuple of str
        What the reader should know.
    periods : tuple of Period
        In order of time; one, "so far", where none were asked for.
    level : float
        Coverage of the intervals.
    """

    table: pd.DataFrame
    as_of: dt.date
    period_days: int
    currency: str = ""
    notes: tuple[str, ...] = ()
    periods: tuple[Period, ...] = ()
    level: float = 0.95

    def values(self, period: str | None = None) -> pd.DataFrame:
        """Return the values, KPIs by segment names; all customers last.

        Parameters
        ----------
        period : str, optional
            Its label; the last one when not given.
        """
        table = self._of(period)
        names = list(dict.fromkeys(table["name"]))
        kpis = list(dict.fromkeys(table["kpi"]))
        return table.pivot(index="kpi", columns="name", values="value").loc[kpis, names]

    def rows(self, kpi: str, period: str | None = None) -> pd.DataFrame:
        """Return the rows of one KPI, by segment name, in a period, the last when not given."""
        one_of(kpi, self.table["kpi"].unique(), "kpi")
        table = self._of(period)
        return table[table["kpi"] == kpi].set_index("name")

    def over_time(self, kpi: str) -> pd.DataFrame:
        """Return the values of one KPI, periods by segment names."""
        one_of(kpi, self.table["kpi"].unique(), "kpi")
        table = self.table[self.table["kpi"] == kpi]
        names, periods = (list(dict.fromkeys(table[column])) for column in ("name", "period"))
        return table.pivot(index="period", columns="name", values="value").loc[periods, names]

    def format(self, kpi: str, value: float) -> str:
        """Format a value of a KPI with its unit."""
        return formatted(KPIS[kpi].unit, value, self.currency)

    def _of(self, period: str | None) -> pd.DataFrame:
        labels = list(dict.fromkeys(self.table["period"]))
        label = labels[-1] if period is None else one_of(period, labels, "period")
        return self.table[self.table["period"] == label]

    def _repr_html_(self) -> str:
        from .table_html import page

        return page(self)


def formatted(unit: str, value: float, currency: str) -> str:
    """Format a value with its unit.

    Examples
    --------
    >>> formatted("days", 12.345, ""), formatted("score", -3.21, ""), formatted("seconds", 95, "")
    ('12.3 days', '-3.2', '1:35 min')
    """
    if unit == "money":
        return text.money(value, currency)
    if unit == "share":
        return text.share(value)
    if pd.isna(value) or unit == "count":
        return text.plain(value)
    if unit == "seconds":
        whole = round(abs(value))
        sign = "-" if value < 0 else ""
        return f"{sign}{whole // 60}:{whole % 60:02} min" if whole >= 60 else f"{sign}{whole} s"
    body = f"{value:,.0f}" if abs(value) >= 99.5 or float(value).is_integer() else f"{value:,.1f}"
    return body if unit == "score" else f"{body} {'day' if body == '1' else 'days'}"
