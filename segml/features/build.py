"""Compute features: one row per customer, one scan of each table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from segml._core import html, text
from segml._core.check import one_of
from segml._core.errors import MissingTableError, NotEnoughDataError, ParameterError
from segml.data import CustomerData, DataTable, read_orders
from segml.engine import Table
from segml.engine.sql import Fragment, quote, render

from .dates import as_day, last_day
from .registry import FEATURES, Feature


@dataclass(frozen=True)
class FeatureTable:
    """Features of all customers as of a date, with their meaning.

    Parameters
    ----------
    table : Table
        ``customer_id`` and one column per feature, ordered by customer; lazy.
    features : tuple of Feature
        What the columns mean.
    as_of : date
        Last day that is known.
    left_out : mapping of str to str
        Features that could not be computed, with the reason.
    """

    table: Table
    features: tuple[Feature, ...]
    as_of: dt.date
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The features' names."""
        return [feature.name for feature in self.features]

    def to_pandas(self) -> pd.DataFrame:
        """Fetch as a DataFrame indexed by customer_id."""
        return self.table.to_pandas().set_index("customer_id")

    def to_parquet(self, path: str | Path) -> Path:
        """Write as one Parquet file."""
        return self.table.to_parquet(path)

    def describe(self) -> pd.DataFrame:
        """Return the distribution of each feature: missing values, mean and quartiles."""
        described = self.to_pandas().describe().T
        described.insert(0, "missing", len(self.table) - described.pop("count").astype(int))
        return described.rename_axis("feature")

    def _repr_html_(self) -> str:
        described = self.describe()
        rows = []
        for feature in self.features:
            numbers = described.loc[feature.name]
            rows.append(
                [html.Cell(feature.label, feature.meaning), feature.unit]
                + [text.plain(numbers[column]) for column in ("min", "25%", "50%", "75%", "max")]
                + [text.count(numbers["missing"])]
            )
        head = ["feature", "unit", "lowest", "quartile", "median", "quartile", "highest", "missing"]
        notes = [html.note(f"{name} is left out: {why}") for name, why in self.left_out.items()]
        caption = f"{text.count(len(self.table))} customers as of {self.as_of.isoformat()}"
        return html.block(html.table(head, rows, caption=caption, numeric=range(2, 8)), *notes)


def build_features(
    data: CustomerData | DataTable | Any,
    as_of: Any = None,
    include: Sequence[str] | None = None,
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
        Names of features; all of `FEATURES` when not given.

    Returns
    -------
    FeatureTable
        Lazy. Features whose table or column is missing are in ``left_out``.

    Raises
    ------
    ParameterError
        An unknown feature, with the nearest spelling; or `as_of` is not a date.
    MissingTableError
        None of the features can be computed.
    NotEnoughDataError
        Nobody ordered by `as_of`.

    Examples
    --------
    >>> from segml.data import load_cdnow_sample
    >>> table = build_features(load_cdnow_sample(), "1998-06-30", ["orders", "revenue"])
    >>> table.to_pandas().loc["0001"].round(2).to_dict()
    {'orders': 4.0, 'revenue': 100.5}
    """
    if not isinstance(data, CustomerData):
        data = CustomerData(data if isinstance(data, DataTable) else read_orders(data))
    names = dict.fromkeys(include or FEATURES)
    if isinstance(include, str) or (include is not None and not len(include)):
        raise ParameterError(
            "include is not a list of features",
            where="include",
            got=include,
            expected="a list such as ['orders', 'aov'], or None for all",
        )
    wanted = [FEATURES[one_of(name, FEATURES, "include")] for name in names]
    computable, left_out = [], {}
    for feature in wanted:
        try:
            data.require(feature.table, *feature.columns)
        except MissingTableError as error:
            left_out[feature.name] = error.problem.what
        else:
            computable.append(feature)
    if not computable:
        raise MissingTableError("no feature can be computed", got="; ".join(left_out.values()))
    orders = data.orders.table
    day = last_day(orders) if as_of is None else as_day(as_of, "as_of")
    known = orders.engine.sql(
        "SELECT * FROM {orders} WHERE day_index(ordered_at) <= day_index({as_of})",
        orders=orders,
        as_of=day,
    )
    if not len(known):
        raise NotEnoughDataError("nobody has ordered by as_of", where="as_of", got=day.isoformat())
    columns = [f"{_bind(feature.sql, day)} AS {quote(feature.name)}" for feature in computable]
    table = known.engine.sql(
        "SELECT customer_id, {columns} FROM {known} GROUP BY customer_id ORDER BY customer_id",
        columns=Fragment(", ".join(columns)),
        known=known,
    )
    return FeatureTable(table, tuple(computable), day, left_out)


def _bind(sql: str, as_of: dt.date) -> str:
    return render(sql, {"as_of": as_of} if "{as_of}" in sql else {})
