"""The Lorenz curves of revenue: how much the best customers bring."""

from __future__ import annotations

import textwrap
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from segml._core import text
from segml._core.errors import NotEnoughDataError
from segml.clustering.resampling import two_places
from segml.kpis.lorenz import Concentration

from .card import Description, describe
from .style import GREY, INK, new_axes, segment_color, share_axis

_LINE = 0.19  # inches of a line of text beside the curves
_WIDTH = 26  # characters of a name before it is broken


def plot_concentration(concentration: Concentration, ax: Axes | None = None) -> Axes:
    """Draw the Lorenz curve of revenue of all customers and of each segment.

    Parameters
    ----------
    concentration : Concentration
        From `concentration`.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        A curve per segment in its colour, all customers in grey and a dot where the best
        fifth of them begins; names and Gini indices with their intervals beside them, the
        least even last.

    Raises
    ------
    NotEnoughDataError
        There is no revenue whose spread could be drawn.
    """
    table, curve = concentration.table, concentration.curve
    whole: Any = table.iloc[-1]
    if curve.empty:
        raise NotEnoughDataError(
            "there is nothing to draw: no segment has a Lorenz curve",
            where="concentration",
            got=str(whole["reason"]),
        )
    own = table.iloc[:-1]
    rows = [(own.iloc[i], _color(own.iloc[i]["segment"], i)) for i in range(len(own))]
    # From the most even curve, which is on top, to the least; those without one last.
    rows.sort(key=lambda row: (pd.isna(row[0]["gini"]), row[0]["gini"]))
    names = [_wrapped(str(row["name"])) for row, _ in rows]
    lines = sum(len(name) + 1 for name in names) + 2
    height = max(4.4, 1.4 + _LINE * lines)
    ax = new_axes(ax, width=height + 2.6, height=height)  # a square, and the names beside it
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    for row, color in rows:
        part = curve[curve["segment"] == row["segment"]]
        ax.plot(part["customers"], part["revenue"], color=color, linewidth=1.8, zorder=3)
    part = curve[curve["segment"] == whole["segment"]]
    ax.plot(part["customers"], part["revenue"], color=GREY, linewidth=3.4, zorder=2)
    if not pd.isna(whole["top_fifth"]):
        _mark(ax, 1 - float(whole["top_fifth"]))
    _names(ax, [(whole, GREY, [str(whole["name"])])], rows, names)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.set_aspect("equal", anchor="W")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(share_axis)
        axis.set_ticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    ax.set_xlabel("share of customers, the smallest first")
    ax.set_ylabel("share of revenue that they bring together")
    finding = concentration.verdict.removesuffix(".")
    shown = table[["name", "customers", "revenue", "gini", "low", "high", "top_fifth"]].rename(
        columns={"name": "segment", "gini": "Gini index", "top_fifth": "by the best 20%"}
    )
    said = "; ".join(f"{row['name']}: {two_places(row['gini'])}" for row, _ in rows)
    currency = concentration.currency
    return describe(
        ax,
        Description(
            finding,
            f"Lorenz curves of revenue of {len(own)} segments and of all customers. {finding}. "
            f"Gini index by segment: {said}.",
            shown.reset_index(drop=True),
            {
                "customers": text.count,
                "revenue": lambda value: text.money(value, currency),
                **dict.fromkeys(["Gini index", "low", "high"], two_places),
                "by the best 20%": text.share,
            },
            "The further a curve is below the dashed line, the more unevenly revenue is spread "
            "over the customers of the segment. The Gini index is 0 where all bring the same and "
            "1 where one customer brings all; its interval is in brackets.",
        ),
    )


def _color(segment: str, position: int) -> str:
    """Return the colour of a segment id, or of its place where the id is no number."""
    return segment_color(int(segment) if segment.lstrip("-").isdigit() else position)


def _wrapped(name: str) -> list[str]:
    return textwrap.wrap(name, _WIDTH, max_lines=2, placeholder="…") or [""]


def _mark(ax: Axes, share: float) -> None:
    """Mark where the best fifth of all customers begins, and what the others bring."""
    ax.plot([0.8, 0.8, 0], [0, share, share], color=GREY, linewidth=0.8, zorder=1)
    ax.plot([0.8], [share], "o", ms=7, mfc=INK, mec="none", zorder=5)
    ax.annotate(
        f"80% bring {text.share(share)}",
        (0, share),
        xytext=(5, 4),
        textcoords="offset points",
        fontsize=9,
        color=INK,
        zorder=6,
    )


def _names(ax: Axes, whole: list[Any], rows: list[tuple[Any, str]], names: list[list[str]]) -> None:
    """Write names and indices beside the curves, from the top down."""
    down = 0.0
    listed = [(row, color, name) for (row, color), name in zip(rows, names, strict=True)]
    for row, color, name in [*whole, *listed]:
        gini = two_places(row["gini"])
        if not pd.isna(row["low"]):
            gini += f" ({two_places(row['low'])} to {two_places(row['high'])})"
        elif row["reason"]:
            gini = f"{gini}: {row['reason']}" if pd.isna(row["gini"]) else gini
        for said, ink, at in (("━━", color, 10), ("\n".join([*name, gini]), INK, 34)):
            ax.annotate(
                said,
                (1, 1),
                xycoords="axes fraction",
                xytext=(at, -down),
                textcoords="offset points",
                va="top",
                fontsize=9,
                linespacing=1.3,
                color=ink,
            )
        down += 72 * _LINE * (len(name) + 1) + 3
