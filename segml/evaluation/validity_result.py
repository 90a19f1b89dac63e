"""What `validity` returns: the criteria, the numbers behind them, and how they are shown."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pandas as pd

from segml._core import html, text
from segml.clustering.resampling import two_places

from .validity_criteria import NO, UNKNOWN, YES, say_value


@dataclass(frozen=True, eq=False)
class Validity:
    """Whether a segmentation is worth having.

    Parameters
    ----------
    criteria : DataFrame
        By criterion (accessible, measurable, substantial, distinct, stable, predictive):
        ``question``, ``verdict`` ("yes", "no" or "unknown"), ``evidence`` (what was measured),
        ``value``, ``low``, ``high``, ``unit`` ("share" or "index") and ``reason``.
    predictive : DataFrame
        A row per ``outcome`` and ``measure``: ``n`` (customers), ``mean`` of the outcome,
        what no segments have (``none``), and with ``_low`` and ``_high`` each ``segments``,
        ``rfm`` (the grid of as many cells) and ``difference`` of the two; ``reason`` where
        they are missing.
    internal : DataFrame
        By index: ``value``, ``low``, ``high``, ``n``, ``better``, ``meaning``, ``reason``.
    segments : DataFrame
        By segment id, noise as -1: ``name``, ``size``, ``share``; ``revenue_share`` so far,
        ``reachable`` (share that can be written to), ``spread`` (variance of the features for
        that of all customers), ``rules`` (share whom the rules put into the segment, held
        out), ``purchase_rate`` and ``later_revenue`` per customer in the horizon; with
        intervals ``_low`` and ``_high`` but for the spread.
    as_of : date
        Last day that the segments may know.
    horizon_days : int
        Days after it in which outcomes are counted.
    n_cells : int
        Cells of the RFM grid.
    verdict : str
        What it comes to, in plain words.
    notes : tuple of str
        What the reader should know.
    level : float
        Coverage of the intervals.
    currency : str
        ISO code, for display.
    """

    criteria: pd.DataFrame
    predictive: pd.DataFrame
    internal: pd.DataFrame
    segments: pd.DataFrame
    as_of: dt.date
    horizon_days: int
    n_cells: int
    verdict: str
    notes: tuple[str, ...] = ()
    level: float = 0.95
    currency: str = ""

    def _repr_html_(self) -> str:
        parts = [self._criteria(), html.note(self.verdict), self._predictive()]
        parts.append(html.fold("By segment", self._segments()))
        parts.append(html.fold("Indices from the features alone", self._internal()))
        return html.block(*parts, *(html.note(note) for note in self.notes))

    def _criteria(self) -> str:
        rows: list[list[str | html.Cell]] = [
            [
                html.Cell(str(name), row["question"]),
                _MARKS[row["verdict"]],
                _interval(row, "", lambda value, unit=row["unit"]: say_value(value, unit)),
                html.Cell(row["evidence"], row["reason"]),
            ]
            for name, row in zip(self.criteria.index, self.criteria.to_dict("records"), strict=True)
        ]
        caption = f"Is the segmentation worth having? As of {self.as_of.isoformat()}"
        return html.table(
            ["criterion", "met", "value", "evidence"], rows, caption=caption, numeric=[2]
        )

    def _predictive(self) -> str:
        rows = []
        for row in self.predictive.to_dict("records"):
            own = text.share if row["measure"] != "AUC" else two_places
            of = f"{row['measure']}, {text.count(row['n'])} customers"
            cells: list[str | html.Cell] = [html.Cell(row["outcome"], of)]
            if row["reason"]:
                cells += [html.Cell(text.MISSING, row["reason"]), "", "", ""]
            else:
                cells += [_interval(row, name, own) for name in ("segments", "rfm")]
                cells += [own(row["none"]), _interval(row, "difference", _signed(row["measure"]))]
            rows.append(cells)
        caption = (
            f"What the segments tell of the {self.horizon_days} days after, beside an RFM grid "
            f"of {self.n_cells} cells and no segments"
        )
        head = ["outcome", "segments", "RFM grid", "no segments", "segments less RFM"]
        return html.table(head, rows, caption=caption, numeric=range(1, 5))

    def _segments(self) -> str:
        def money(value: float) -> str:
            return text.money(value, self.currency)

        rows: list[list[str | html.Cell]] = [
            [
                html.Cell(str(row["name"]), f"{text.count(row['size'])} customers"),
                text.share(row["share"]),
                _interval(row, "revenue_share", text.share),
                _interval(row, "reachable", text.share),
                two_places(row["spread"]),
                _interval(row, "rules", text.share),
                _interval(row, "purchase_rate", text.share),
                _interval(row, "later_revenue", money),
            ]
            for row in self.segments.to_dict("records")
        ]
        head = ["segment", "of customers", "of revenue", "reachable", "spread", "by rules"]
        head += ["buy later", "later revenue each"]
        return html.table(head, rows, numeric=range(1, 8))

    def _internal(self) -> str:
        rows: list[list[str | html.Cell]] = [
            [
                html.Cell(str(name), f"{row['meaning']}; {row['better']} is better"),
                html.Cell(text.MISSING, row["reason"])
                if row["reason"]
                else _interval(row, "", lambda value: text.decimal(value, 3)),
                text.count(row["n"]),
            ]
            for name, row in zip(self.internal.index, self.internal.to_dict("records"), strict=True)
        ]
        return html.table(["index", "value", "customers"], rows, numeric=[1, 2])


_MARKS = {
    YES: "✓\N{NO-BREAK SPACE}yes",
    NO: "✗\N{NO-BREAK SPACE}no",
    UNKNOWN: "?\N{NO-BREAK SPACE}unknown",
}


def _signed(measure: str) -> Any:
    """Return how a difference is written: in percentage points, AUC as it is."""
    if measure == "AUC":
        return lambda value: f"{value:+.3f}"
    return lambda value: f"{100 * value:+.1f} pp"


def _interval(row: Any, name: str, say: Any) -> html.Cell:
    """Return a value with its interval below it, where there is one."""
    names = (name, f"{name}_low", f"{name}_high") if name else ("value", "low", "high")
    value, low, high = (row[one] for one in names)
    if pd.isna(value):
        return html.Cell(text.MISSING)
    if pd.isna(low):
        return html.Cell(say(value))
    return html.Cell(say(value), f"{say(low)} to {say(high)}")


def in_words(criteria: pd.DataFrame) -> str:
    """Say what the criteria come to.

    Examples
    --------
    >>> criteria = pd.DataFrame(
    ...     {"verdict": ["yes", "no", "unknown"]}, index=["accessible", "distinct", "stable"])
    >>> in_words(criteria)
    'Of 3 criteria 1 is met (accessible), 1 is not (distinct), 1 cannot be told (stable).'
    """
    parts = []
    for verdict, one, more in (
        (YES, "is met", "are met"),
        (NO, "is not", "are not"),
        (UNKNOWN, "cannot be told", "cannot be told"),
    ):
        names = [str(name) for name in criteria.index[criteria["verdict"] == verdict]]
        if names:
            word = one if len(names) == 1 else more
            parts.append(f"{len(names)} {word} ({', '.join(names)})")
    return f"Of {len(criteria)} criteria {', '.join(parts)}."
