"""Features as the ranks that a tree splits, and its splits as conditions on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segml.features import Feature
from segml.features.encoders import OTHER, LevelEncoder, as_numbers, level_text

from ._arcs import Arc, best_turn, cut
from ._conditions import Choice, Column, Range, roundest

Condition = Range | Choice | Arc
MIN_SHARE = 0.01  # levels of fewer customers are taken together


@dataclass(frozen=True)
class Values:
    """One feature as a tree reads it: numbers, or levels with None where missing.

    Numbers that come round again are on a circle where all of them are within its cycle.
    """

    column: Column
    values: np.ndarray
    is_level: bool
    on_circle: bool = False

    def take(self, rows: np.ndarray) -> Values:
        """Return some customers."""
        return Values(self.column, self.values[rows], self.is_level, self.on_circle)


def read_values(column: pd.Series, feature: Feature | None) -> Values:
    """Read one feature; texts and truths are levels.

    Raises
    ------
    DataError
        Text where the feature is of numbers, or infinite values.
    """
    missing = bool(column.isna().any())
    kind = getattr(column.dtype, "kind", "O")
    is_level = kind == "b" or (feature is not None and feature.is_category)
    if not is_level and feature is None and kind == "O":
        known = column.dropna().astype(object)
        is_level = bool(pd.to_numeric(known, errors="coerce").isna().any()) or bool(
            known.map(lambda value: isinstance(value, (bool, np.bool_))).any()
        )
    name = str(column.name)
    if is_level:
        texts = column.astype(object).where(column.notna(), None)
        values = np.array([None if x is None else level_text(x) for x in texts], dtype=object)
        return Values(Column(name, feature, False, missing), values, True)
    numbers = as_numbers(column.to_frame())[:, 0]
    known = numbers[~np.isnan(numbers)]
    whole = bool((known == np.floor(known)).all())
    read = Column(name, feature, whole, missing)
    on_circle = read.cycle > 0 and bool(((known >= 0) & (known < read.cycle)).all())
    return Values(read, numbers, False, on_circle)


def as_level(column: pd.Series, is_level: bool) -> pd.Series:
    """Return codes that are numbers as texts where the rules know them as levels."""
    return column.astype(object) if is_level else column


class Coded:
    """A feature as ranks: the tree splits them exactly as the values, whatever their unit."""

    def __init__(self, one: Values, codes: np.ndarray) -> None:
        self.one = one
        self.turn = 0.0
        if not one.is_level:
            known = ~np.isnan(one.values)
            self.distinct, places = np.unique(one.values[known], return_inverse=True)
            if one.on_circle and known.any():
                self.turn = best_turn(one.values[known], codes[known], one.column)
                before = int((self.distinct <= self.turn).sum())  # these come after the others
                self.distinct = np.roll(self.distinct, -before)
                places = (places - before) % len(self.distinct)
            self.ranks = np.full(len(one.values), np.nan)
            self.ranks[known] = places
            return
        known = np.array([value is not None for value in one.values], dtype=bool)
        self.levels = _frequent(one, known)
        place = {level: j for j, level in enumerate(self.levels)}
        others, missing = len(self.levels), len(self.levels) + 1
        at = np.array([missing if x is None else place.get(x, others) for x in one.values])
        self.order = self._order(at, codes, missing + 1)
        self.ranks = np.argsort(self.order)[at].astype(float)

    def _order(self, at: np.ndarray, codes: np.ndarray, n: int) -> np.ndarray:
        """Order levels so that those whose customers fall to the same segments are neighbours.

        By the first principal component of their shares of segments (Coppersmith, Hong and
        Hosking 1999, Partitioning nominal attributes in decision trees, Data Mining and
        Knowledge Discovery 3, 197-217), once before the tree is grown.
        """
        feature = self.one.column.feature
        if feature and feature.scale == "ordinal":
            rank = {level: j for j, level in enumerate(feature.levels)}
            own = sorted(range(n - 2), key=lambda j: rank.get(self.levels[j], len(rank)))
            return np.array([*own, n - 2, n - 1])
        counts = np.zeros((n, int(codes.max()) + 1))
        np.add.at(counts, (at, codes), 1)
        sizes = counts.sum(axis=1)
        overall = counts.sum(axis=0) / sizes.sum()
        shares = np.where(sizes[:, None] > 0, counts / np.maximum(sizes, 1)[:, None], overall)
        moved = shares - overall
        axis = np.linalg.eigh((moved * sizes[:, None]).T @ moved)[1][:, -1]
        axis = axis * (1 if axis[np.abs(axis).argmax()] > 0 else -1)
        return np.lexsort((np.arange(n), (moved @ axis).round(12)))

    def split(
        self, threshold: float, rows: np.ndarray, missing_left: bool
    ) -> tuple[Condition, Condition]:
        """Return the conditions of the two sides of a split of some customers."""
        if self.one.is_level:
            left = set(self.order[: int(np.floor(threshold)) + 1].tolist())
            return self._choice(left), self._choice(set(self.order.tolist()) - left)
        ranks = self.ranks[rows]
        known = ranks[~np.isnan(ranks)]
        below, above = known[known <= threshold], known[known > threshold]
        lacking = self._range(missing=True, known=False)
        if len(below) == 0:  # one side is missing values alone
            return lacking, self._range()
        if len(above) == 0:
            return self._range(), lacking
        low, high = self.distinct[int(below.max())], self.distinct[int(above.min())]
        if len(known) == len(ranks):  # none is missing here: they go with the many
            missing_left = len(below) >= len(above)
        if self.one.on_circle:
            at = cut(low, high, self.one.column)
            return Arc(self.turn, at, self.turn, missing_left), Arc(
                at, self.turn, self.turn, not missing_left
            )
        at = roundest(low, high)
        return Range(high=at, missing=missing_left), Range(low=at, missing=not missing_left)

    def _range(self, missing: bool = False, known: bool = True) -> Range | Arc:
        """Return all numbers or none, and those that are missing or not."""
        if self.one.on_circle:
            return Arc(self.turn, self.turn, self.turn, missing, known)
        return Range(missing=missing) if known else Range(np.inf, np.inf, missing)

    def _choice(self, places: set[int]) -> Choice:
        n = len(self.levels)
        chosen = frozenset(self.levels[j] for j in places if j < n)
        return Choice(chosen, tuple(self.levels), n in places, n + 1 in places)


def _frequent(one: Values, known: np.ndarray) -> list[str]:
    if not known.any():
        return []
    frame = pd.DataFrame({"level": one.values[known]}, dtype=object)
    feature = one.column.feature
    encoder = LevelEncoder(0.0 if feature and feature.levels else MIN_SHARE).fit(frame)
    return [level for level in encoder.levels_[0] if level != OTHER]
