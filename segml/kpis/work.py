"""The cells of one table of KPIs: what can be computed, from what, and why the rest cannot."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from segml._core import text
from segml.clv import Prediction
from segml.data import CustomerData
from segml.features.dates import as_day

from .assigned import ALL, register_segments, segment_names
from .costs import COSTED, from_costs, has_segment_costs, segment_costs
from .kpi import KPI
from .measure import Customers, lives
from .payback import payback
from .periods import Period, as_periods, so_far
from .predicted import from_prediction, per_cost
from .registry import KPIS, SOURCES
from .rows import Rows, missing_reasons
from .sums import sums_of
from .values import Result, from_counts, from_sums

NOT_WHOLE = "the window before is not wholly in the data"
Cells = list[list[Result]]  # by period, then segment and, last, all customers


def periods_of(rows: Rows, periods: Any, as_of: Any, days: int) -> list[Period]:
    """Read periods as users give them, and say to the rows for which they are."""
    last = rows.last
    if periods is None:
        found = [so_far(rows.first, last, days)]
    else:
        words = isinstance(periods, str) or any(isinstance(part, str) for part in periods[:1])
        found = as_periods(periods, rows.first, last if words or as_of is not None else None)
    rows.begin(found, last if as_of is not None else max(last, found[-1].end))
    return found


def not_whole(kpi: KPI, period: Period, first: dt.date) -> bool:
    """Whether a KPI compares totals with a window that begins before the first order."""
    return kpi.name == "growth" and period.earlier < first


class Work:
    """What computing one table needs.

    Parameters
    ----------
    data, segments, names, level, currency
        As `kpi_table` takes them.

    Attributes
    ----------
    periods : list of Period
        In order of time.
    notes : list of str
        What the reader should know.
    """

    def __init__(
        self,
        data: CustomerData,
        segments: pd.Series,
        names: Mapping[Any, str] | pd.Series | None,
        level: float,
        currency: str,
    ) -> None:
        self.data, self.segments, self.given_names = data, segments, names
        self.level, self.currency = level, currency
        self.notes: list[str] = []

    def begin(
        self,
        kpis: Sequence[KPI],
        predictions: Mapping[str, Prediction],
        as_of: Any,
        periods: Any,
        days: int,
    ) -> None:
        """Read the orders, the periods and the segments; see which KPIs lack something."""
        self.kpis, self.predictions, self.is_all = kpis, predictions, periods is None
        self.reasons = {
            kpi.name: f"this needs the prediction {kpi.prediction}"
            for kpi in kpis
            if kpi.prediction and kpi.prediction not in predictions
        }
        # What a prediction is divided by is computed even if it was not asked for.
        asked = [*kpis, *(KPIS[k.denominator] for k in kpis if k.prediction and k.denominator)]
        counted = {kpi.name: kpi for kpi in asked if not kpi.prediction}
        # Where costs are known by segment, these KPIs are theirs over sums of customers.
        self.costed: list[str] = []
        if any(name in COSTED for name in counted) and has_segment_costs(self.data):
            self.costed = [name for name in counted if name in COSTED]
            counted |= {name: COSTED[name] for name in self.costed}
        self.reasons |= missing_reasons(self.data, counted.values())
        plain = [kpi for kpi in counted.values() if kpi.name not in self.reasons]
        measures = {name: measure for kpi in plain for name, measure in kpi.measures.items()}
        day = None if as_of is None else as_day(as_of, "as_of")
        self.rows = Rows(self.data, measures.values(), day)
        self.periods = periods_of(self.rows, periods, as_of, days)
        also = list(dict(self.given_names if self.given_names is not None else {}))
        self.who = register_segments(lives(self.rows), self.segments, self.rows.last, also)
        self.names = segment_names(self.who.ids, self.given_names)
        self.notes += self.who.notes
        self.reasons |= self.rows.without_values(plain)
        self.counted = [kpi for kpi in plain if kpi.name not in self.reasons]

    def table(self) -> pd.DataFrame:
        """Return the rows of the table."""
        cells = self._measured()
        for kpi in self.kpis:
            if kpi.prediction and kpi.name not in self.reasons:
                cells[kpi.name] = self._predicted(kpi, self.predictions[kpi.prediction], cells)
        nothing = [Result()] * (len(self.who.ids) + 1)
        rows = []
        for kpi in self.kpis:
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
                            "reason": self.reasons.get(kpi.name) or cell.reason,
                        }
                    )
        return pd.DataFrame(rows)

    def _measured(self) -> dict[str, Cells]:
        """Return the cells of KPIs that are made of measures."""
        kpis = self.counted
        self.rows.check({table for kpi in kpis for table in kpi.tables})
        customers = Customers(self.rows, self.who.table, len(self.who.ids), self.periods, kpis)
        self._customers = customers
        self._n = customers.counts()
        if any("sessions" in kpi.tables for kpi in kpis):
            self._note_unknown_sessions()
        sums = sums_of(customers, [k for k in kpis if k.interval not in ("order", "jackknife")])
        out = {}
        for kpi in kpis:
            if kpi.name in self.costed:
                continue
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
        costed = [kpi.name for kpi in kpis if kpi.name in self.costed]
        if costed:
            self.rows.check({"costs"})
            costs, notes = segment_costs(
                self.rows, self.who.ids, self.names, len(self.periods), self.currency
            )
            self.notes += notes
            for name in costed:
                out[name] = from_costs(name, costs, sums[name], self.level)
        return out

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
        if not_whole(kpi, period, self.rows.first):
            return NOT_WHOLE
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

    def _predicted(
        self,
        kpi: KPI,
        prediction: Prediction,
        cells: Mapping[str, Cells],
    ) -> Cells:
        """Return the means for the last period: a prediction is of the state at its end."""
        last: Iterable[Result] = from_prediction(
            kpi, prediction, self.segments, self.who.ids, self.level
        )
        if kpi.denominator and kpi.denominator in self.reasons:
            self.reasons[kpi.name] = self.reasons[kpi.denominator]
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
