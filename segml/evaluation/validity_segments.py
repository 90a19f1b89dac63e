"""Size, revenue and later behaviour of each segment, with intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segml.clustering._labels import named_segments
from segml.kpis.intervals import delta_ratio, wilson

from .predictive import History


def segment_table(
    labels: pd.Series, names: dict[int, str], history: History, level: float
) -> pd.DataFrame:
    """Return size, revenue, and what customers did later, of each segment."""
    codes = labels.to_numpy()
    ids, sizes = np.unique(codes, return_counts=True)
    frame = history.customers
    spent, later = frame["revenue"].to_numpy(), frame["revenue_after"].to_numpy()
    bought = (frame["orders_after"] > 0).to_numpy()
    rows = []
    for i, size in zip(ids, sizes, strict=True):
        own = codes == i
        row: dict[str, float] = {}
        many = len(codes) > 1 and size > 1
        share = spent[own].sum() / spent.sum() if spent.sum() > 0 else np.nan
        ends = (np.nan, np.nan)
        if len(ids) > 1 and not np.isnan(share):
            ends = delta_ratio(np.where(own, spent, 0.0), spent, level)
        elif not np.isnan(share):
            ends = (share, share)  # the whole of the whole, not an estimate
        row |= _with_ends("revenue_share", share, (max(ends[0], 0.0), min(ends[1], 1.0)))
        rate = bought[own].mean()
        row |= _with_ends("purchase_rate", rate, wilson(bought[own].sum(), size, level))
        mean = later[own].mean()
        missing = (np.nan, np.nan)
        spread = delta_ratio(later[own], np.ones(size), level) if many else missing
        row |= _with_ends("later_revenue", mean, spread)
        rows.append(row)
    table = named_segments(ids, sizes, names)
    return table.join(pd.DataFrame(rows, index=table.index))


def _with_ends(name: str, value: float, ends: tuple[float, float]) -> dict[str, float]:
    return {name: float(value), f"{name}_low": float(ends[0]), f"{name}_high": float(ends[1])}
