"""A shallow decision tree as boxes of conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.tree import DecisionTreeClassifier

from ._arcs import Arc
from ._conditions import Choice, Range
from ._rule_codes import Coded, Condition, Values

Box = Mapping[str, Condition]


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
    coded = [Coded(one, codes) for one in features]
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


def _leaves(
    tree: Any,
    coded: list[Coded],
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
    if isinstance(one, Arc) and isinstance(other, Arc):
        return one.both(other)
    raise TypeError("conditions of one feature are of one kind")


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
