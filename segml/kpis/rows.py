"""The rows that measures are aggregates of: those of a table that fall into each period."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from segml._core.errors import DataError, MissingTableError, NotEnoughDataError
from segml.data import CustomerData
from segml.engine import Table
from segml.engine.sql import Fragment, quote
from segml.features.known import MOMENTS, known_table, wrong_type
from segml.features.rfm_query import check_known

from .kpi import KPI, Measure
from .periods import Period
from .registry import SOURCES

Bounds = tuple[tuple[int, int], ...]
_EPOCH = dt.date(1970, 1, 1).toordinal()
_LONG_AGO = dt.date.min.toordinal() - _EPOCH

# What must not be below zero, for the check of the costs.
_COSTS = {"costs": "cost", "customers": "acquisition_cost"}


class Rows:
    """Tables and sources of one set of data in given periods; each is defined when asked for.

    Parameters
    ----------
    data : CustomerData
        The canonical tables.
    measures : iterable of Measure
        What they are for.
    as_of : date, optional
        Last day that counts.

    Attributes
    ----------
    first, last : date
        Day of the first order, and the last day that is known: `as_of`, or that of the last
        order, until `begin` says otherwise.

    Raises
    ------
    NotEnoughDataError
        There are no orders.
    """

    def __init__(
        self, data: CustomerData, measures: Iterable[Measure], as_of: dt.date | None = None
    ) -> None:
        self.engine = data.orders.table.engine
        self._data, self._used = data, _names_in(measures)
        self._periods: Sequence[Period] = ()
        self._known: dict[str, Table] = {}
        self._made: dict[tuple[str, Bounds], Table] = {}
        # The orders are read once: they say when they begin and end.
        self.last = as_of or dt.date.max
        ends = self.known("orders").row("SELECT min(ordered_at), max(ordered_at) FROM {self}")
        if ends[0] is None and as_of is not None:
            check_known(data.orders.table, as_of)
        if ends[0] is None:
            raise NotEnoughDataError("there are no orders")
        self.first, last = (moment.date() for moment in ends)
        self.last = as_of or last

    def begin(self, periods: Sequence[Period], last: dt.date) -> None:
        """Say for which periods, in order of time, and until when all is known."""
        self._periods, self.last = periods, last

    def known(self, table: str) -> Table:
        """Return a canonical table up to the last day that is known.

        It is read for several windows, so it is computed once and kept in the engine.
        """
        if table not in self._known:
            found = known_table(self._data, table, self.last, self._used)
            self._known[table] = found.materialise()
        return self._known[table]

    def bounds(self, name: str, window: str) -> Bounds:
        """Return the first and last days of a window of each period.

        Windows with the same days hold the same rows, whatever they are called.
        """
        table = SOURCES[name].table if name in SOURCES else name
        if table not in MOMENTS or table == "customers":
            return ()
        # Of the orders it is known when they begin.
        start = self.first.toordinal() - _EPOCH if table == "orders" else _LONG_AGO
        ends = [period.window(window) for period in self._periods]
        return tuple((max(low, start), max(high, start - 1)) for low, high in ends)

    def check(self, tables: Iterable[str]) -> None:
        """Check the values that would make KPIs meaningless.

        Raises
        ------
        DataError
            Some costs are negative, or some answers to the question nps are out of 0 to 10.
        """
        for table, column in _COSTS.items():
            if table in tables and column in self.known(table).columns:
                wrong = self.known(table).scalar(
                    "SELECT count(*) FROM {self} WHERE {column} < 0",
                    column=Fragment(quote(column)),
                )
                if wrong:
                    raise DataError(
                        "some costs are negative",
                        where=f"{table}.{column}",
                        got=f"{wrong:,} rows",
                        expected="costs of 0 and more",
                    )
        if "surveys" in tables:
            wrong = self.known("surveys").scalar(
                "SELECT count(*) FROM {self} WHERE lower(trim(question)) = 'nps'"
                " AND number_of(trim(answer)) NOT BETWEEN 0 AND 10"
            )
            if wrong:
                raise DataError(
                    "some answers to the question nps are out of range",
                    where="surveys.answer",
                    got=f"{wrong:,} answers",
                    expected="numbers from 0 to 10",
                )

    def table(self, name: str, window: str) -> Table:
        """Return the rows of a table or source in a window of each period, with ``period``."""
        key = name, self.bounds(name, window)
        if key not in self._made:
            if name in SOURCES:
                source = SOURCES[name]
                made = self.engine.sql(
                    source.sql,
                    rows=self.table(source.table, window),
                    **{other: self.known(other) for other in source.also},
                )
            else:
                made = self._windowed(self.known(name), MOMENTS[name], key[1])
            self._made[key] = made
        return self._made[key]

    def _windowed(self, rows: Table, moment: str, ends: Bounds) -> Table:
        if len(ends) == 1:
            return self.engine.sql(
                "SELECT *, CAST(0 AS BIGINT) AS period FROM {rows}"
                " WHERE day_index({moment}) BETWEEN {low} AND {high}",
                rows=rows,
                moment=Fragment(quote(moment)),
                low=ends[0][0],
                high=ends[0][1],
            )
        # Windows that go back to the start hold a row many times: a join by days is one pass.
        first = rows.scalar(
            "SELECT min(day_index({moment})) FROM {self}", moment=Fragment(quote(moment))
        )
        days = [np.arange(max(low, first or 0), high + 1) for low, high in ends]
        calendar = self.engine.register(
            pa.table(
                {
                    "_day": np.concatenate(days).astype("int64"),
                    "period": np.repeat(np.arange(len(days)), [len(part) for part in days]),
                }
            )
        )
        return self.engine.sql(
            "SELECT r.*, c.period FROM {rows} AS r"
            " JOIN {calendar} AS c ON day_index(r.{moment}) = c._day",
            rows=rows,
            calendar=calendar,
            moment=Fragment(quote(moment)),
        )

    def without_values(self, kpis: Iterable[KPI]) -> dict[str, str]:
        """Return which KPIs need a column without a value, and say so; each table is counted once.

        A table without a row says that of each period by itself.
        """
        asked: dict[str, dict[str, None]] = {}
        found = list(kpis)
        for kpi in found:
            for table, columns in kpi.tables.items():
                asked.setdefault(table, {}).update(dict.fromkeys(columns))
        empty = {
            (table, column)
            for table, columns in asked.items()
            for column, n in self._counts(table, list(columns)).items()
            if not n
        }
        return {
            kpi.name: f"the column {column} of the table {table} has no values"
            for kpi in found
            for table, columns in kpi.tables.items()
            for column in columns
            if (table, column) in empty
        }

    def _counts(self, table: str, columns: list[str]) -> dict[str, int]:
        """Return how many values columns have, nothing where the table has no row."""
        counts = "".join(f", count({quote(column)})" for column in columns)
        n, *row = self.known(table).row(
            "SELECT count(*){counts} FROM {self}", counts=Fragment(counts)
        )
        return dict(zip(columns, row, strict=True)) if n else {}


def missing_reasons(data: CustomerData, kpis: Iterable[KPI]) -> dict[str, str]:
    """Return why KPIs cannot be computed at all, by name: a table or a column lacks."""
    reasons: dict[str, str] = {}
    for kpi in kpis:
        for table, columns in kpi.tables.items():
            try:
                data.require(table, *columns)
            except MissingTableError as error:
                reasons.setdefault(kpi.name, error.problem.what)
                continue
            wrong = [wrong_type(data.tables[table].table, table, column) for column in columns]
            if problem := next(filter(None, wrong), ""):
                reasons.setdefault(kpi.name, problem)
    return reasons


def _names_in(measures: Iterable[Measure]) -> set[str]:
    """Return the words of measures and of their sources: the columns to read are among them."""
    found = list(measures)
    texts = [f"{measure.sql} {' '.join(measure.columns)}" for measure in found]
    texts += [SOURCES[name].sql for name in {m.table for m in found} if name in SOURCES]
    return set(re.findall(r"\w+", " ".join(texts))) | {"cost", "segment"}
