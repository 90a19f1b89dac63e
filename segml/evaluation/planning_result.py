"""What a plan of a test says."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from segml._core import html, text
from segml.kpis.table import ALL


@dataclass(frozen=True)
class ExperimentPlan:
    """Sizes that a test needs beside those that there are.

    Parameters
    ----------
    table : DataFrame
        By segment and, last, for all customers: ``name``, ``mean``, ``effect`` (the difference
        to be seen), ``customers`` there are, ``needed`` in all groups together, ``days`` until
        they have come (0 where they are there), ``detectable`` (the smallest difference that
        those there are would show), ``feasible`` and ``reason`` where it is not.
    kind : {"share", "mean", "revenue"}
        What is compared.
    power, level : float
        Chance to see the effect; 1 less the chance of a false finding in the test.
    shares : dict of str to float
        Share of each group.
    currency : str
        ISO code for display.
    notes : tuple of str
        What the reader should know.
    """

    table: pd.DataFrame
    kind: str
    power: float
    level: float
    shares: dict[str, float]
    currency: str = ""
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """Which segments can be tested, in a sentence or two."""
        segments = self.table[self.table["segment"] != ALL]
        able = segments[segments["feasible"]]
        whole = self.table[self.table["segment"] == ALL].iloc[0]
        if len(able) == len(segments):
            said = "Every segment is large enough for the effect to be seen."
        elif len(able):
            said = (
                f"{len(able)} of {len(segments)} segments are large enough for the effect to be "
                f"seen: {', '.join(str(name) for name in able['name'])}."
            )
        else:
            said = "No segment is large enough for the effect to be seen in it alone."
        together = "can" if whole["feasible"] else "cannot"
        return f"{said} All customers together {together} show it."

    def _value(self, value: float) -> str:
        if self.kind == "share":
            return text.share(value)
        return text.money(value, self.currency) if self.kind == "revenue" else text.decimal(value)

    def _repr_html_(self) -> str:
        rows: list[list[str | html.Cell]] = [
            [
                html.Cell(str(row["name"]), f"{text.count(row['customers'])} customers"),
                self._value(row["mean"]),
                _points(self.kind, row["effect"], self._value(row["effect"])),
                text.count(row["needed"]),
                "now" if row["days"] == 0 else text.count(row["days"]),
                _points(self.kind, row["detectable"], self._value(row["detectable"])),
                html.Cell("yes" if row["feasible"] else "no", row["reason"]),
            ]
            for row in self.table.to_dict("records")
        ]
        head = ["segment", "now", "effect", "needed", "days to fill", "detectable", "feasible"]
        caption = f"Customers needed at a power of {text.share(self.power)}"
        parts = [
            html.note(self.verdict),
            html.table(head, rows, caption=caption, numeric=range(1, 6)),
        ]
        return html.block(*parts, *(html.note(note) for note in self.notes))


def _points(kind: str, value: float, said: str) -> str:
    """Say differences of shares in percentage points."""
    if kind != "share" or math.isnan(value):
        return said
    return f"{text.decimal(100 * value, 2)} pp"
