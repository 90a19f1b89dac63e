"""How the sizes of segments changed, and who is far from all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from segml.clustering._labels import NOISE
from segml.kpis.intervals import wilson

from .distance_bins import Bins
from .distance_of_shares import difference_of

_FAR = 0.99  # quantile of the distance of the reference's customers to their own centre


def mix_bins(labels: tuple[np.ndarray, np.ndarray], names: Mapping[int, str]) -> Bins:
    """Count customers by segment; a segment that is empty in both is left out."""
    counts = [np.array([(side == i).sum() for i in names], dtype=int) for side in labels]
    kept = np.flatnonzero(counts[0] + counts[1])
    listed = list(names.values())
    return Bins([listed[i] for i in kept], counts[0][kept], counts[1][kept])


def mix_table(
    labels: tuple[np.ndarray, np.ndarray], names: Mapping[int, str], level: float
) -> pd.DataFrame:
    """Return sizes and shares of segments before and after, as `Drift` documents them."""
    rows = []
    n, m = (len(side) for side in labels)
    for segment, name in names.items():
        before, after = (int((side == segment).sum()) for side in labels)
        change, low, high = difference_of(before, n, after, m, level)
        rows.append(
            {
                "segment": segment,
                "name": name,
                "n_reference": before,
                "n_current": after,
                "reference": before / n,
                "current": after / m,
                "change": change,
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(rows).set_index("segment")


def far_table(
    points: tuple[np.ndarray, np.ndarray],
    labels: tuple[np.ndarray, np.ndarray],
    names: Mapping[int, str],
    level: float,
) -> pd.DataFrame:
    """Return who is far from all segments, as `Drift` documents it.

    Parameters
    ----------
    points : pair of ndarray, shape (n_customers, n_columns)
        Customers of the reference and now, on the scale of the segments.
    labels : pair of ndarray of int, shape (n_customers,)
        Their segments.
    names : mapping of int to str
        Segments by id.
    level : float
        Coverage of the interval.
    """
    far = [np.ones(len(side), dtype=bool) for side in points]
    limits: dict[int, float] = {}
    for segment in names:
        own = points[0][labels[0] == segment]
        if segment == NOISE or not len(own):
            continue
        center = own.mean(axis=0)
        limits[segment] = float(np.quantile(_distances(own, center), _FAR))
        for side, found in zip(points, far, strict=True):
            found &= _distances(side, center) > limits[segment]
    rows: list[dict[str, Any]] = []
    listed: list[tuple[int | None, str]] = [*names.items(), (None, "all customers")]
    for one, name in listed:
        inside = [np.ones(len(side), bool) if one is None else side == one for side in labels]
        counts = [int(found[here].sum()) for found, here in zip(far, inside, strict=True)]
        sizes = [int(here.sum()) for here in inside]
        low, high = wilson(counts[1], sizes[1], level) if sizes[1] else (np.nan, np.nan)
        rows.append(
            {
                "segment": one,
                "name": name,
                "limit": np.nan if one is None else limits.get(one, np.nan),
                "reference": counts[0] / sizes[0] if sizes[0] else np.nan,
                "current": counts[1] / sizes[1] if sizes[1] else np.nan,
                "low": low,
                "high": high,
                "n_far": counts[1],
            }
        )
    return pd.DataFrame(rows).astype({"segment": "Int64"})


def _distances(points: np.ndarray, center: np.ndarray) -> np.ndarray:
    return np.sqrt(((points - center) ** 2).sum(axis=1))
