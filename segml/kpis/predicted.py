"""KPIs that are means of predictions, with the model's own intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from segml.clv import Prediction

from .assigned import ALL
from .kpi import KPI
from .values import NOBODY, Result


def from_prediction(
    kpi: KPI,
    prediction: Prediction,
    segments: pd.Series,
    ids: Sequence[Any],
    level: float,
) -> Iterator[Result]:
    """Return the mean of each segment and, last, of all customers.

    The interval of the difference to all takes into account that both means rest on the same
    estimates of the parameters.
    """
    index = pd.Index(prediction.values.index.astype(str))
    codes = segments.set_axis(segments.index.astype(str))
    aligned = replace(prediction, values=prediction.values.set_axis(index))
    by_segment = aligned.mean_by(codes, level)
    whole = aligned.mean_by(pd.Series(ALL, index=codes.index), level).iloc[0]
    place = codes.reindex(index).to_numpy()
    z = float(norm.ppf(0.5 + level / 2))
    middle = aligned.jacobian.mean(axis=0)
    for i in ids:
        if i not in by_segment.index:
            yield Result(reason=NOBODY)
            continue
        row = pd.Series(by_segment.loc[i])
        lean = aligned.jacobian[place == i].mean(axis=0) - middle
        half = z * math.sqrt(max(float(lean @ aligned.covariance @ lean), 0.0))
        difference = float(row["value"] - whole["value"])
        yield _turned(kpi, row, difference, half)
    yield _turned(kpi, whole, 0.0, math.nan)


def per_cost(result: Result, cost: Result) -> Result:
    """Divide a prediction by what is known, such as the cost of winning a customer."""
    if np.isnan(result.value):
        return result
    if np.isnan(cost.value):
        return Result(reason=cost.reason)
    if cost.value == 0:
        return Result(reason="these customers cost nothing to win")
    return Result(
        result.value / cost.value,
        result.low / cost.value,
        result.high / cost.value,
        numerator=result.value,
        denominator=cost.value,
    )


def _turned(kpi: KPI, row: pd.Series, difference: float, half: float) -> Result:
    value, low, high = float(row["value"]), float(row["low"]), float(row["high"])
    n = float(row["n"])
    if kpi.complement:
        value, low, high, difference = 1 - value, 1 - high, 1 - low, -difference
    return Result(value, low, high, difference, difference - half, difference + half, value * n, n)
