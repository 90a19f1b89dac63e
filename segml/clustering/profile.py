"""What each segment is like: levels of the features and what sets it apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from segml._core import html, text
from segml._core.errors import DataError
from segml.features import FEATURES
from segml.features.preprocess import signed_log

from ._input import as_frame, check_complete


@dataclass(frozen=True)
class SegmentProfile:
    """Segments by features.

    Parameters
    ----------
    segments : DataFrame
        By segment id: ``name``, ``size``, ``share``.
    table : DataFrame
        One row per segment and feature: ``segment``, ``feature``, ``median`` and
        ``mean`` in the feature's unit, ``median_all``, and ``effect`` with its
        interval ``low`` to ``high``.
    """

    segments: pd.DataFrame
    table: pd.DataFrame

    def effects(self) -> pd.DataFrame:
        """Return the effects, segments by features."""
        return self._wide("effect")

    def medians(self) -> pd.DataFrame:
        """Return the medians, segments by features."""
        return self._wide("median")

    def _wide(self, column: str) -> pd.DataFrame:
        features = list(dict.fromkeys(self.table["feature"]))
        return self.table.pivot(index="segment", columns="feature", values=column)[features]

    def _repr_html_(self) -> str:
        features = list(dict.fromkeys(self.table["feature"]))
        known = {name: FEATURES[name] for name in features if name in FEATURES}
        heads = [known[name].label if name in known else str(name) for name in features]
        cells = {
            (row["segment"], row["feature"]): html.Cell(
                text.plain(row["median"]), _effect(row["effect"])
            )
            for row in self.table.to_dict("records")
        }
        rows = [
            [row["name"], html.Cell(text.count(row["size"]), text.share(row["share"]))]
            + [cells[row["segment"], name] for name in features]
            for row in self.segments.reset_index().to_dict("records")
        ]
        return html.block(
            html.table(
                ["segment", "customers", *heads],
                rows,
                caption="Median customer of each segment, and the difference to everyone else "
                "in standard deviations",
                numeric=range(1, 2 + len(heads)),
            )
        )


def _effect(value: float) -> str:
    return text.MISSING if np.isnan(value) else f"{value:+.1f} sd"


def profile_segments(
    features: Any,
    labels: pd.Series,
    names: Mapping[int, str] | pd.Series | None = None,
    level: float = 0.95,
) -> SegmentProfile:
    """Describe segments by the features of their customers.

    Parameters
    ----------
    features : DataFrame, FeatureTable, Polars or Arrow table
        One row per customer.
    labels : Series
        Segment id, indexed by customer.
    names : mapping or Series of int to str, optional
        Segment names; "segment 0" and so on when not given.
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    SegmentProfile
        ``effect`` is the standardised mean difference d between the segment and
        everyone else; it is missing where there is no one else or no variation.

    Raises
    ------
    DataError
        The customers of `features` and `labels` are not the same, a customer has no
        segment, or values are missing.

    Notes
    -----
    With means m, sizes n and the pooled variance s² of the segment and the rest,
    d = (m1 - m2) / s, and its large-sample variance is
    (n1 + n2) / (n1 n2) + d² / (2 (n1 + n2)) (Hedges and Olkin 1985, Statistical Methods
    for Meta-Analysis, p. 86). Features registered with scale "log" are compared as
    sign(x) log(1 + |x|).

    Examples
    --------
    >>> frame = pd.DataFrame({"orders": [1, 2, 1, 9, 8, 10]}, index=list("abcdef"))
    >>> labels = pd.Series([0, 0, 0, 1, 1, 1], index=list("abcdef"))
    >>> profile_segments(frame, labels).medians()["orders"].to_dict()
    {0: 1.0, 1: 9.0}
    """
    frame = as_frame(features)
    if labels.isna().any():
        raise DataError(
            "a customer has no segment", where="labels", got=f"{int(labels.isna().sum()):,} rows"
        )
    if not frame.index.equals(labels.index):
        if len(frame) != len(labels) or not frame.index.isin(labels.index).all():
            raise DataError(
                "the labels are not those of the customers of the features",
                got=f"{len(labels):,} labels, {len(frame):,} rows of features, "
                f"{int(frame.index.isin(labels.index).sum()):,} customers in both",
            )
        labels = labels.reindex(frame.index)
    values = frame.to_numpy(dtype=float)
    check_complete(values, [str(name) for name in frame.columns])
    ids, codes = np.unique(labels.to_numpy(), return_inverse=True)
    sizes = np.bincount(codes)
    named = dict(names) if names is not None else {}
    segments = pd.DataFrame(
        {
            "name": [named.get(i, f"segment {i}") for i in ids],
            "size": sizes,
            "share": sizes / len(frame),
        },
        index=pd.Index(ids, name="segment"),
    )
    rows = []
    for j, feature in enumerate(frame.columns):
        column = values[:, j]
        is_log = feature in FEATURES and FEATURES[feature].scale == "log"
        scaled = signed_log(column) if is_log else column
        for code, segment in enumerate(ids):
            inside = codes == code
            effect, half = _difference(scaled[inside], scaled[~inside], level)
            rows.append(
                {
                    "segment": segment,
                    "feature": feature,
                    "median": float(np.median(column[inside])),
                    "mean": float(column[inside].mean()),
                    "median_all": float(np.median(column)),
                    "effect": effect,
                    "low": effect - half,
                    "high": effect + half,
                }
            )
    table = pd.DataFrame(rows).sort_values("segment", kind="stable", ignore_index=True)
    return SegmentProfile(segments, table)


def _difference(inside: np.ndarray, outside: np.ndarray, level: float) -> tuple[float, float]:
    """Return Cohen's d and the half width of its interval."""
    n, m = len(inside), len(outside)
    if m == 0 or n + m < 3:
        return np.nan, np.nan
    if np.ptp(inside) == np.ptp(outside) == 0:  # rounding leaves the sum of squares above 0
        return np.nan, np.nan
    squares = ((inside - inside.mean()) ** 2).sum() + ((outside - outside.mean()) ** 2).sum()
    pooled = np.sqrt(squares / (n + m - 2))
    if pooled == 0:
        return np.nan, np.nan
    d = float((inside.mean() - outside.mean()) / pooled)
    variance = (n + m) / (n * m) + d**2 / (2 * (n + m))
    return d, float(norm.ppf(0.5 + level / 2) * np.sqrt(variance))
