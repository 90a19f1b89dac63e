"""What may be said of customers in a card: attributes of enough of them, and examples."""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_uppercase
from typing import Any

import numpy as np
import pandas as pd

from segml._core import text
from segml.data.suppression import suppress_small_groups
from segml.features import Feature
from segml.features.encoders import as_numbers
from segml.features.preprocess import signed_log
from segml.features.words import say_value

from .profile_rows import counted_levels

ATTRIBUTES = ("demographic", "geographic", "technographic", "psychographic")
_LEVELS = 12  # the others are "other"
_EXAMPLES = 2


def is_attribute(feature: Feature | None, column: pd.Series) -> bool:
    """Whether it says who customers are; of unknown columns all but numbers are taken to."""
    if feature is not None:
        return feature.kind in ATTRIBUTES
    return counted_levels(column, None) is not None


def attribute_words(
    frame: pd.DataFrame,
    known: Mapping[str, Feature],
    labels: pd.Series,
    min_group_size: int,
) -> dict[int, list[tuple[str, str]]]:
    """Return by segment what may be said of attributes: label, and level or median.

    Counts of segments by level are suppressed under `min_group_size`, with those that would
    give them away; of the levels that are left, the most frequent is told.
    """
    ids = sorted(labels.unique())
    found: dict[int, list[tuple[str, str]]] = {int(i): [] for i in ids}
    for name, column in frame.items():
        feature = known.get(str(name))
        if not is_attribute(feature, column):
            continue
        label = feature.label if feature else str(name)
        levels = counted_levels(column, feature)
        if levels is None:
            for i in ids:
                own = column[labels == i].dropna()
                if len(own) >= min_group_size:
                    found[int(i)].append((label, f"median {say_value(feature, own.median())}"))
            continue
        if levels.empty:
            continue
        frequent = levels.value_counts().sort_index().sort_values(ascending=False, kind="stable")
        kept = levels.where(levels.isin(frequent.index[:_LEVELS]), "other")
        counts = pd.crosstab(labels.reindex(kept.index), kept)
        safe = suppress_small_groups(counts, min_group_size=min_group_size)
        for i in counts.index:
            own, total = safe.table.loc[i].dropna(), safe.row_totals
            n = None if total is None else total[i]
            if own.empty or pd.isna(n) or not own.max():
                continue
            best = own.astype(int).idxmax()
            found[int(i)].append((label, f"{best} {text.share(own[best] / n)}"))
    return found


def examples(
    frame: pd.DataFrame,
    known: Mapping[str, Feature],
    labels: pd.Series,
    shown: Mapping[int, list[str]],
    min_group_size: int,
) -> dict[int, list[tuple[str, list[tuple[str, str]]]]]:
    """Return by segment the customers nearest to its medians, under letters.

    Distances are in standard deviations of all customers, of numbers that are no attributes,
    on the features' scales; a missing value is one away. Values are told to two digits, so
    that no one is found by them; of a segment under `min_group_size` there are none.
    """
    found: dict[int, list[tuple[str, list[tuple[str, str]]]]] = {}
    numbers = {
        str(name): _scaled(column, known.get(str(name)))
        for name, column in frame.items()
        if not is_attribute(known.get(str(name)), column)
        and counted_levels(column, known.get(str(name))) is None
    }
    if not numbers:
        return found
    matrix = np.column_stack(list(numbers.values()))
    for i in sorted(labels.unique()):
        rows = np.flatnonzero((labels == i).to_numpy())
        if len(rows) < min_group_size:
            continue
        own = matrix[rows]
        known_at_all = ~np.isnan(own).all(axis=0)
        moved = own[:, known_at_all] - np.nanmedian(own[:, known_at_all], axis=0)
        distance = np.where(np.isnan(moved), 1.0, moved**2).sum(axis=1).round(9)
        nearest = rows[np.lexsort((*np.nan_to_num(own, nan=-np.inf).T[::-1], distance))]
        found[int(i)] = [
            (f"customer {letter}", [_told(frame, known, name, row) for name in shown[int(i)]])
            for letter, row in zip(ascii_uppercase, nearest[:_EXAMPLES], strict=False)
        ]
    return found


def _scaled(column: pd.Series, feature: Feature | None) -> np.ndarray:
    values = as_numbers(column.to_frame())[:, 0]
    values = signed_log(values) if feature is not None and feature.scale == "log" else values
    known = values[~np.isnan(values)]
    return values / (known.std() or 1.0) if len(known) else values


def _told(
    frame: pd.DataFrame, known: Mapping[str, Feature], name: str, row: int
) -> tuple[str, str]:
    feature = known.get(name)
    value: Any = frame[name].iloc[row]
    label = feature.label if feature else name
    return label, say_value(feature, np.nan if pd.isna(value) else float(f"{float(value):.1e}"))
