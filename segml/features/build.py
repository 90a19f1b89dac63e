"""Compute features: one row per customer, one scan of each table or source."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from segml._core.errors import DataError, MissingTableError, NotEnoughDataError
from segml.data import CustomerData, DataTable, read_orders
from segml.engine import Table
from segml.engine.sql import Fragment, quote

from .choose import choose, repeated
from .dates import as_day, last_day
from .feature import Feature
from .registry import DEFAULT_WINDOWS
from .reliability import reliability
from .rows import Rows
from .table import FeatureTable

__all__ = ["FeatureTable", "build_features"]


def build_features(
    data: CustomerData | DataTable | Any,
    as_of: Any = None,
    include: Sequence[str] | None = None,
    *,
    kinds: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
    windows: Sequence[int] = DEFAULT_WINDOWS,
    scales: Mapping[str, tuple[float, float]] | None = None,
) -> FeatureTable:
    """Compute features of every customer who ordered by a date.

    Parameters
    ----------
    data : CustomerData, DataTable of orders, or anything that `read_orders` takes
        What is known of the customers.
    as_of : date or str, optional
        Last day that is known; nothing after it counts. The day of the last order
        when not given.
    include : sequence of str, optional
        Names of features; all of `FEATURES` when neither names nor kinds are given.
    kinds : sequence of str, optional
        Kinds of features; those in `include` come on top.
    exclude : sequence of str, optional
        Names of features to do without.
    windows : sequence of int, default (30, 90, 180, 365)
        Lengths in days for features such as ``revenue_{window}d``.
    scales : mapping of str to (low, high), optional
        Bounds of the answers to a survey construct, by which reversed items are turned
        round; answers beyond do not count. The lowest and highest answer up to the
        date for constructs that are not given.

    Returns
    -------
    FeatureTable
        Lazy. Features without their table or column, or without any value in it, are in
        ``left_out``. Features of customers who have no row in a table are missing, or 0
        where missing means zero. Customers who never ordered are not there.

    Raises
    ------
    ParameterError
        An unknown feature or kind, with the nearest spelling; a window that is not
        positive; or `as_of` is not a date.
    MissingTableError
        None of the features can be computed.
    NotEnoughDataError
        Nobody ordered by `as_of`.
    DataError
        The SQL of a feature cannot be run, or a column that tells who or when is of the
        wrong type.

    Examples
    --------
    >>> from segml.data import load_cdnow_sample
    >>> table = build_features(load_cdnow_sample(), "1998-06-30", ["orders", "revenue"])
    >>> table.to_pandas().loc["0001"].round(2).to_dict()
    {'orders': 4.0, 'revenue': 100.5}
    """
    asked, excluded = choose(kinds, include, exclude, windows)
    if not isinstance(data, CustomerData):
        data = CustomerData(data if isinstance(data, DataTable) else read_orders(data))
    day = last_day(data.orders.table) if as_of is None else as_day(as_of, "as_of")
    rows = Rows(data, day, asked.values(), scales or {})
    if not rows.table("orders").scalar("SELECT count(*) FROM (SELECT 1 FROM {self} LIMIT 1)"):
        raise NotEnoughDataError("nobody has ordered by as_of", where="as_of", got=day.isoformat())
    reasons = rows.left_out()
    features: dict[str, Feature] = {}
    left_out: dict[str, str] = {}
    for name, feature in asked.items():
        if feature.name in reasons:
            left_out[name] = reasons[feature.name]
        else:
            found = repeated(name, feature, rows) if feature.each else [feature]
            features |= {one.name: one for one in found if one.name not in excluded}
    if not features:
        raise MissingTableError("no feature can be computed", got="; ".join(left_out.values()))
    scale = any(feature.table == "scale_answers" for feature in features.values())
    return FeatureTable(
        _joined(rows, list(features.values())),
        tuple(features.values()),
        day,
        left_out,
        reliability(rows) if scale else (),
    )


def _joined(rows: Rows, features: Sequence[Feature]) -> Table:
    """Join the features of each table and source to the customers who ordered."""
    groups: dict[str, list[Feature]] = {"orders": []}
    for feature in features:
        groups.setdefault(feature.table, []).append(feature)
    tables = {name: _grouped(rows, name, group) for name, group in groups.items()}
    if len(groups) > 1:
        tables = {name: rows.engine.staged(table) for name, table in tables.items()}
    columns = {
        feature.name: _column(feature, tables[feature.table].types[feature.name], f"t{i}")
        for i, (name, group) in enumerate(groups.items())
        for feature in group
    }
    joins = [
        f" LEFT JOIN {{{name}}} AS t{i} ON t0.customer_id = t{i}.customer_id"
        for i, name in enumerate(groups)
        if i
    ]
    return rows.engine.sql(
        f"SELECT t0.customer_id, {{columns}} FROM {{orders}} AS t0{''.join(joins)}"
        " ORDER BY customer_id",
        columns=Fragment(", ".join(columns[feature.name] for feature in features)),
        **tables,
    )


def _grouped(rows: Rows, name: str, features: Sequence[Feature]) -> Table:
    """Aggregate the rows of one table or source by customer."""

    def grouped(part: Sequence[Feature]) -> Table:
        columns = "".join(f", {f.bound(rows.as_of)} AS {quote(f.name)}" for f in part)
        return rows.engine.sql(
            "SELECT customer_id{columns} FROM {rows} GROUP BY customer_id",
            columns=Fragment(columns),
            rows=rows.table(name),
        )

    try:
        return grouped(features)
    except DataError:
        for feature in features:
            try:
                grouped([feature])
            except DataError as error:
                raise DataError(
                    f"the sql of the feature {feature.name} cannot be run",
                    where=f"FEATURES[{feature.name!r}].sql, over the rows of {name}",
                    got=str(error.problem.got),
                    expected="an aggregate over the rows of one customer",
                ) from error
        raise


def _column(feature: Feature, kind: str, table: str) -> str:
    """Return a feature as one of three types: whole number, number or text."""
    column = f"{table}.{quote(feature.name)}"
    if feature.is_category:
        cast = "STRING"
    elif re.fullmatch(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|BOOLEAN", kind):
        cast = "BIGINT"
    elif re.fullmatch(r"FLOAT|DOUBLE|DECIMAL.*", kind):
        cast = "DOUBLE"
    else:
        raise DataError(
            f"the sql of the feature {feature.name} gives no number",
            where=f"FEATURES[{feature.name!r}].sql",
            got=kind,
            expected=f"a number, as its unit is {feature.unit}; text has the unit category",
        )
    value = f"coalesce({column}, 0)" if feature.missing == "zero" else column
    return f"CAST({value} AS {cast}) AS {quote(feature.name)}"
