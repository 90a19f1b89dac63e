"""Results of the CLV figures, made by hand so that every number can be worked out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segml.clv.grid import HistoryGrid
from segml.clv.history import AliveHistory
from segml.clv.spend import SpendFit
from segml.clv.tracking import Tracking


def grid(value, T: float = 40.0, most: int = 12, future_t: float | None = None) -> HistoryGrid:
    """Return a grid of a function of frequency and recency."""
    rows = [(0.0, 0.0)] + [
        (float(x), t_x) for t_x in T * np.arange(1, 41) / 40 for x in range(1, most + 1)
    ]
    table = pd.DataFrame(rows, columns=["frequency", "recency"])
    table["value"] = [value(x, t_x) for x, t_x in rows]
    return HistoryGrid(
        table.assign(low=0.9 * table["value"], high=1.1 * table["value"]), T, future_t
    )


def tracking(actual: list[int], expected: list[float], weeks_before: int) -> Tracking:
    """Return a tracking by weeks from 2026-01-07."""
    n = len(actual)
    ends = pd.date_range("2026-01-07", periods=n, freq="7D", name="end")
    actual_total, expected_total = np.cumsum(actual), np.cumsum(expected)
    table = pd.DataFrame(
        {
            "actual": actual,
            "expected": expected,
            "low": np.multiply(expected, 0.8),
            "high": np.multiply(expected, 1.25),
            "actual_total": actual_total,
            "expected_total": expected_total,
            "low_total": expected_total * 0.8,
            "high_total": expected_total * 1.25,
            "holdout": np.arange(n) >= weeks_before,
            "complete": True,
        },
        index=ends,
    )
    as_of = ends[min(weeks_before, n) - 1].date()
    return Tracking(table, as_of, "week", 50)


def history(alive: list[float], bought: list[int]) -> AliveHistory:
    """Return the history of a customer from 2026-01-01."""
    dates = pd.date_range("2026-01-01", periods=len(alive), name="date")
    values = np.array(alive)
    return AliveHistory(
        pd.DataFrame(
            {
                "alive": values,
                "low": values - 0.05,
                "high": np.minimum(values + 0.05, 1),
                "bought": np.isin(np.arange(len(alive)), bought),
            },
            index=dates,
        )
    )


def fit() -> SpendFit:
    """Return the fit of ten repeat buyers."""
    bins = pd.DataFrame(
        {
            "from": [5.0, 10.0, 20.0],
            "to": [10.0, 20.0, 40.0],
            "observed": [2, 5, 3],
            "expected": [2.5, 4.0, 3.0],
            "low": [2.0, 3.5, 2.5],
            "high": [3.0, 4.5, 3.5],
        }
    )
    median = pd.Series({"observed": 14.0, "expected": 15.5, "low": 14.5, "high": 16.5})
    return SpendFit(bins, median, 10, 0.5)
