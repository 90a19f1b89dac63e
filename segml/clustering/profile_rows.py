"""One feature in one segment: its level, and the difference to everyone else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from segml.features import Feature
from segml.features.encoders import LevelEncoder, as_numbers, level_text
from segml.features.preprocess import signed_log
from segml.features.words import all_levels, levels_of

from ._comparisons import welch_p

MIN_SHARE = 0.01  # levels of fewer customers are "other", as in make_preprocessor


def feature_rows(
    column: pd.Series, feature: Feature | None, codes: np.ndarray, n_segments: int, level: float
) -> Iterator[dict[str, Any]]:
    """Yield what a feature is like in each segment, as `profile_segments` documents it."""
    missing = column.isna().to_numpy()
    counts = np.bincount(codes[missing], minlength=n_segments)
    levels = counted_levels(column, feature)
    known = codes[~missing]
    if levels is None:
        numbers = as_numbers(column.to_frame())[~missing, 0]
        is_log = feature is not None and feature.scale == "log"
        found = _numbers(numbers, is_log, known, n_segments, level)
    else:
        folded = 0.0 if feature is not None and all_levels(feature) else MIN_SHARE
        found = _categories(levels, known, n_segments, level, folded)
    for row, count in zip(found, counts, strict=True):
        yield row | {"missing": int(count)}


def counted_levels(column: pd.Series, feature: Feature | None) -> pd.Series | None:
    """Return known values that are counted, not averaged, as texts; None for numbers."""
    if feature is not None:
        return levels_of(feature, column)
    kind = getattr(column.dtype, "kind", "O")
    known = column.dropna().astype(object)
    if kind != "O" or pd.to_numeric(known, errors="coerce").notna().all():
        return None
    return known.map(level_text).astype(object)


def _numbers(
    numbers: np.ndarray, is_log: bool, codes: np.ndarray, n_segments: int, level: float
) -> Iterator[dict[str, Any]]:
    scaled = signed_log(numbers) if is_log else numbers
    median_all = _median(numbers)
    for code in range(n_segments):
        inside = codes == code
        effect, half = difference_of_means(scaled[inside], scaled[~inside], level)
        yield {
            "median": _median(numbers[inside]),
            "mean": float(numbers[inside].mean()) if inside.any() else np.nan,
            "median_all": median_all,
            "effect": effect,
            "low": effect - half,
            "high": effect + half,
            "p_value": welch_p(scaled[inside], scaled[~inside]) if half == half else np.nan,
        }


def _median(numbers: np.ndarray) -> float:
    return float(np.median(numbers)) if len(numbers) else np.nan


def difference_of_means(
    inside: np.ndarray, outside: np.ndarray, level: float
) -> tuple[float, float]:
    """Return Cohen's d and the half width of its interval."""
    n, m = len(inside), len(outside)
    if n == 0 or m == 0 or n + m < 3:
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


def _categories(
    levels: pd.Series, codes: np.ndarray, n_segments: int, level: float, folded: float
) -> Iterator[dict[str, Any]]:
    if not len(levels):
        yield from ({"level": None} for _ in range(n_segments))
        return
    encoder = LevelEncoder(folded).fit(levels.to_frame("level"))
    has = encoder.transform(levels.to_frame("level"))
    names = encoder.levels_[0]
    overall = has.mean(axis=0)
    for code in range(n_segments):
        inside = codes == code
        n, m = int(inside.sum()), int((~inside).sum())
        if n == 0:
            yield {"level": None}
            continue
        share = has[inside].mean(axis=0)
        if m == 0 or len(names) == 1:
            best, effect, half, p = int(share.argmax()), np.nan, np.nan, np.nan
        else:
            h = difference_of_shares(share, has[~inside].mean(axis=0))
            best = int(h.argmax())
            effect = float(h[best])
            compared = len(names) if len(names) > 2 else 1  # of two, one says it all
            se = np.sqrt(1 / n + 1 / m)
            half = norm.ppf(1 - (1 - level) / (2 * compared)) * se
            p = min(1.0, compared * 2 * float(norm.sf(abs(effect) / se)))
        yield {
            "effect": effect,
            "low": effect - half,
            "high": effect + half,
            "p_value": p,
            "level": names[best],
            "share": float(share[best]),
            "share_all": float(overall[best]),
            "lift": float(share[best] / overall[best]),
        }


def difference_of_shares(inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Return Cohen's h, 2 arcsin √p - 2 arcsin √q.

    Examples
    --------
    >>> difference_of_shares(np.array([0.5]), np.array([0.25])).round(3).tolist()
    [0.524]
    """
    return 2 * (np.arcsin(np.sqrt(inside)) - np.arcsin(np.sqrt(outside)))
