"""What two runs have in common and not, in words and formatted numbers."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from segml._core import text
from segml.kpis.table import ALL, formatted

from .compare_tables import NONE

if TYPE_CHECKING:
    from .compare import RunComparison

SAME = "the same"


def verdict(found: RunComparison) -> tuple[str, ...]:
    """Return what differs between two runs, in a few sentences."""
    said = [_asked(found.params)]
    if found.data_same is not None:
        said.append("The data are the same." if found.data_same else "The data are not the same.")
    if len(found.metrics):
        moved = [
            f"{row['label'].lower()} {words}"
            for row in found.metrics.to_dict("records")
            if (words := change_words(row)) not in (SAME, "")
        ]
        said.append(
            f"Of the metrics, {'; '.join(moved)}." if moved else "All metrics are the same."
        )
    if found.migration is not None:
        said.append(f"{found.migration.verdict}.")
    if len(found.kpis):
        apart = int(found.kpis["apart"].sum())
        said.append(
            f"{text.count(apart)} of {text.count(len(found.kpis))} KPI values have moved further "
            "than their intervals reach."
            if apart
            else "No KPI value has moved further than its interval reaches."
        )
    return tuple(said)


def _asked(params: pd.DataFrame) -> str:
    both = params[(params[["a", "b"]] != NONE).all(axis=1)]
    alone = len(params) - len(both)
    words = []
    if len(both):
        differ = "parameter differs" if len(both) == 1 else "parameters differ"
        words.append(f"{text.count(len(both))} {differ}: {_listed(both['name'])}.")
    if alone:
        has = "parameter is" if alone == 1 else "parameters are"
        words.append(f"{text.count(alone)} {has} known to one of the runs only.")
    return " ".join(words) or "The parameters are the same."


def change_words(row: Mapping[Hashable, Any]) -> str:
    """Return a change: in points for shares, in percent else; empty where there is none known.

    Examples
    --------
    >>> change_words({"unit": "share", "a": 0.4, "b": 0.45, "change": 0.05, "relative": 0.125})
    '+5.0 points'
    >>> change_words({"unit": "count", "a": 100, "b": 75, "change": -25, "relative": -0.25})
    '-25%'
    """
    moved = row["change"]
    if pd.isna(moved):
        return ""
    if moved == 0:
        return SAME
    sign = "+" if moved > 0 else "-"
    if row["unit"] == "share":
        points = abs(100 * moved)
        return f"{sign}{points:.1f} points" if points >= 0.05 else f"{sign}<0.1 points"
    if row["unit"] == "count" and max(row["a"], row["b"]) < 20 and float(moved).is_integer():
        return f"{sign}{abs(moved):.0f}"
    if pd.isna(row["relative"]) or row["a"] < 0 or row["unit"] == "score":
        return f"{sign}{text.decimal(abs(moved))}"
    return f"{sign}{text.share(abs(row['relative']))}"


def value_words(row: Mapping[Hashable, Any], side: str, currency: str) -> str:
    """Return a number of one of the runs with its unit."""
    value = row[side]
    return text.MISSING if pd.isna(value) else formatted(row["unit"], value, currency)


def interval_words(row: Mapping[Hashable, Any], side: str, currency: str) -> str:
    """Return the interval of a number of one of the runs; empty where there is none."""
    low, high = row[f"{side}_low"], row[f"{side}_high"]
    if pd.isna(low) or pd.isna(high):
        return ""
    ends = (formatted(row["unit"], end, currency) for end in (low, high))
    return " to ".join(ends)


def all_last(segment: str) -> str:
    """Return what a segment is called as the head of a column."""
    return "All customers" if segment == ALL else segment


def _listed(names: pd.Series, most: int = 6) -> str:
    shown = [str(name) for name in names[:most]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {text.count(more)} more" if more else "")
