"""Days with far fewer or far more orders than their like."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .bundle import DataTable


def suspicious_days(orders: DataTable) -> pd.DataFrame:
    """Find holes and spikes in the orders per day; see :func:`segml.data.quality_report`.

    Parameters
    ----------
    orders : DataTable
        The orders.

    Returns
    -------
    DataFrame
        ``day``, ``kind``, ``orders``, ``typical``, by day.
    """
    counted = orders.table.engine.sql(
        "SELECT CAST(ordered_at AS DATE) AS day, count(*) AS orders FROM {orders}"
        " GROUP BY CAST(ordered_at AS DATE) ORDER BY day",
        orders=orders.table,
    ).to_pandas()
    daily = counted.assign(day=pd.to_datetime(counted["day"])).set_index("day")["orders"]
    daily = daily.asfreq("D", fill_value=0)
    typical, deviation = usual(daily)
    spread = np.maximum(np.maximum(1.4826 * deviation, np.sqrt(typical)), 1.0)
    kinds = pd.Series("", index=daily.index)
    kinds[(daily == 0) & (typical >= busy(len(daily)))] = "hole"
    kinds[daily > typical + 8 * spread] = "spike"
    found = kinds != ""
    return pd.DataFrame(
        {
            "day": [day.date() for day in daily.index[found]],
            "kind": kinds[found].to_numpy(),
            "orders": daily[found].to_numpy(),
            "typical": typical[found].to_numpy(),
        }
    )


def busy(days: int) -> float:
    """Return how many orders a day must usually have so that none at all is no chance.

    Notes
    -----
    A day with a mean of m orders has none with chance exp(-m) when orders come
    independently. With m = ln(100 n), one in a hundred sets of n such days has a day
    without orders.

    Examples
    --------
    >>> round(busy(30), 1), round(busy(730), 1)
    (8.0, 11.2)
    """
    return float(np.log(100 * max(days, 1)))


def usual(daily: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return the median, and the median absolute deviation, of the days like each day.

    Parameters
    ----------
    daily : Series
        Orders by day, without gaps.

    Returns
    -------
    median, deviation : Series
        Over the same weekday in the nine weeks around; 0 where fewer than four are known.
    """
    days = len(daily)
    weeks = np.full((-(-days // 7) + 8, 7), np.nan)
    weeks[4:-4].reshape(-1)[:days] = daily.to_numpy(dtype=float)  # a view
    windows = np.lib.stride_tricks.sliding_window_view(weeks, 9, axis=0)
    known = (~np.isnan(windows)).sum(axis=-1) >= 4
    median, deviation = np.zeros(known.shape), np.zeros(known.shape)
    median[known] = np.nanmedian(windows[known], axis=-1)
    off = np.abs(windows[known] - median[known][:, None])
    deviation[known] = np.nanmedian(off, axis=-1)

    def by_day(values: np.ndarray) -> pd.Series:
        return pd.Series(values.reshape(-1)[:days], daily.index)

    return by_day(median), by_day(deviation)
