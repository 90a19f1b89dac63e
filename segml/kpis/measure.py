"""The sums over customers that KPIs are made of, by period and segment, in the engine.

Only sums leave it. They are of fixed-point numbers, so that they depend neither on the order
of the rows nor on the engine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from segml._core.errors import DataError
from segml.engine import Table
from segml.engine.sql import Fragment, literal, quote

from .kpi import KPI, Measure
from .periods import Period
from .rows import Rows

_SPREAD = ("delta", "clustered")


@dataclass(frozen=True)
class Sums:
    """Sums over customers of one KPI; arrays of shape (periods, segments).

    Parameters
    ----------
    y, x : ndarray
        Of the numerator and the denominator; of 1 where there is none.
    center : ndarray
        The ratio of each segment, around which the spread is taken.
    ee, ex, xx : ndarray
        With e = y - center x the sums of e², e x and x².
    """

    y: np.ndarray
    x: np.ndarray
    center: np.ndarray
    ee: np.ndarray
    ex: np.ndarray
    xx: np.ndarray


class Customers:
    """One row per period and customer of a segment, with the measures joined to it.

    Parameters
    ----------
    rows : Rows
        What measures are aggregates of.
    assigned : Table
        ``customer_id`` and ``code``.
    n_segments : int
        How many codes there are.
    periods : sequence of Period
        In order.
    second : bool
        Whether an expression uses the day of the second purchase.
    """

    def __init__(
        self,
        rows: Rows,
        assigned: Table,
        n_segments: int,
        periods: Sequence[Period],
        second: bool,
    ) -> None:
        self.engine, self._rows = rows.engine, rows
        self._shape = (len(periods), n_segments)
        self.base = self._base(assigned, periods, second).materialise()
        self._parts: dict[tuple[str, str], Table] = {}
        self._counts: dict[tuple[str, str], np.ndarray] = {}

    def counts(self) -> np.ndarray:
        """Return how many customers of each segment have ordered by the end of each period."""
        found = self.engine.sql(
            "SELECT period, code, count(*) AS n FROM {base} GROUP BY period, code", base=self.base
        )
        return self._matrix(found.to_pandas(), "n").astype("int64")

    def rows_in(self, measure: Measure) -> np.ndarray:
        """Return how many rows there are in the window of each period, of any customer."""
        key = measure.table, measure.window
        if key not in self._counts:
            found = self.engine.sql(
                "SELECT period, CAST(sum(_rows) AS BIGINT) AS n FROM {part} GROUP BY period",
                part=self._parts[key],
            ).to_pandas()
            counts = np.zeros(self._shape[0], dtype="int64")
            counts[found["period"].astype(int)] = found["n"]
            self._counts[key] = counts
        return self._counts[key]

    def aggregate(self, measures: Mapping[str, Measure]) -> None:
        """Compute measures per customer: each table and window is read once."""
        groups: dict[tuple[str, str], dict[str, Measure]] = {}
        for name, measure in measures.items():
            groups.setdefault((measure.table, measure.window), {})[name] = measure
        for (table, window), here in groups.items():
            self._parts[table, window] = self._aggregated(table, window, here).materialise()

    def sums(self, kpis: Sequence[KPI]) -> dict[str, Sums]:
        """Return the sums of ratios and totals, by KPI."""
        found: dict[str, Sums] = {}
        groups: dict[tuple[str, ...], list[KPI]] = {}
        for kpi in kpis:
            tables = tuple(sorted({m.table for m in kpi.measures.values()}))
            groups.setdefault(tables, []).append(kpi)
        for group in groups.values():  # one at a time, as the rows of each are kept
            found |= self._group_sums(group)
        return found

    def values(self, kpi: KPI) -> pd.DataFrame:
        """Return how many customers have which value of an expression: period, code, value, n."""
        wide = self._wide([kpi], {f"({kpi.numerator})": "v"})
        return self.engine.sql(
            "SELECT period, code, v AS value, count(*) AS n FROM {wide} WHERE v IS NOT NULL"
            " GROUP BY period, code, v ORDER BY period, code, v",
            wide=wide,
        ).to_pandas()

    def _base(self, assigned: Table, periods: Sequence[Period], second: bool) -> Table:
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
        orders = self._rows.known("orders")
        lives = self.engine.sql(
            "SELECT customer_id, min(day_index(ordered_at)) AS first_day FROM {orders}"
            " GROUP BY customer_id",
            orders=orders,
        )
        again = self.engine.sql(
            "SELECT o.customer_id, min(day_index(o.ordered_at)) AS second_day FROM {orders} AS o"
            " JOIN {lives} AS l ON o.customer_id = l.customer_id"
            " AND day_index(o.ordered_at) > l.first_day GROUP BY o.customer_id",
            orders=orders,
            lives=lives,
        )
        column, join = "", ""
        values = {"assigned": assigned, "lives": lives, "calendar": calendar}
        if second:
            column, join = ", s.second_day", " LEFT JOIN {again} AS s USING (customer_id)"
            values["again"] = again
        return self.engine.sql(
            "SELECT customer_id, a.code, p.period, p.start_day, p.end_day, l.first_day"
            f"{column} FROM {{assigned}} AS a JOIN {{lives}} AS l USING (customer_id){join}"
            " JOIN {calendar} AS p ON l.first_day <= p.end_day",
            **values,
        )

    def _aggregated(self, table: str, window: str, measures: Mapping[str, Measure]) -> Table:
        timeless = table == "customers"
        rows = self._rows.known(table) if timeless else self._rows.table(table, window)
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

    def _wide(self, kpis: Sequence[KPI], expressions: Mapping[str, str]) -> Table:
        """Return expressions of measures: one row per period and customer."""
        measures = {n: m for kpi in kpis for n, m in kpi.measures.items()}
        keys = list(dict.fromkeys((m.table, m.window) for m in measures.values()))
        columns = "".join(
            f", coalesce(t{keys.index((m.table, m.window))}.{quote(n)}, 0) AS {quote(n)}"
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
                "SELECT period, code, {named} FROM {joined}", named=Fragment(named), joined=joined
            )
        except DataError as error:
            raise DataError(
                "the expressions of a KPI cannot be run",
                where=", ".join(kpi.name for kpi in kpis),
                got=str(error.problem.got),
                expected="measures and " + "first_day, second_day, start_day, end_day",
            ) from error

    def _group_sums(self, kpis: Sequence[KPI]) -> dict[str, Sums]:
        names: dict[str, str] = {}
        for kpi in kpis:
            for expression in (kpi.numerator, kpi.denominator or "1"):
                names.setdefault(f"({expression})", f"e{len(names)}")
        wide = self._wide(kpis, names).materialise()
        columns = list(names.values())
        tops = wide.row(
            "SELECT {tops} FROM {self}",
            tops=Fragment(", ".join(f"max(abs({column}))" for column in columns)),
        )
        top = dict(zip(columns, (float(value or 0) for value in tops), strict=True))
        totals = self._totals(wide, {c: (c, _scale(top[c], 6)) for c in columns})
        ratios, spreads = {}, {}
        place = {kpi.name: i for i, kpi in enumerate(kpis)}
        for kpi in kpis:
            y = totals[names[f"({kpi.numerator})"]]
            x = totals[names[f"({kpi.denominator or '1'})"]]
            over = np.broadcast_to(x.sum(axis=1, keepdims=True), x.shape) if kpi.of_all else x
            ratios[kpi.name] = np.divide(y, over, out=np.zeros_like(y), where=over != 0)
            if kpi.interval in _SPREAD:
                r = f"r{place[kpi.name]}"
                ys, xs = names[f"({kpi.numerator})"], names[f"({kpi.denominator})"]
                e = f"({ys} - {r} * {xs})"
                far = top[ys] + float(np.abs(ratios[kpi.name]).max()) * top[xs]
                spreads[f"ee{r}"] = (f"{e} * {e}", _scale(far * far))
                spreads[f"ex{r}"] = (f"{e} * {xs}", _scale(far * top[xs]))
                spreads[f"xx{r}"] = (f"{xs} * {xs}", _scale(top[xs] ** 2))
        if spreads:
            grid = np.indices(self._shape)
            centers = pa.table(
                {
                    "period": grid[0].ravel(),
                    "code": grid[1].ravel(),
                    **{f"r{place[name]}": ratio.ravel() for name, ratio in ratios.items()},
                }
            )
            joined = self.engine.sql(
                "SELECT w.*, {columns} FROM {wide} AS w JOIN {centers} AS c"
                " ON w.period = c.period AND w.code = c.code",
                columns=Fragment(", ".join(f"c.r{i}" for i in place.values())),
                wide=wide,
                centers=self.engine.register(centers),
            )
            totals |= self._totals(joined, spreads)
        nothing = np.zeros(self._shape)
        return {
            kpi.name: Sums(
                totals[names[f"({kpi.numerator})"]],
                totals[names[f"({kpi.denominator or '1'})"]],
                ratios[kpi.name],
                *(totals.get(f"{what}r{place[kpi.name]}", nothing) for what in ("ee", "ex", "xx")),
            )
            for kpi in kpis
        }

    def _totals(
        self, table: Table, terms: Mapping[str, tuple[str, float]]
    ) -> dict[str, np.ndarray]:
        """Sum terms, each scaled so that fixed-point numbers hold its digits."""
        columns = ", ".join(
            f"CAST(sum(fixed({term} * {literal(scale)})) AS DOUBLE) / {literal(scale)}"
            f" AS {quote(name)}"
            for name, (term, scale) in terms.items()
        )
        found = self.engine.sql(
            "SELECT period, code, {columns} FROM {table} GROUP BY period, code",
            columns=Fragment(columns),
            table=table,
        ).to_pandas()
        return {name: self._matrix(found, name) for name in terms}

    def _matrix(self, found: pd.DataFrame, column: str) -> np.ndarray:
        out = np.zeros(self._shape)
        out[found["period"].astype(int), found["code"].astype(int)] = found[column].astype(float)
        return out


def _scale(top: float, most: int = 300) -> float:
    """Return the power of ten that brings values of at most `top` just below 10^13."""
    if top == 0:
        return 1.0
    return 10.0 ** min(most, 12 - math.floor(math.log10(top)), 300)
