"""Rules of each segment, and how they do for customers who had no part in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ._labels import NOISE
from ._rule_codes import Values
from ._rule_tree import Box, grow

_FOLDS = 5
# Gini's impurity is the most faithful for a few segments; where it passes over one, entropy,
# which parts many more evenly, and then segments that count alike whatever their size.
_WAYS = (("gini", False), ("entropy", False), ("entropy", True))


def rules_by_code(values: list[Values], codes: np.ndarray, depth: int) -> list[list[Box]]:
    """Return the boxes of each code, the one of most customers first."""
    n_segments = int(codes.max()) + 1
    leaves: list[tuple[dict[str, Any], int]] = []
    for way in _WAYS:
        grown = grow(values, codes, depth, *way)
        if _n_codes(grown) > _n_codes(leaves):
            leaves = grown
        if _n_codes(leaves) == n_segments:
            break
    by_name = {one.column.name: one.values for one in values}
    sizes = [int(_holds(box, by_name, len(codes)).sum()) for box, _ in leaves]
    ranked = [leaves[i] for i in np.argsort([-size for size in sizes], kind="stable")]
    return [[box for box, own in ranked if own == code] for code in range(n_segments)]


def _n_codes(leaves: list[tuple[dict[str, Any], int]]) -> int:
    return len({code for _, code in leaves})


def held_out_codes(values: list[Values], codes: np.ndarray, depth: int) -> np.ndarray:
    """Return the code that each customer gets by the rules of others; -1 where there are none."""
    n = len(codes)
    folds = min(_FOLDS, n)
    found = np.full(n, -1)
    if folds < 2:
        return found
    # Customers are sorted by segment and values: each fold has its share of each.
    within = np.random.default_rng(0).permutation(n)
    fold = np.empty(n, dtype=int)
    fold[within[np.argsort(codes[within], kind="stable")]] = np.arange(n) % folds
    for i in range(folds):
        train, test = np.flatnonzero(fold != i), np.flatnonzero(fold == i)
        present, own = np.unique(codes[train], return_inverse=True)
        boxes = rules_by_code([one.take(train) for one in values], own, depth)
        tested = {one.column.name: one.values[test] for one in values}
        by_code = dict(zip(present.tolist(), boxes, strict=True))
        found[test] = assign(by_code, tested, len(test))
    return found


def _holds(box: Box, values: Mapping[str, np.ndarray], n: int) -> np.ndarray:
    holds = np.ones(n, dtype=bool)
    for name, condition in box.items():
        holds &= condition.holds(values[name])
    return holds


def assign(boxes: Mapping[int, Any], values: Mapping[str, np.ndarray], n: int) -> np.ndarray:
    """Return the segment whose box each customer is in."""
    found = np.full(n, NOISE)
    for segment, own in boxes.items():
        for box in own:
            found[_holds(box, values, n)] = segment
    return found
