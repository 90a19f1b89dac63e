"""The features: each defined once, as SQL over its table with its meaning attached.

To add one, add an entry to the list at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "value",
    "behavioural",
    "engagement",
    "demographic",
    "psychographic",
    "geographic",
    "technographic",
]


@dataclass(frozen=True)
class Feature:
    """One feature of a customer as of a date.

    Parameters
    ----------
    name : str
        Column name.
    label : str
        Name for people.
    kind : str
        The kind of segmentation it serves.
    meaning : str
        What it is, in a sentence.
    unit : {"days", "count", "money", "share"}
        What its numbers count.
    sql : str
        Aggregate over the rows of one customer in `table` up to the end of the day
        ``{as_of}``.
    scale : {"log", "none"}
        How it is best scaled before distances are taken.
    low, high : str
        What customers with low and with high values are called.
    table : str
        Canonical table it is computed from.
    columns : tuple of str
        Columns that it needs.
    missing : {"zero", "unknown", "not applicable"}
        What a missing value means.
    """

    name: str
    label: str
    kind: Kind
    meaning: str
    unit: Literal["days", "count", "money", "share"]
    sql: str
    scale: Literal["log", "none"]
    low: str
    high: str
    table: str = "orders"
    columns: tuple[str, ...] = ()
    missing: Literal["zero", "unknown", "not applicable"] = "not applicable"


_LIST = [
    Feature(
        "recency_days",
        "Days since last order",
        "value",
        "Days from the last order to the date of the features.",
        "days",
        "day_index({as_of}) - max(day_index(ordered_at))",
        "log",
        "recent",
        "lapsed",
        columns=("ordered_at",),
    ),
    Feature(
        "orders",
        "Orders",
        "value",
        "Number of orders so far.",
        "count",
        "count(DISTINCT order_id)",
        "log",
        "few-order",
        "frequent",
        columns=("order_id",),
    ),
    Feature(
        "revenue",
        "Revenue",
        "value",
        "Revenue of all orders so far.",
        "money",
        "CAST(sum(fixed(revenue)) AS DOUBLE)",
        "log",
        "low-spend",
        "high-spend",
        columns=("revenue",),
    ),
    Feature(
        "aov",
        "Average order value",
        "value",
        "Revenue so far per order.",
        "money",
        "CAST(sum(fixed(revenue)) AS DOUBLE) / count(DISTINCT order_id)",
        "log",
        "small-basket",
        "big-basket",
        columns=("revenue", "order_id"),
    ),
    Feature(
        "tenure_days",
        "Days since first order",
        "value",
        "Days from the first order to the date of the features.",
        "days",
        "day_index({as_of}) - min(day_index(ordered_at))",
        "none",
        "new",
        "long-standing",
        columns=("ordered_at",),
    ),
    Feature(
        "items_per_order",
        "Items per order",
        "behavioural",
        "Number of items so far per order.",
        "count",
        "CAST(sum(fixed(quantity)) AS DOUBLE) / count(DISTINCT order_id)",
        "log",
        "few-item",
        "many-item",
        columns=("quantity", "order_id"),
        missing="unknown",
    ),
]

FEATURES: dict[str, Feature] = {feature.name: feature for feature in _LIST}
