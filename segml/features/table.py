"""Features of all customers with their meaning."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from segml._core import html, text
from segml.engine import Table

from .feature import Feature
from .reliability import Reliability
from .words import levels_of, say_value

_UNFOLDED = 24  # more features than this are folded by kind
_QUARTILES = ("min", "25%", "50%", "75%", "max")


@dataclass(frozen=True)
class FeatureTable:
    """Features of all customers as of a date, with their meaning.

    Parameters
    ----------
    table : Table
        ``customer_id`` and one column per feature, ordered by customer; lazy.
    features : tuple of Feature
        What the columns mean.
    as_of : date
        Last day that is known.
    left_out : mapping of str to str
        Features that could not be computed, with the reason.
    reliability : tuple of Reliability
        Of the survey constructs among the features.
    """

    table: Table
    features: tuple[Feature, ...]
    as_of: dt.date
    left_out: Mapping[str, str] = field(default_factory=dict)
    reliability: tuple[Reliability, ...] = ()

    @property
    def names(self) -> list[str]:
        """The features' names."""
        return [feature.name for feature in self.features]

    def to_pandas(self) -> pd.DataFrame:
        """Fetch as a DataFrame indexed by customer_id."""
        return self.table.to_pandas().set_index("customer_id")

    def to_parquet(self, path: str | Path) -> Path:
        """Write as Parquet: one file on DuckDB, a folder on Spark, without the driver."""
        return self.table.to_parquet(path)

    def describe(self) -> pd.DataFrame:
        """Return the distribution of each feature: numbers, and categories if there are any.

        Returns
        -------
        DataFrame
            By feature: ``missing``, then ``mean``, ``std``, ``min``, quartiles and ``max``
            of numbers; for tables with categories also ``levels`` (how many), the most
            frequent one, ``top``, and its share of the customers who have one, ``top_share``.
        """
        frame = self.to_pandas()
        rows = []
        for feature in self.features:
            values = frame[feature.name].dropna()
            row: dict[str, Any] = {"missing": len(frame) - len(values)}
            if feature.is_category:
                counts = values.value_counts()
                most = sorted(counts.index[counts == counts.max()])
                top = most[0] if most else None
                share = counts.max() / len(values) if most else None
                row |= {"levels": len(counts), "top": top, "top_share": share}
            else:
                numbers = values.astype(float).describe().drop("count")
                row |= {str(name): number for name, number in numbers.items()}
            rows.append(row)
        columns = ["missing", "mean", "std", *_QUARTILES]
        if any(feature.is_category for feature in self.features):
            columns += ["levels", "top", "top_share"]
        index = pd.Index(self.names, name="feature")
        return pd.DataFrame(rows, index=index).reindex(columns=columns)

    def _repr_html_(self) -> str:
        frame = self.to_pandas()
        kinds: dict[str, list[Feature]] = {}
        for feature in self.features:
            kinds.setdefault(feature.kind, []).append(feature)
        folded = len(self.features) > _UNFOLDED and len(kinds) > 1
        tables = []
        for i, (kind, features) in enumerate(kinds.items()):
            made = "".join(_tables(kind, features, frame))
            if folded:
                summary = f"{kind.capitalize()}: {len(features)} feature{'s' * (len(features) > 1)}"
                made = html.fold(summary, made, is_open=i == 0)
            tables.append(made)
        head = [
            ("customers", text.count(len(frame)), f"as of {self.as_of.isoformat()}"),
            ("features", text.count(len(self.features)), _of_kinds(len(kinds))),
        ]
        notes = [html.note(_say(found)) for found in self.reliability]
        reasons: dict[str, list[str]] = {}
        for name, why in self.left_out.items():
            reasons.setdefault(why, []).append(name)
        for why, names in reasons.items():
            verb = "is" if len(names) == 1 else "are"
            notes.append(html.note(f"{', '.join(names)} {verb} left out: {why}"))
        return html.block(html.facts(head), *tables, *notes)


def _of_kinds(count: int) -> str:
    return f"of {count} kinds" if count > 1 else ""


def _tables(kind: str, features: list[Feature], frame: pd.DataFrame) -> list[str]:
    """Return the numbers of one kind, and what is counted: categories, yes or no, hours."""
    numbers: list[list[str | html.Cell]] = []
    categories: list[list[str | html.Cell]] = []
    for feature in features:
        column = frame[feature.name]
        name = html.Cell(feature.label, feature.meaning)
        count = int(column.isna().sum())
        missing = html.Cell(text.count(count), text.share(count / len(frame)) if count else "")
        levels = levels_of(feature, column)
        if levels is None:
            quartiles = column.dropna().astype(float).quantile([0, 0.25, 0.5, 0.75, 1])
            unit = "" if feature.unit == "share" else feature.unit
            shown = (say_value(feature, value) for value in quartiles)
            numbers.append([name, unit, *shown, missing])
        else:
            counts = levels.value_counts()
            top = min(counts.index[counts == counts.max()]) if len(counts) else text.MISSING
            share = counts.max() / counts.sum() if len(counts) else None
            categories.append([name, text.count(len(counts)), top, text.share(share), missing])
    out = []
    if numbers:
        caption = f"{kind.capitalize()} features"
        head = ["feature", "unit", "lowest", "lower quartile", "median", "upper quartile"]
        head += ["highest", "missing"]
        out.append(html.table(head, numbers, caption=caption, numeric=range(2, 8)))
    if categories:
        head = ["feature", "levels", "most frequent", "share", "missing"]
        caption = f"{kind.capitalize()} categories"
        out.append(html.table(head, categories, caption=caption, numeric=(1, 3, 4)))
    return out


def _say(found: Reliability) -> str:
    scale = f"answers from {found.low:g} to {found.high:g}"
    if found.reason:
        return f"{found.construct} ({scale}): no Cronbach's alpha, {found.reason}"
    return (
        f"{found.construct} ({scale}): Cronbach's alpha {found.alpha:.2f} over {found.items} items,"
        f" {text.count(found.respondents)} customers"
    )
