"""Differences between customers, feature by feature, as profiles measure them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from segml.features.words import in_sentence

from .profile_rows import feature_rows


class Effects:
    """Differences by feature, as profiles measure them."""

    def __init__(self, frame: pd.DataFrame, known: Mapping[str, Any]) -> None:
        self.columns = [(known.get(str(name)), column) for name, column in frame.items()]
        self.labels = [
            in_sentence(feature.label) if feature else str(column.name)
            for feature, column in self.columns
        ]

    def between(self, inside: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the size of the difference of some of `rows` to the others, by feature.

        Where all of either are equal, but not to each other, it is infinite.
        """
        codes = inside[rows].astype(int)
        sizes = np.empty(len(self.columns))
        for j, (feature, column) in enumerate(self.columns):
            values = column[rows]
            (_, row) = feature_rows(values, feature, codes, 2, 0.95)
            effect = row.get("effect", np.nan)
            if np.isnan(effect):
                known = values.notna().to_numpy()
                one, other = values[known & (codes == 1)], values[known & (codes == 0)]
                apart = len(one) > 0 and len(other) > 0 and set(one).isdisjoint(other)
                effect = np.inf if apart else 0.0
            sizes[j] = abs(effect)
        return sizes
