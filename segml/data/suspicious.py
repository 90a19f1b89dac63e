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
    weekdays = pd.DatetimeIndex(daily.index).day_of_week
    typical, deviation = pd.Series(0.0, daily.index), pd.Series(0.0, daily.index)
    for weekday in range(7):
        same = daily[weekdays == weekday]
        window = same.rolling(9, center=True, min_periods=4)
        typical.update(window.median())
        deviation.update(window.apply(_absolute_deviation, raw=True))
    spread = np.maximum(np.maximum(1.4826 * deviation, np.sqrt(typical)), 1.0)
    kinds = pd.Series("", index=daily.index)
    kinds[(daily == 0) & (typical >= 5)] = "hole"
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


def _absolute_deviation(values: np.ndarray) -> float:
    return float(np.median(np.abs(values - np.median(values))))
