"""The evidence for how many segments there should be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from segml._core import text
from segml.clustering.choosing import Selection

from .card import Description, describe
from .style import GREY, INK, PALETTE, count_axis, new_figure, share_axis

_SHARES = ("smallest_share", "noise_share", "explained")
# What is drawn where it is known: column, what it is, and whether it is a share.
_PANELS = (
    ("stability", "stability (Jaccard)", False),
    ("border_density", "density at borders", False),
    ("silhouette", "silhouette", False),
    ("smallest_share", "smallest segment", True),
    ("explained", "later revenue explained", True),
)


def plot_selection(selection: Selection, axes: Sequence[Axes] | None = None) -> Sequence[Axes]:
    """Draw what speaks for each number of segments.

    Parameters
    ----------
    selection : Selection
        From `select_n_segments`; ``table`` has a row per number of segments ``k``,
        ``recommended`` is the one to take and ``reason`` says why.
    axes : sequence of Axes, optional
        One for each of stability, density at the borders, silhouette, share of the
        smallest segment and explained later revenue that is known.

    Returns
    -------
    sequence of Axes
        A line each, the recommended number marked.
    """
    table = selection.table
    by = str(table.columns[0])
    figure = None
    best = selection.recommended
    panels = [one for one in _PANELS if one[0] in table and table[one[0]].notna().any()]
    if axes is None:
        wide = len(panels) if len(panels) <= 4 else 3
        rows = -(-len(panels) // wide)
        places = new_figure(2.3 * max(wide, 2), 2.9 if rows == 1 else 2.5 * rows, wide, rows)
        for empty in places[len(panels) :]:
            empty.remove()
        axes = places[: len(panels)]
        figure = axes[0].figure
    for ax, (column, label, is_share) in zip(axes, panels, strict=True):
        _panel(ax, table[by].to_numpy(float), table[column].to_numpy(float), best, is_share)
        ax.set_ylabel(label)
        ax.set_xlabel("segments" if by == "k" else by.replace("_", " "))
    if isinstance(figure, Figure):  # laid out before the title, which would widen the first panel
        figure.set_layout_engine("constrained", rect=(0, 0, 1, 0.9))
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
    _described(axes, selection, by, [label for _, label, _ in panels])
    return axes


def _panel(ax: Axes, x: np.ndarray, y: np.ndarray, best: float, is_share: bool) -> None:
    ax.plot(x, y, color=PALETTE[0], linewidth=1.6, marker="o", markersize=4)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(count_axis)
    ax.yaxis.set_major_formatter(share_axis if is_share else count_axis)
    top = float(np.nanmax(y)) if np.isfinite(y).any() else 1.0
    low = float(np.nanmin(y)) if np.isfinite(y).any() else 0.0
    ax.set_ylim(min(low, 0.0) * 1.1, max(1.25 * top, 0.0) or 0.1)
    ax.axvline(best, color=GREY, linewidth=1, zorder=0)
    here = y[x == best]
    if len(here) and np.isfinite(here[0]):
        ax.plot([best], here, "o", markersize=9, color=PALETTE[4], zorder=3)
        ax.annotate(
            text.share(here[0]) if is_share else text.decimal(here[0], 2),
            (best, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            va="top",
            color=INK,
        )


def _finding(by: str, best: int, reason: str) -> str:
    if by == "k":
        return f"{text.count(best)} segments are recommended: {reason}"
    return f"{by.replace('_', ' ').capitalize()} is best {text.count(best)}: {reason}"


def _described(axes: Sequence[Axes], selection: Selection, by: str, drawn: list[str]) -> None:
    reason = selection.reason[:1].upper() + selection.reason[1:]
    finding = _finding(by, selection.recommended, selection.reason.partition(";")[0])
    table = selection.table.assign(
        recommended=np.where(selection.table["recommended"].fillna(False), "yes", "")
    ).dropna(axis=1, how="all")
    formats: dict[str, Any] = {}
    for name in map(str, table.columns.drop("recommended")):
        form = text.count if name in (by, "n_segments") else text.decimal
        form = text.share if name in _SHARES else form
        formats[name.replace("_", " ")] = form
    table.columns = [str(name).replace("_", " ") for name in table.columns]
    describe(
        axes[0],
        Description(
            finding,
            f"Lines over candidates: {', '.join(drawn)}. {finding}. {reason}.",
            table,
            formats,
            f"{reason}. The mark is the recommended candidate. Stability is that of the least "
            "stable segment; density at borders is relative to the centres of the two segments "
            "that are least apart. The silhouette does not decide.",
        ),
    )
