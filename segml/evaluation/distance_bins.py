"""Customers counted in the same bins before and after."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from segml.clustering.profile_rows import MIN_SHARE, counted_levels
from segml.features import Feature
from segml.features.encoders import as_numbers
from segml.features.words import level_order, say_value

MISSING, UNSEEN, OTHER = "missing", "not seen before", "other"


@dataclass(frozen=True, eq=False)
class Bins:
    """Customers counted in the same bins before and after.

    Parameters
    ----------
    labels : list of str
        What the bins are.
    reference, current : ndarray of int, shape (n_bins,)
        How many customers; no bin is empty in both.
    """

    labels: list[str]
    reference: np.ndarray
    current: np.ndarray


def bin_values(
    reference: pd.Series, current: pd.Series, feature: Feature | None = None, n_bins: int = 10
) -> Bins:
    """Count customers in bins that the reference gives.

    Parameters
    ----------
    reference, current : Series
        Values of one feature; missing ones are a bin of their own.
    feature : Feature, optional
        What they are values of.
    n_bins : int, default 10
        Quantile groups of the reference's numbers: deciles. Where values are tied there
        are fewer.

    Returns
    -------
    Bins
        Of numbers the upper end belongs to the bin. Below a smallest value that fills the
        first bin by itself is another bin, and so is above the largest. Of categories a
        bin for each level that 1% of the reference's customers have, one for the rarer,
        one for those that the reference does not have.

    Raises
    ------
    DataError
        Infinite values, or values that are neither numbers nor text.

    Examples
    --------
    >>> found = bin_values(pd.Series([1, 1, 2, 3]), pd.Series([1, 3, 9, None]), n_bins=2)
    >>> found.labels
    ['1', 'above 1', 'missing']
    >>> found.reference.tolist(), found.current.tolist()
    ([2, 2, 0], [1, 2, 1])
    """
    sides = [reference, current]
    levels = counted_levels(pd.concat([side.astype(object) for side in sides]), feature)
    if levels is None:
        labels, codes = _number_bins(sides, feature, n_bins)
    else:
        known = [side.notna().to_numpy() for side in sides]
        split = int(known[0].sum())
        labels, codes = _level_bins([levels.iloc[:split], levels.iloc[split:]], feature)
        codes = [_spread(found, there) for found, there in zip(codes, known, strict=True)]
    labels = [*labels, MISSING]
    counts = [np.bincount(found % len(labels), minlength=len(labels)) for found in codes]
    kept = np.flatnonzero(counts[0] + counts[1])
    return Bins([labels[i] for i in kept], counts[0][kept], counts[1][kept])


def _number_bins(
    sides: list[pd.Series], feature: Feature | None, n_bins: int
) -> tuple[list[str], list[np.ndarray]]:
    values = [as_numbers(side.to_frame())[:, 0] for side in sides]
    known = values[0][~np.isnan(values[0])]
    if not len(known):
        return ["any value"], [np.where(np.isnan(one), -1, 0) for one in values]
    edges = np.unique(np.quantile(known, np.arange(1, n_bins) / n_bins, method="inverted_cdf"))
    floor = known.min()
    if edges[0] == floor:  # else what is smaller would be in the bin of the smallest
        edges = np.insert(edges, 0, np.nextafter(floor, -np.inf))
    codes = [np.where(np.isnan(one), -1, np.searchsorted(edges, one)) for one in values]
    said = [say_value(feature, edge) for edge in edges]
    labels = [f"{said[0]} or less", *(f"above {a} to {b}" for a, b in pairwise(said))]
    if edges[0] < floor:
        labels[:2] = [f"below {said[1]}", said[1]]
    return [*labels, f"above {said[-1]}"], codes


def _level_bins(
    sides: list[pd.Series], feature: Feature | None
) -> tuple[list[str], list[np.ndarray]]:
    counts = sides[0].value_counts()
    order = level_order(feature, counts)
    common = [level for level in order if counts[level] >= MIN_SHARE * counts.sum()]
    place = dict.fromkeys(order, len(common)) | {level: i for i, level in enumerate(common)}
    codes = [side.map(place).fillna(len(common) + 1).to_numpy(dtype=int) for side in sides]
    return [*common, OTHER, UNSEEN], codes


def _spread(codes: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Put codes where values are known, -1 elsewhere."""
    found = np.full(len(known), -1)
    found[known] = codes
    return found


def why_nothing(bins: Bins) -> str:
    """Say why bins tell nothing, if they do not.

    Examples
    --------
    >>> why_nothing(Bins(["missing"], np.array([3]), np.array([2])))
    'no customer has a value, before or after'
    """
    return "no customer has a value, before or after" if bins.labels == [MISSING] else ""
