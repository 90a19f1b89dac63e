"""Orders, customers and revenue over time."""

from __future__ import annotations

import pandas as pd

from .bundle import CustomerData


def activity(data: CustomerData) -> pd.DataFrame:
    """Count orders, buyers and revenue per week.

    Parameters
    ----------
    data : CustomerData
        The orders.

    Returns
    -------
    DataFrame
        By ``week`` (its Monday), without holes: ``orders``, ``customers``, ``revenue``, and
        ``complete``: False for a first or last week that the data cover only in part.

    Examples
    --------
    >>> from segml.data import load_cdnow_sample
    >>> activity(load_cdnow_sample()).iloc[1].to_dict()
    {'orders': 181, 'customers': 171, 'revenue': 5851.97, 'complete': True}
    """
    orders = data.orders.table
    counted = orders.engine.sql(
        "SELECT week_index(ordered_at) AS week, count(DISTINCT order_id) AS orders,"
        " count(DISTINCT customer_id) AS customers,"
        " CAST(sum(fixed(revenue)) AS DOUBLE) AS revenue"
        " FROM {orders} GROUP BY week_index(ordered_at) ORDER BY week",
        orders=orders,
    ).to_pandas()
    counted = counted.set_index("week")
    full = counted.reindex(range(counted.index[0], counted.index[-1] + 1), fill_value=0)
    # Week 0 of the engine holds 1970-01-01 and began on Monday 1969-12-29.
    full.index = pd.Timestamp("1969-12-29") + pd.to_timedelta(full.index * 7, unit="D")
    full.index.name = "week"
    first, last = orders.row("SELECT min(ordered_at), max(ordered_at) FROM {self}")
    ends = full.index + pd.Timedelta(days=6)
    full["complete"] = (full.index >= pd.Timestamp(first.date())) & (
        ends <= pd.Timestamp(last.date())
    )
    return full
