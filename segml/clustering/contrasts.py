"""What sets segments apart on the preprocessed scale, feature by feature, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from segml.features import Feature
from segml.features.words import in_sentence, say_value

from .naming import level_word, missing_word, number_word

_MISSING_LEVELS = ("unknown", "not applicable")
_FEWER = 0.5  # what fewer have is said where it is twice as clear as what more have


def scaled_columns(
    preprocessor: Any, given: Sequence[str] | None, n_columns: int
) -> list[tuple[str, str]]:
    """Return feature and name of each preprocessed column, nothing where nothing tells.

    Parameters
    ----------
    preprocessor : transformer
        Fitted.
    given : sequence of str or None
        Names of the columns that it was fitted on.
    n_columns : int
        How many it gives.
    """
    if given is None:
        return []
    try:
        names = [str(name) for name in preprocessor.get_feature_names_out()]
    except (AttributeError, ValueError, TypeError):  # a step that cannot say
        names = [str(name) for name in given]
    if len(names) != n_columns:
        return []
    owners = dict(enumerate(names))
    known = set(given)
    for j, name in owners.items():
        rest = name.partition("__")[2]
        if name not in known and rest in known:  # "num__orders"
            owners[j] = rest
    places = getattr(preprocessor, "output_indices_", {})
    for step, _, columns in getattr(preprocessor, "transformers_", ()):
        one = [columns] if isinstance(columns, str) else list(columns)
        if len(one) == 1 and one[0] in known:
            owners.update((j, one[0]) for j in range(*places[step].indices(len(names))))
    return [(owners[j], name) for j, name in enumerate(names)]


def segment_contrasts(
    centers: np.ndarray,
    sizes: np.ndarray,
    scaled: np.ndarray,
    columns: list[tuple[str, str]],
    features: Mapping[str, Feature],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return by how much segments differ from all customers, and what that is called.

    Parameters
    ----------
    centers : ndarray, shape (n_segments, n_columns)
        Centres on the preprocessed scale.
    sizes : ndarray, shape (n_segments,)
        Customers of each.
    scaled : ndarray, shape (n_customers, n_columns)
        All customers.
    columns : list of (feature, name)
        From `scaled_columns`.
    features : mapping of str to Feature
        What is known of them.

    Returns
    -------
    contrasts, words : DataFrame, shape (n_segments, n_features)
        For numbers the difference of means in standard deviations, along the direction
        of the difference where a feature is on a circle; for the level of a category
        that differs most, and for missing values, Cohen's h (see `profile_segments`).

    Notes
    -----
    A preprocessed column of a level has two values, from which the share follows.
    """
    columns = columns or [(f"feature {j}", "") for j in range(centers.shape[1])]
    groups: dict[str, list[int]] = {}
    for j, (feature, _) in enumerate(columns):
        groups.setdefault(feature, []).append(j)
    names = [name for _, name in columns]
    levels = Counter(name.partition(": ")[2] for name in names if ": " in name)
    overall = np.average(centers, axis=0, weights=sizes)
    low, spread = scaled.min(axis=0), np.ptp(scaled, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(spread > 0, (np.vstack([centers, overall]) - low) / spread, np.nan)
    angles = 2 * np.arcsin(np.sqrt(np.clip(shares, 0, 1)))
    h = np.nan_to_num(angles[:-1] - angles[-1])
    found: dict[str, list[tuple[float, str]]] = {}
    for name, places in groups.items():
        said = _Said(name, features.get(name), levels)
        lacking = [j for j in places if names[j] == f"{name} is missing"]
        level = [j for j in places if names[j].startswith(f"{name}: ")]
        plain = [j for j in places if j not in lacking and j not in level]
        sd = float(np.sqrt(scaled[:, plain].var(axis=0).sum()))
        moved = (centers - overall)[:, plain] / (sd or 1.0)
        found[name] = [
            max(
                [said.number(moved[i])] * bool(plain)
                + [said.level(names[j], h[i, j], shares[i, j]) for j in level]
                + [said.missing(h[i, j], shares[i, j]) for j in lacking]
            )[1:]
            for i in range(len(centers))
        ]
    contrasts = pd.DataFrame({name: [c for c, _ in column] for name, column in found.items()})
    words = pd.DataFrame({name: [w for _, w in column] for name, column in found.items()})
    return contrasts, words


class _Said:
    """Contrasts of one feature in words."""

    def __init__(self, name: str, feature: Feature | None, levels: Mapping[str, int]) -> None:
        self.name, self.feature, self.levels = name, feature, levels
        self.label = feature.label if feature else name.replace("_", " ")

    def number(self, moved: np.ndarray) -> tuple[float, float, str]:
        """Return weight, contrast and word."""
        if len(moved) == 1:
            word = number_word(self.name, moved[0], self.feature)
            return abs(moved[0]), float(moved[0]), word
        strength = float(np.linalg.norm(moved))
        if self.feature is None or not self.feature.cycle or len(moved) != 2:
            return strength, strength, f"unusual {in_sentence(self.label)}"
        turn = np.arctan2(*moved) / (2 * np.pi) % 1
        return strength, strength, f"around {say_value(self.feature, turn * self.feature.cycle)}"

    def level(self, column: str, h: float, share: float) -> tuple[float, float, str]:
        """Return weight, contrast and word."""
        level = column.removeprefix(f"{self.name}: ")
        if level in _MISSING_LEVELS:
            return self.missing(h, share)
        tells = self.levels[level] == 1 and level[:1].isalpha() and len(level) > 1
        label = "" if tells and level.lower() not in ("yes", "no", "other") else self.label
        return max(h, -_FEWER * h), h, level_word(level, share, h > 0, label)

    def missing(self, h: float, share: float) -> tuple[float, float, str]:
        """Return weight, contrast and word; that a feature is known or empty says little.

        Where it does not apply, that follows from another feature, which says it better.
        """
        if h <= 0 or (self.feature and self.feature.missing == "not applicable"):
            return 0.0, 0.0, ""
        return h, h, missing_word(self.label, share)
