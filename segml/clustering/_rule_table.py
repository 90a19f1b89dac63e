"""Rules in words, with how well each does for customers who had no part in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from segml._core import html, text

from ._conditions import Column
from ._rule_tree import Box

_NO_RULE = "no rule of this depth"


@dataclass(frozen=True)
class RuleCell(html.Cell):
    """A segment with its rule below, a line for each alternative: on a phone there is room."""

    rule: str = ""

    def html(self) -> str:
        lines = "<br>or ".join(escape(line) for line in self.rule.split("; or "))
        return f"<strong>{escape(self.text)}</strong><small>{escape(self.detail)}</small>{lines}"


def interval_words(row: pd.Series, name: str) -> str:
    """Return the interval of a share in a row of the table, in words."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "" if pd.isna(low) else f"{text.share(low)} to {text.share(high)}"


def rule_table(
    segments: pd.DataFrame,
    boxes: list[list[Box]],
    columns: Mapping[str, Column],
    codes: np.ndarray,
    held_out: np.ndarray,
    level: float,
) -> pd.DataFrame:
    """Return the table of `SegmentRules`.

    Parameters
    ----------
    segments : DataFrame
        ``name`` and ``size`` by segment id.
    boxes : list of list of Box
        The alternatives of each.
    columns : mapping of str to Column
        The features that they use.
    codes, held_out : ndarray of int, shape (n_customers,)
        Places of the customers' segments, and of those by the rules of other customers.
    level : float
        Coverage of the intervals.
    """
    rules = [_say(own, columns) for own in boxes]
    table = pd.DataFrame({"name": segments["name"], "rule": rules, "size": segments["size"]})
    hits = held_out == codes
    for name, of in (("precision", held_out), ("coverage", codes)):
        found = [
            share_within(int((hits & (of == i)).sum()), int((of == i).sum()), level)
            for i in range(len(table))
        ]
        for j, part in enumerate(("", "_low", "_high")):
            table[name + part] = [one[j] for one in found]
    return table


def _say(boxes: list[Box], columns: Mapping[str, Column]) -> str:
    if not boxes:
        return _NO_RULE
    parts = [" and ".join(one.say(columns[name]) for name, one in box.items()) for box in boxes]
    return "; or ".join(parts) if parts[0] else "everyone"


def share_within(hits: int, n: int, level: float) -> tuple[float, float, float]:
    """Return a share and its interval by Wilson (1927), missing where there is nobody."""
    if n == 0:
        return np.nan, np.nan, np.nan
    found = binomtest(hits, n).proportion_ci(level, "wilson")
    return hits / n, float(found.low), float(found.high)
