"""A shallow decision tree as boxes of conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

from segml.features import Feature
from segml.features.encoders import OTHER, LevelEncoder, as_numbers, level_text

from ._conditions import Choice, Column, Condition, Range, roundest

Box = Mapping[str, Condition]
MIN_SHARE = 0.01  # levels of fewer customers are taken together


@dataclass(frozen=True)
class Values:
    """One feature as a tree reads it: numbers, or levels with None where missing."""

    column: Column
    values: np.ndarray
    is_level: bool

    def take(self, rows: np.ndarray) -> Values:
        """Return some customers."""
        return Values(self.column, self.values[rows], self.is_level)


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
    whole = bool((known == np.floor(known)).all()) and (feature is None or not feature.cycle)
    return Values(Column(name, feature, whole, missing), numbers, False)


def grow(
    features: list[Values],
    codes: np.ndarray,
    max_depth: int,
    criterion: str = "gini",
    balanced: bool = False,
) -> list[tuple[dict[str, Condition], int]]:
    """Grow a tree; return its leaves, a box of conditions and a code each.

    Parameters
    ----------
    features : list of Values
        Of the same customers.
    codes : ndarray of int, shape (n_customers,)
        Segments.
    max_depth : int
        Splits above a leaf.
    criterion : {"gini", "entropy"}
        What makes a good split.
    balanced : bool
        Whether segments count alike, whatever their size.

    Returns
    -------
    list of (dict of str to Condition, int)
        Every possible customer is in exactly one box. Neighbours of the same code are one.
    """
    coded = [_Coded(one, codes) for one in features]
    ranks = np.column_stack([one.ranks for one in coded])
    tree = DecisionTreeClassifier(
        criterion=criterion,
        max_depth=max_depth,
        min_samples_leaf=max(1, min(5, len(codes) // 20)),
        class_weight="balanced" if balanced else None,
        random_state=0,
    ).fit(ranks, codes)
    grown = _leaves(tree, coded, ranks, 0, np.arange(len(codes)), {})
    return _merged(grown)


class _Coded:
    """A feature as ranks: the tree splits them exactly as the values, whatever their unit."""

    def __init__(self, one: Values, codes: np.ndarray) -> None:
        self.one = one
        if not one.is_level:
            known = ~np.isnan(one.values)
            self.distinct, places = np.unique(one.values[known], return_inverse=True)
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

    def split(self, threshold: float, rows: np.ndarray, missing_left: bool) -> tuple[Any, Any]:
        """Return the conditions of the two sides of a split of some customers."""
        if self.one.is_level:
            left = set(self.order[: int(np.floor(threshold)) + 1].tolist())
            return self._choice(left), self._choice(set(self.order.tolist()) - left)
        ranks = self.ranks[rows]
        known = ranks[~np.isnan(ranks)]
        if np.isinf(threshold):  # known to the left, missing to the right
            return Range(), Range(np.inf, np.inf, missing=True)
        below, above = known[known <= threshold], known[known > threshold]
        if len(below) == 0 or len(above) == 0:  # one side is missing values alone
            known_side, lacking = Range(), Range(np.inf, np.inf, missing=True)
            return (lacking, known_side) if len(below) == 0 else (known_side, lacking)
        value = roundest(self.distinct[int(below.max())], self.distinct[int(above.min())])
        if len(known) == len(ranks):  # none is missing here: they go with the many
            missing_left = len(below) >= len(above)
        return Range(high=value, missing=missing_left), Range(low=value, missing=not missing_left)

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


def _leaves(
    tree: Any,
    coded: list[_Coded],
    ranks: np.ndarray,
    node: int,
    rows: np.ndarray,
    box: dict[str, Condition],
) -> list[tuple[dict[str, Condition], int]]:
    inner = tree.tree_
    if inner.children_left[node] < 0:
        return [(box, int(tree.classes_[inner.value[node][0].argmax()]))]
    j, threshold = int(inner.feature[node]), float(inner.threshold[node])
    missing_left = bool(inner.missing_go_to_left[node])
    values = ranks[rows, j]
    is_left = np.where(np.isnan(values), missing_left, values <= threshold).astype(bool)
    sides = coded[j].split(threshold, rows, missing_left)
    found = []
    for side, child, own in (
        (sides[0], inner.children_left[node], rows[is_left]),
        (sides[1], inner.children_right[node], rows[~is_left]),
    ):
        name = coded[j].one.column.name
        inside = _both(box[name], side) if name in box else side
        found += _leaves(tree, coded, ranks, child, own, box | {name: inside})
    codes = {code for _, code in found}
    return [(box, codes.pop())] if len(codes) == 1 else found


def _both(one: Condition, other: Condition) -> Condition:
    if isinstance(one, Range) and isinstance(other, Range):
        return Range(
            max(one.low, other.low), min(one.high, other.high), one.missing and other.missing
        )
    if isinstance(one, Choice) and isinstance(other, Choice):
        return Choice(
            one.chosen & other.chosen,
            one.levels,
            one.others and other.others,
            one.missing and other.missing,
        )
    raise TypeError("a feature is numbers or levels, not both")


def _merged(
    leaves: list[tuple[dict[str, Condition], int]],
) -> list[tuple[dict[str, Condition], int]]:
    """Join boxes of a code that differ in one feature, and drop conditions that say nothing."""
    boxes = [(_said(box), code) for box, code in leaves]
    joined = True
    while joined:
        joined = False
        for i in range(len(boxes)):
            for j in range(i + 1, len(boxes)):
                if (
                    boxes[i][1] == boxes[j][1]
                    and (box := _joined(boxes[i][0], boxes[j][0])) is not None
                ):
                    boxes[i] = (box, boxes[i][1])
                    del boxes[j]
                    joined = True
                    break
            if joined:
                break
    return boxes


def _said(box: dict[str, Condition]) -> dict[str, Condition]:
    return {name: one for name, one in box.items() if not one.is_everything}


def _joined(one: dict[str, Condition], other: dict[str, Condition]) -> dict[str, Condition] | None:
    if one.keys() != other.keys():
        return None
    differ = [name for name in one if one[name] != other[name]]
    if len(differ) != 1:
        return None
    a, b = one[differ[0]], other[differ[0]]
    both = a.joined(b)  # type: ignore[arg-type]  # a feature is numbers or levels, not both
    return None if both is None else _said(one | {differ[0]: both})
