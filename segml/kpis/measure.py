"""The sums that KPIs divide, per customer, as one SQL text over the canonical tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

from segml._core.errors import DataError, MissingTableError
from segml.data import CustomerData
from segml.data.tables import TABLES
from segml.engine import Table
from segml.engine.sql import Fragment, quote, render

from .registry import KPI, MEASURES, Measure


def needed_measures(kpi: KPI) -> list[str]:
    """Return the measures that a KPI's expressions mention, in the registry's order."""
    words = set((kpi.numerator + " " + kpi.denominator).replace("(", " ").replace(")", " ").split())
    return [name for name in MEASURES if name in words]


def missing_reason(data: CustomerData, kpi: KPI) -> str | None:
    """Say which table or column a KPI lacks, or has without a value; None when it lacks none."""
    for name in needed_measures(kpi):
        measure = MEASURES[name]
        try:
            found = data.require(measure.table, *measure.columns)
        except MissingTableError as error:
            return error.problem.what
        for column in measure.columns:
            required = column in TABLES[measure.table].required  # and so never without a value
            if not required and not found.table.scalar(
                "SELECT count({column}) FROM {self}", column=Fragment(quote(column))
            ):
                return f"the column {column} of the table {measure.table} has no values"
    return None


def per_customer(
    data: CustomerData, segments: pd.Series, kpis: Sequence[KPI], as_of: dt.date, days: int
) -> tuple[pd.DataFrame, int]:
    """Compute numerator and denominator of each KPI for each customer.

    Returns
    -------
    frame : DataFrame
        By customer, ordered: ``segment`` and for each KPI ``<name>_y`` and ``<name>_x``.
    unassigned : int
        Customers with an order by `as_of` who are in no segment.

    Raises
    ------
    DataError
        A customer of `segments` has no order by `as_of`.
    """
    engine = data.orders.table.engine
    assigned = engine.register(
        pa.table(
            {
                "customer_id": pa.array(segments.index.astype(str), pa.string()),
                "segment": pa.array(segments.to_numpy()),
            }
        )
    )
    _check_customers(data, assigned, as_of, segments)
    names = [name for kpi in kpis for name in needed_measures(kpi)]
    wanted = {name: MEASURES[name] for name in dict.fromkeys(names)}
    wide = assigned
    for table in dict.fromkeys(measure.table for measure in wanted.values()):
        here = {name: measure for name, measure in wanted.items() if measure.table == table}
        wide = _join(wide, _aggregate(data, table, here, as_of, days), list(here))
    sums = []
    for kpi in kpis:
        sums.append(f"CAST({kpi.numerator} AS DOUBLE) AS {quote(kpi.name + '_y')}")
        sums.append(f"CAST({kpi.denominator or '1'} AS DOUBLE) AS {quote(kpi.name + '_x')}")
    frame = engine.sql(
        "SELECT customer_id, segment, {sums} FROM {wide} ORDER BY customer_id",
        sums=Fragment(", ".join(sums)),
        wide=wide,
    ).to_pandas()
    unassigned = data.orders.table.scalar(
        "SELECT count(DISTINCT o.customer_id) FROM {self} o"
        " WHERE day_index(o.ordered_at) <= day_index({as_of}) AND NOT EXISTS"
        " (SELECT 1 FROM {assigned} a WHERE a.customer_id = o.customer_id)",
        as_of=as_of,
        assigned=assigned,
    )
    return frame.set_index("customer_id"), int(unassigned)


def _check_customers(
    data: CustomerData, assigned: Table, as_of: dt.date, segments: pd.Series
) -> None:
    unknown = assigned.scalar(
        "SELECT count(*) FROM {self} s WHERE NOT EXISTS"
        " (SELECT 1 FROM {orders} o WHERE o.customer_id = s.customer_id"
        " AND day_index(o.ordered_at) <= day_index({as_of}))",
        orders=data.orders.table,
        as_of=as_of,
    )
    if unknown:
        raise DataError(
            "some customers of the segments have no order",
            where="segments",
            got=f"{unknown:,} of {len(segments):,} customers",
            expected=f"customers with an order up to {as_of.isoformat()}",
        )


def _aggregate(
    data: CustomerData, table: str, measures: dict[str, Measure], as_of: dt.date, days: int
) -> Table:
    source = data.tables[table].table
    time = next(column.name for column in TABLES[table].columns if column.type == "timestamp")
    columns = []
    for name, measure in measures.items():
        known = {"as_of": as_of, "days": days}
        used = {key: value for key, value in known.items() if f"{{{key}}}" in measure.sql}
        columns.append(f"{render(measure.sql, used)} AS {quote(name)}")
    return source.engine.sql(
        "SELECT customer_id, {columns} FROM {source}"
        " WHERE day_index({time}) <= day_index({as_of}) GROUP BY customer_id",
        columns=Fragment(", ".join(columns)),
        source=source,
        time=Fragment(quote(time)),
        as_of=as_of,
    )


def _join(wide: Table, part: Table, names: list[str]) -> Table:
    columns = ", ".join(f"coalesce(p.{quote(name)}, 0) AS {quote(name)}" for name in names)
    return wide.engine.sql(
        "SELECT w.*, {columns} FROM {wide} w LEFT JOIN {part} p USING (customer_id)",
        columns=Fragment(columns),
        wide=wide,
        part=part,
    )
