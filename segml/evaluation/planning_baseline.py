"""What a plan needs to know of each segment: read from earlier outcomes, and checked."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.stats import skew

from segml._core.check import one_of
from segml._core.errors import DataError


def experiment_baseline(
    outcomes: pd.DataFrame, outcome: str, *, pre: str | None = None
) -> pd.DataFrame:
    """Return what a plan needs to know, from outcomes of an earlier time.

    Parameters
    ----------
    outcomes : DataFrame
        One row per customer: ``segment``, the outcome, and what came before it.
    outcome : str
        Column of the outcome.
    pre : str, optional
        Column for CUPED.

    Returns
    -------
    DataFrame
        By segment: ``customers``, ``mean``, ``sd``, ``skewness`` and, with `pre`,
        ``correlation``; missing where one does not vary.

    Raises
    ------
    ParameterError
        There is no such column.

    Examples
    --------
    >>> outcomes = pd.DataFrame({"segment": [0, 0, 1, 1], "revenue": [0.0, 4.0, 1.0, 3.0]})
    >>> experiment_baseline(outcomes, "revenue")["mean"].tolist()
    [2.0, 2.0]
    """
    for name in ("segment", outcome, *([pre] if pre is not None else [])):
        one_of(name, list(outcomes.columns), "outcomes")
    rows = {}
    for segment, one in outcomes.groupby("segment", observed=True):
        y = one[outcome].to_numpy(dtype=float)
        varies = len(y) > 1 and bool(np.ptp(y))
        rows[segment] = {
            "customers": len(y),
            "mean": float(y.mean()),
            "sd": float(y.std(ddof=1)) if len(y) > 1 else np.nan,
            "skewness": float(skew(y)) if varies else np.nan,
        }
        if pre is not None:
            x = one[pre].to_numpy(dtype=float)
            known = ~np.isnan(x)
            able = varies and known.sum() > 2 and np.ptp(x[known]) and np.ptp(y[known])
            rows[segment]["correlation"] = (
                float(np.corrcoef(x[known], y[known])[0, 1]) if able else np.nan
            )
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("segment")


def checked_baseline(baseline: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return the baseline with all its columns; see `plan_experiment` for the errors."""
    wanted = ["mean", "customers", *([] if kind == "share" else ["sd"])]
    if not isinstance(baseline, pd.DataFrame) or baseline.empty:
        raise DataError("there are no segments to plan for", where="baseline", got=baseline)
    if lacking := [name for name in wanted if name not in baseline.columns]:
        raise DataError(
            "the baseline lacks a column",
            where="baseline",
            got=", ".join(str(name) for name in baseline.columns),
            expected=" and ".join(lacking),
        )
    if baseline.index.has_duplicates:
        raise DataError("a segment is there twice", where="baseline")
    known = baseline.reindex(
        columns=["mean", "sd", "customers", "per_day", "correlation", "skewness"]
    )
    known = known.astype(float)
    bounds = {
        "mean": (0.0, 1.0)
        if kind == "share"
        else (0.0 if kind == "revenue" else -math.inf, math.inf),
        "sd": (0.0, math.inf),
        "customers": (0.0, math.inf),
        "per_day": (0.0, math.inf),
        "correlation": (-0.9999, 0.9999),
    }
    for name, (low, high) in bounds.items():
        values = known[name]
        wrong = (values < low) | (values > high) | np.isinf(values)
        if name in wanted:
            wrong |= values.isna()
        if wrong.any():
            raise DataError(
                f"the {name} of a segment cannot be",
                where=f"baseline.{name}, segment {known.index[wrong.to_numpy()][0]}",
                got=float(values[wrong].iloc[0]),
                expected=f"a number from {low:g} to {high:g}",
            )
    known["per_day"] = known["per_day"].fillna(0)
    if not known["customers"].sum():
        raise DataError("no segment has a customer", where="baseline.customers", got=0)
    return known
