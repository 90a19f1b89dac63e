"""What is known of each customer of a segment in each period: the measures, in the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from segml._core.errors import DataError
from segml.engine import Table
from segml.engine.sql import Fragment, quote

from .kpi import KPI, Measure
from .periods import Period
from .rows import Bounds, Rows


def lives(rows: Rows) -> Table:
    """Return the day of the first order of each customer: ``customer_id``, ``first_day``."""
    return rows.engine.sql(
        "SELECT customer_id, min(day_index(ordered_at)) AS first_day FROM {orders}"
        " GROUP BY customer_id",
        orders=rows.known("orders"),
    ).materialise()


class Customers:
    """One row per period and customer of a segment, with the measures joined to it.

    Parameters
    ----------
    rows : Rows
        What measures are aggregates of.
    assigned : Table
        ``customer_id``, ``code`` and ``first_day``.
    n_segments : int
        How many codes there are.
    periods : sequence of Period
        In order.
    kpis : sequence of KPI
        Whose measures are computed: each table is read once for all windows of the same days.
    """

    def __init__(
        self,
        rows: Rows,
        assigned: Table,
        n_segments: int,
        periods: Sequence[Period],
        kpis: Sequence[KPI],
    ) -> None:
        self.engine, self._rows = rows.engine, rows
        self.shape = (len(periods), n_segments)
        self.base = self._base(assigned, periods, kpis).materialise()
        self._parts: dict[tuple[str, Bounds], Table] = {}
        self._counts: dict[tuple[str, Bounds], np.ndarray] = {}
        groups: dict[tuple[str, Bounds], dict[str, Measure]] = {}
        for kpi in kpis:
            for name, measure in kpi.measures.items():
                groups.setdefault(self._key(measure), {})[name] = measure
        for key, here in groups.items():
            self._parts[key] = self._aggregated(here).materialise()

    def counts(self) -> np.ndarray:
        """Return how many customers of each segment have ordered by the end of each period."""
        found = self.engine.sql(
            "SELECT period, code, count(*) AS n FROM {base} GROUP BY period, code", base=self.base
        )
        return self.matrix(found.to_pandas(), "n").astype("int64")

    def rows_in(self, measure: Measure) -> np.ndarray:
        """Return how many rows there are in the window of each period, of any customer."""
        key = self._key(measure)
        if key not in self._counts:
            found = self.engine.sql(
                "SELECT period, CAST(sum(_rows) AS BIGINT) AS n FROM {part} GROUP BY period",
                part=self._parts[key],
            ).to_pandas()
            counts = np.zeros(self.shape[0], dtype="int64")
            counts[found["period"].astype(int)] = found["n"]
            self._counts[key] = counts
        return self._counts[key]

    def values(self, kpi: KPI) -> pd.DataFrame:
        """Return how many customers have which value of an expression: period, code, value, n."""
        wide = self.wide([kpi], {f"({kpi.numerator})": "v"})
        return self.engine.sql(
            "SELECT period, code, v AS value, count(*) AS n FROM {wide} WHERE v IS NOT NULL"
            " GROUP BY period, code, v ORDER BY period, code, v",
            wide=wide,
        ).to_pandas()

    def matrix(self, found: pd.DataFrame, column: str) -> np.ndarray:
        """Return a column of rows by ``period`` and ``code`` as an array, 0 where there is none."""
        out = np.zeros(self.shape)
        out[found["period"].astype(int), found["code"].astype(int)] = found[column].astype(float)
        return out

    def _key(self, measure: Measure) -> tuple[str, Bounds]:
        return measure.table, self._rows.bounds(measure.table, measure.window)

    def _base(self, assigned: Table, periods: Sequence[Period], kpis: Sequence[KPI]) -> Table:
        days = [period.window("period") for period in periods]
        calendar = self.engine.register(
            pa.table(
                {
                    "period": np.arange(len(days)),
                    "start_day": np.array([low for low, _ in days], dtype="int64"),
                    "end_day": np.array([high for _, high in days], dtype="int64"),
                }
            )
        )
        column, join = "", ""
        values = {"assigned": assigned, "calendar": calendar}
        if any("second_day" in kpi.words for kpi in kpis):
            column, join = ", s.second_day", " LEFT JOIN {again} AS s ON a.customer_id = s.who"
            values["again"] = self.engine.sql(
                "SELECT o.customer_id AS who, min(day_index(o.ordered_at)) AS second_day"
                " FROM {orders} AS o JOIN {assigned} AS a ON o.customer_id = a.customer_id"
                " AND day_index(o.ordered_at) > a.first_day GROUP BY o.customer_id",
                orders=self._rows.known("orders"),
                assigned=assigned,
            )
        return self.engine.sql(
            "SELECT a.customer_id, a.code, p.period, p.start_day, p.end_day, a.first_day"
            f"{column} FROM {{assigned}} AS a{join}"
            " JOIN {calendar} AS p ON a.first_day <= p.end_day",
            **values,
        )

    def _aggregated(self, measures: Mapping[str, Measure]) -> Table:
        one = next(iter(measures.values()))  # the others are of the same rows
        table, timeless = one.table, one.table == "customers"
        rows = self._rows.known(table) if timeless else self._rows.table(table, one.window)
        by = "customer_id" if timeless else "customer_id, period"

        def grouped(part: Iterable[str]) -> Table:
            columns = "".join(f", {measures[name].sql} AS {quote(name)}" for name in part)
            return self.engine.sql(
                "SELECT {by}, count(*) AS _rows{columns} FROM {rows} GROUP BY {by}",
                by=Fragment(by),
                columns=Fragment(columns),
                rows=rows,
            )

        try:
            return grouped(measures)
        except DataError:
            for name in measures:
                try:
                    grouped([name])
                except DataError as error:
                    raise DataError(
                        f"the sql of the measure {name} cannot be run",
                        where=f"MEASURES[{name!r}].sql, over the rows of {table}",
                        got=str(error.problem.got),
                        expected="an aggregate over the rows of one customer",
                    ) from error
            raise

    def wide(self, kpis: Sequence[KPI], expressions: Mapping[str, str]) -> Table:
        """Return expressions of measures by name: one row per period and customer."""
        measures = {n: m for kpi in kpis for n, m in kpi.measures.items()}
        keys = list(dict.fromkeys(map(self._key, measures.values())))
        columns = "".join(
            f", coalesce(t{keys.index(self._key(m))}.{quote(n)}, 0) AS {quote(n)}"
            for n, m in measures.items()
        )
        joins = "".join(
            f" LEFT JOIN {{p{i}}} AS t{i} ON b.customer_id = t{i}.customer_id"
            + ("" if table == "customers" else f" AND b.period = t{i}.period")
            for i, (table, _) in enumerate(keys)
        )
        joined = self.engine.sql(
            f"SELECT b.*{{columns}} FROM {{base}} AS b{joins}",
            columns=Fragment(columns),
            base=self.base,
            **{f"p{i}": self._parts[key] for i, key in enumerate(keys)},
        )
        named = ", ".join(
            f"CAST({expression} AS DOUBLE) AS {quote(name)}"
            for expression, name in expressions.items()
        )
        try:
            return self.engine.sql(
                "SELECT customer_id, period, code, {named} FROM {joined}",
                named=Fragment(named),
                joined=joined,
            )
        except DataError as error:
            raise DataError(
                "the expressions of a KPI cannot be run",
                where=", ".join(kpi.name for kpi in kpis),
                got=str(error.problem.got),
                expected="measures and " + "first_day, second_day, start_day, end_day",
            ) from error
