"""What segments are worth, where and when they order: counted in the engine."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from segml._core import text
from segml.data import CustomerData
from segml.engine import Table
from segml.engine.sql import Fragment
from segml.features.registry import find_feature
from segml.features.words import all_levels

from .profile_rows import difference_of_shares

PARTS_OF_DAY = ("at night", "in the morning", "in the afternoon", "in the evening")
_WHEN = {
    "day": "(day_index(ordered_at) + 3) % 7",
    "hour": "CAST(floor((hour_index(ordered_at) % 24) / 6.0) AS BIGINT)",
    "season": "month_index(ordered_at) % 12",
}


def segment_orders(data: CustomerData, segments: Table) -> Table:
    """Return orders with their segment; those of customers in none are left out."""
    orders = data.require("orders", "customer_id", "ordered_at", "revenue").table
    return orders.engine.sql(
        "SELECT o.*, s.segment FROM {orders} AS o JOIN {segments} AS s"
        " ON CAST(o.customer_id AS VARCHAR) = s.customer_id",
        orders=orders,
        segments=segments,
    ).materialise()


def values(orders: Table) -> pd.DataFrame:
    """Return ``orders`` and ``revenue`` by segment."""
    found = orders.engine.sql(
        "SELECT segment, CAST(count(*) AS BIGINT) AS orders, CAST(coalesce(sum(fixed(revenue)), 0)"
        " AS DOUBLE) AS revenue FROM {orders} GROUP BY segment ORDER BY segment",
        orders=orders,
    )
    return found.to_pandas().set_index("segment")


def currency(orders: Table) -> str:
    """Return the currency of the orders, where there is one."""
    if "currency" not in orders.types:
        return ""
    found = orders.engine.sql(
        "SELECT DISTINCT currency FROM {orders} WHERE currency IS NOT NULL ORDER BY 1 LIMIT 2",
        orders=orders,
    ).to_pandas()["currency"]
    return str(found.iloc[0]) if len(found) == 1 else ""


def channels(orders: Table) -> pd.DataFrame | None:
    """Return orders by segment and channel, where that is known."""
    return _counts(orders, "channel") if "channel" in orders.types else None


def times(orders: Table) -> dict[str, pd.DataFrame]:
    """Return orders by segment and weekday, part of the day, and month."""
    weekday = find_feature("order_weekday")
    assert weekday is not None
    words = {"day": all_levels(weekday), "hour": PARTS_OF_DAY, "season": text.MONTHS}
    return {
        name: _counts(orders, sql).rename(columns=dict(enumerate(words[name])))
        for name, sql in _WHEN.items()
    }


def _counts(orders: Table, sql: str) -> pd.DataFrame:
    found = orders.engine.sql(
        "SELECT segment, {sql} AS level, CAST(count(*) AS BIGINT) AS n FROM {orders}"
        " WHERE {sql} IS NOT NULL GROUP BY segment, {sql} ORDER BY 1, 2",
        sql=Fragment(sql),
        orders=orders,
    ).to_pandas()
    return found.pivot(index="segment", columns="level", values="n").fillna(0).astype(int)


def peak(counts: pd.DataFrame, segment: int) -> tuple[str, float, float] | None:
    """Return the level that a segment's orders are most over-represented in, if clearly so.

    Returns
    -------
    (level, share, share of all) or None
        None where Cohen's h of no level is above 0 at 95%, corrected for their number.
    """
    if segment not in counts.index:
        return None
    own, everyone = counts.loc[segment].to_numpy(), counts.sum(axis=0).to_numpy()
    n, m = own.sum(), everyone.sum() - own.sum()
    if n == 0 or m == 0:
        return None
    h = difference_of_shares(own / n, (everyone - own) / m)
    best = int(h.argmax())
    if h[best] <= norm.ppf(1 - 0.025 / len(h)) * np.sqrt(1 / n + 1 / m):
        return None
    return str(counts.columns[best]), own[best] / n, everyone[best] / everyone.sum()
