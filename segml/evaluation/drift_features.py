"""How far the distribution of each feature moved, over all customers or within segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from segml._core.seeds import generator
from segml.clustering._comparisons import holm
from segml.clustering.profile_rows import counted_levels, difference_of_means
from segml.features import Feature
from segml.features.encoders import as_numbers
from segml.features.preprocess import signed_log

from .distance import interval, js_distance, psi, psi_expected, say_bins, wasserstein
from .distance_bins import Bins, bin_values, why_nothing

BANDS = {"stable": 0.0, "moderate": 0.1, "major": 0.25}
FEWEST = 30  # customers of a segment, before and after, for what changed within it


def band(value: float) -> str:
    """Say what a PSI means (Siddiqi 2006, Credit Risk Scorecards, ch. 8).

    Examples
    --------
    >>> [band(value) for value in (0.09, 0.1, 0.25, np.nan)]
    ['stable', 'moderate', 'major', 'unknown']
    """
    if np.isnan(value):
        return "unknown"
    return [word for word, least in BANDS.items() if value >= least][-1]


def index_row(bins: Bins, level: float, n_resamples: int, rng: np.random.Generator) -> dict:
    """Return the PSI of counts with its interval, band and chance."""
    value = float(psi(bins.reference, bins.current))
    low, high = interval(bins, psi, level, n_resamples, rng)
    expected, p_value = psi_expected(bins)
    return {
        "bins": len(bins.labels),
        "psi": value,
        "psi_low": low,
        "psi_high": high,
        "band": band(value),
        "expected": expected,
        "p_value": p_value,
    }


def feature_drift(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    known: Mapping[str, Feature],
    level: float,
    n_resamples: int,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a row per feature, and its bins, as `Drift` documents them."""
    rows, all_bins = [], []
    for name in reference.columns:
        feature, sides = known.get(name), [reference[name], current[name]]
        bins = bin_values(sides[0], sides[1], feature)
        row: dict[str, Any] = {
            "feature": name,
            "label": feature.label if feature else str(name),
            "missing_reference": sides[0].isna().mean(),
            "missing_current": sides[1].isna().mean(),
            "band": "unknown",
            "reason": why_nothing(bins),
        }
        all_bins.append(say_bins(bins).assign(feature=name))
        if not row["reason"]:
            rng = generator(seed, "drift", str(name))
            row |= index_row(bins, level, n_resamples, rng)
            row["js"] = float(js_distance(bins.reference, bins.current))
            row["js_low"], row["js_high"] = interval(bins, js_distance, level, n_resamples, rng)
            row |= _moved(sides, feature, level, n_resamples, rng)
        rows.append(row)
    table = pd.DataFrame(rows).reindex(columns=_COLUMNS).set_index("feature")
    return with_chance(table, level), pd.concat(all_bins, ignore_index=True)


_COLUMNS = ["feature", "label", "bins", "psi", "psi_low", "psi_high", "band", "expected"]
_COLUMNS += ["p_value", "js", "js_low", "js_high"]
_COLUMNS += ["wasserstein", "wasserstein_low", "wasserstein_high", "wasserstein_sd"]
_COLUMNS += ["missing_reference", "missing_current", "reason"]


def with_chance(table: pd.DataFrame, level: float) -> pd.DataFrame:
    """Add p-values adjusted for their number, and what is beyond chance."""
    adjusted = holm(table["p_value"].to_numpy(dtype=float))
    return table.assign(p_adjusted=adjusted, beyond_chance=adjusted < 1 - level)


def _moved(
    sides: Sequence[pd.Series],
    feature: Feature | None,
    level: float,
    n_resamples: int,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Return the Wasserstein distance of numbers."""
    if _is_counted(sides, feature):
        return {}
    values = [_known(side) for side in sides]
    found, low, high = wasserstein(values[0], values[1], level, n_resamples, rng)
    spread = values[0].std() if len(values[0]) else 0.0
    return {
        "wasserstein": found,
        "wasserstein_low": low,
        "wasserstein_high": high,
        "wasserstein_sd": found / spread if spread > 0 else np.nan,
    }


def _is_counted(sides: Sequence[pd.Series], feature: Feature | None) -> bool:
    both = pd.concat([side.astype(object) for side in sides])
    return counted_levels(both, feature) is not None


def _known(side: pd.Series) -> np.ndarray:
    values = as_numbers(side.to_frame())[:, 0]
    return np.sort(values[~np.isnan(values)])  # sums then depend on no order of rows


def within_drift(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    labels: tuple[np.ndarray, np.ndarray],
    names: Mapping[int, str],
    known: Mapping[str, Feature],
    level: float,
) -> pd.DataFrame:
    """Return a row per segment and feature, as `Drift` documents them."""
    rows = []
    for segment, name in names.items():
        before, after = (side == segment for side in labels)
        fewest = min(int(before.sum()), int(after.sum()))
        for feature in reference.columns:
            row: dict[str, Any] = {"segment": segment, "name": name, "feature": feature}
            row["band"] = "unknown"
            row["label"] = known[feature].label if feature in known else str(feature)
            row["reason"] = f"fewer than {FEWEST} customers" if fewest < FEWEST else ""
            if not row["reason"]:
                sides = [reference[feature][before], current[feature][after]]
                row |= _within(sides, known.get(feature), level)
            rows.append(row)
    return with_chance(pd.DataFrame(rows).reindex(columns=_WITHIN), level)


_WITHIN = ["segment", "name", "feature", "label", "psi", "band", "expected", "p_value"]
_WITHIN += ["difference", "low", "high", "reason"]


def _within(sides: Sequence[pd.Series], feature: Feature | None, level: float) -> dict[str, Any]:
    bins = bin_values(sides[0], sides[1], feature)
    if reason := why_nothing(bins):
        return {"reason": reason}
    value = float(psi(bins.reference, bins.current))
    expected, p_value = psi_expected(bins)
    row: dict[str, Any] = {"psi": value, "band": band(value)}
    row |= {"expected": expected, "p_value": p_value, "reason": ""}
    if not _is_counted(sides, feature):
        scale = signed_log if feature is not None and feature.scale == "log" else np.asarray
        before, after = (scale(_known(side)) for side in sides)
        difference, half = difference_of_means(after, before, level)
        row |= {"difference": difference, "low": difference - half, "high": difference + half}
    return row
