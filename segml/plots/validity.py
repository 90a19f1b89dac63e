"""What segments predict, beside an RFM grid and no segments."""

from __future__ import annotations

import textwrap
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from segml._core import text
from segml.evaluation.validity_result import Validity

from .card import Description, describe
from .style import GREY, INK, PALETTE, new_axes, share_axis

# A column of the table, its mark, how far it is from the middle of the row, and its colour.
_DRAWN = (("segments", "o", -0.17, PALETTE[0]), ("rfm", "s", 0.17, PALETTE[1]))
_HEADLINE = "rank of revenue"
_LABELS = {
    "revenue": "later revenue",
    "rank of revenue": "rank of later revenue",
    "purchase": "who buys again",
    "churn": "who of the active stops",
}


def plot_validity(validity: Validity, ax: Axes | None = None) -> Axes:
    """Draw how much of what customers do later segments explain.

    Parameters
    ----------
    validity : Validity
        From `validity`.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Per outcome a mark with its interval for the segments and one for an RFM grid of as
        many cells; no segments are the line at 0. Areas under the ROC curve are in the table.
    """
    every = validity.predictive
    table = every[every["measure"] != "AUC"].reset_index(drop=True)
    ax = new_axes(ax, height=1.5 + 0.62 * len(table))
    ax.axvline(0, color=GREY, linewidth=1.4, zorder=1)
    for row, one in enumerate(table.to_dict("records")):
        if one["reason"]:
            _say(ax, 0.0, row, f"{text.MISSING}: {textwrap.fill(one['reason'], 60)}")
            continue
        for name, mark, off, color in _DRAWN:
            low, high = one[f"{name}_low"], one[f"{name}_high"]
            ax.plot([low, high], [row + off] * 2, color=color, linewidth=2.2, zorder=2)
            ax.plot([one[name]], [row + off], mark, ms=8, mfc=color, mec="none", zorder=3)
            _say(ax, max(high, 0.0), row + off, text.share(one[name]))
    ax.set_yticks(range(len(table)), [_LABELS[name] for name in table["outcome"]])
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.margins(x=0.1)
    known = table[table["reason"] == ""]
    lowest = min([0.0, *known["segments_low"], *known["rfm_low"]])
    highest = max([0.05, *known["segments_high"], *known["rfm_high"]])
    ax.set_xlim(lowest - 0.02 * (highest - lowest), highest + 0.14 * (highest - lowest))
    ax.xaxis.set_major_formatter(share_axis)
    ax.set_xlabel(
        f"variance explained of what customers do in the {validity.horizon_days} days after"
    )
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)  # the line at 0 is an axis already
    _key(ax, validity.n_cells)
    finding = _finding(table, validity.n_cells)
    return describe(
        ax,
        Description(
            finding,
            f"Variance explained by segments, by an RFM grid and by no segments, of {len(table)} "
            f"outcomes. {finding}. {_said(known)}",
            _numbers(every),
            _FORMATS,
            f"Lines are {text.share(validity.level)} intervals over resamples of customers. "
            "Each customer is predicted by the others of the group, so that many groups do not "
            "win by chance; 0 is no segments. Explained is R² of revenue and of its rank, and "
            "Brier's skill score of who buys and who stops.",
        ),
        room=26,
    )


def _say(ax: Axes, at: float, row: float, said: str) -> None:
    ax.annotate(
        said,
        (at, row),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        color=INK,
    )


def _key(ax: Axes, n_cells: int) -> None:
    """Say above the Axes which mark is what."""
    marks = (
        ("●", PALETTE[0], "segments", 0),
        ("■", PALETTE[1], f"RFM grid of {n_cells} cells", 86),
        ("│", GREY, "no segments", 214),
    )
    for mark, color, word, at in marks:
        for said, ink, right in ((mark, color, at), (word, INK, at + 13)):
            ax.annotate(
                said,
                (0, 1),
                xycoords="axes fraction",
                xytext=(right, 6),
                textcoords="offset points",
                va="bottom",
                fontsize=9,
                color=ink,
            )


def _finding(table: pd.DataFrame, n_cells: int) -> str:
    """Say what of later revenue is explained, and whether RFM explains less."""
    row: Any = table[table["outcome"] == _HEADLINE].iloc[0]
    if row["reason"]:
        return f"What the segments predict is not known: {row['reason']}"
    own, grid = text.share(row["segments"]), text.share(row["rfm"])
    if row["segments_low"] <= 0:
        return "The segments explain nothing of later revenue that could be told from chance"
    beside = f"an RFM grid of {n_cells} cells ({grid})"
    than = "more than" if row["difference_low"] > 0 else "about as much as"
    than = "less than" if row["difference_high"] < 0 else than
    return f"The segments explain {own} of the rank of later revenue, {than} {beside}"


def _said(known: pd.DataFrame) -> str:
    return "; ".join(
        f"{_LABELS[row['outcome']]}: segments {text.share(row['segments'])}, "
        f"RFM grid {text.share(row['rfm'])}"
        for row in known.to_dict("records")
    )


_COLUMNS = {
    "outcome": "outcome",
    "measure": "measure",
    "n": "customers",
    "segments": "segments",
    "segments_low": "segments low",
    "segments_high": "segments high",
    "rfm": "RFM grid",
    "none": "no segments",
    "difference": "segments less RFM",
    "difference_low": "low",
    "difference_high": "high",
}


def _three_places(value: float) -> str:
    return text.MISSING if pd.isna(value) else f"{value:.3f}"


_FORMATS: dict[str, Any] = dict.fromkeys(list(_COLUMNS.values())[3:], _three_places)
_FORMATS["customers"] = text.count


def _numbers(table: pd.DataFrame) -> pd.DataFrame:
    return table[list(_COLUMNS)].rename(columns=_COLUMNS)
