"""Which number of segments to take, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from segml._core import text

from .resampling import two_places

_APART = 0.6  # chosen on seeds 0 to 6 of benchmarks/bench_selection.py
_TRUSTED, _VALID = 0.6, 0.75


def recommend(table: pd.DataFrame) -> tuple[Any, str, str]:
    """Return the row to take, the kind of the evidence, and the reason."""
    several = table[table["n_segments"] > 1]
    row: Any
    one: Any
    if several.empty:
        row = table["n_segments"].idxmax()
        return row, "weak", "no candidate gives more than one segment"
    apart = several["border_density"] < _APART
    back = several["stability"] >= _TRUSTED
    valid = several["stability"] >= _VALID
    if (apart & back).any():
        row = _most(several[apart & back])
        one = several.loc[row]
        reason = "these are the most segments that are apart and come back in resamples: "
        reason += f"each with Jaccard {two_places(one['stability'])} or more, and at no border "
        reason += f"more than {two_places(one['border_density'])} times the customers of a centre"
        kind = "apart"
    elif back.any():
        pool = several[valid] if valid.any() else several[back]
        kind, by_revenue = "stable", pool["explained"].notna().any()
        row = pool["explained"].idxmax() if by_revenue else _most(pool)
        one = several.loc[row]
        reason = "there are no gaps between segments, so they divide one cloud; of the "
        reason += "divisions that come back in resamples this "
        reason += "explains later revenue best" if by_revenue else "has the most segments"
        reason += f" (Jaccard {two_places(one['stability'])} or more)"
    else:
        kind, row = "weak", several["stability"].fillna(-1).idxmax()
        one = several.loc[row]
        reason = "no candidate gives segments that all come back in resamples; this comes "
        reason += f"nearest (Jaccard of the weakest {two_places(one['stability'])})"
    reason += f"; the smallest has {text.share(one['smallest_share'])} of customers"
    if not np.isnan(one["explained"]):
        reason += f"; {text.share(one['explained'])} of the variance of later revenue is explained"
        reason += f" ({within})" if (within := share_interval(one)) else ""
    best: Any = several["silhouette"].fillna(-1).idxmax()
    highest = several.loc[best]
    if highest["n_segments"] != one["n_segments"]:
        by = "" if table.columns[0] == "k" else f"{table.columns[0]} "
        reason += f"; the silhouette alone would say {by}{text.count(highest.iloc[0])}"
    return row, kind, reason


def _most(pool: pd.DataFrame) -> Any:
    """Return the row of the most segments, and of several the most stable one."""
    return pool.sort_values(["n_segments", "stability"], kind="stable").index[-1]


def share_interval(row: Mapping[Any, Any] | pd.Series) -> str:
    """Return the interval of the share of later revenue that is explained, where there is one.

    Examples
    --------
    >>> share_interval({"explained_low": 0.12, "explained_high": 0.2})
    '12% to 20%'
    """
    low, high = row["explained_low"], row["explained_high"]
    return "" if np.isnan(low) else f"{text.share(low)} to {text.share(high)}"
